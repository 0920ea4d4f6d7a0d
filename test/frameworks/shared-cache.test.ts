/** A shared cache between the visitors and the application hands no visitor's session to another. */
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { memoryStore } from "coatcheck";
import { describe, expect, onTestFinished, test } from "vitest";
import { apache } from "../servers/apache.ts";
import { describeWithServer } from "../servers/suite.ts";
import type { Handler } from "./adapters/adapter.ts";
import { everyAdapter } from "./adapters/every-adapter.ts";

describeWithServer(apache, (cache) => {
  /** Asks for a page through the cache. */
  async function visit(port: number, path: string, cookie?: string) {
    const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
      const sent = request(
        {
          host: cache().host,
          port: cache().port,
          path: `/${port}${path}`,
          agent: false,
          headers: cookie === undefined ? {} : { cookie },
        },
        resolve,
      );
      sent.on("error", reject).end();
    });
    const setCookie = response.headers["set-cookie"] ?? [];
    return { setCookie, cookie: setCookie[0]?.split(";")[0], body: await text(response) };
  }

  describe.each(everyAdapter)("$name", (adapter) => {
    async function start(handler: Handler) {
      const { port, close } = await adapter.start({ sessions: [{ store: memoryStore() }], handler });
      onTestFinished(close);
      return port;
    }

    test("a page without a session is kept: the cache works", async () => {
      let made = 0;
      const port = await start(() => ({ headers: { "Cache-Control": "max-age=600" }, body: `${++made}` }));
      expect((await visit(port, "/")).body).toBe("1");
      expect((await visit(port, "/")).body).toBe("1");
    });

    // Reports: CVE-2026-35192.
    test.each(["max-age=600", "s-maxage=600", "public, max-age=600, immutable", "no-cache, max-age=600"])(
      "a new session's cookie goes to one visitor, where the application says %s",
      async (value) => {
        const port = await start(({ session }) => {
          session.set("a", 1);
          return { headers: { "Cache-Control": value }, body: "hello" };
        });
        const first = await visit(port, "/");
        const second = await visit(port, "/");
        expect(first.setCookie).toHaveLength(1);
        expect(second.setCookie).toHaveLength(1);
        expect(second.cookie).not.toBe(first.cookie);
      },
    );

    test("the HTML page of a signed-in visitor is shown to no other", async () => {
      const port = await start(({ session, path }) => {
        if (path === "/login") session.login("ann");
        return {
          headers: { "Cache-Control": "max-age=600", "Content-Type": "text/html; charset=utf-8" },
          body: `hello ${session.userId}`,
        };
      });
      const { cookie } = await visit(port, "/login");
      expect((await visit(port, "/", cookie)).body).toBe("hello ann");
      expect((await visit(port, "/", "unrelated=1")).body).toBe("hello null");
      expect((await visit(port, "/")).body).toBe("hello null");
    });
  });
});
