/** What the adapters for every runtime do on each of them, through real sockets: written once, run on all. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BoundBrowser } from "../instruments/bound-browser.ts";
import { Device } from "../instruments/device.ts";
import { dial } from "../instruments/loopback.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { Visitor, words } from "../instruments/visitor.ts";
import { installed } from "./install.ts";
import { missing, type Runtime, runtimes } from "./runtimes.ts";
import { type Started, start } from "./start.ts";

await installed(new URL(".", import.meta.url));

/** With a cookie store nothing can race or be ended: the browser has the whole session. */
const isKeyed = (store: string) => store !== "cookies";

describe.each(runtimes)("$name", (runtime) => {
  const why = missing(runtime);
  if (why) test.skip(why, () => {});
  else everything(runtime);
});

function everything(runtime: Runtime) {
  let site: Started | undefined;
  beforeAll(async () => {
    site = await start(await runtime.run(runtime.site));
  });
  afterAll(() => site?.stop());

  const newVisitor = () => new Visitor((site as Started).port);

  /** Tells a store how to behave from now on; resolves to the verbs that were called until now. */
  async function tell(store: string, behaviour = ""): Promise<string[]> {
    return JSON.parse((await newVisitor().visit(`/store/${store}?${behaviour}`)).body);
  }

  /** Resolves when the store holds a call. */
  async function aCallIsHeld(store: string): Promise<void> {
    while ((await newVisitor().visit(`/store/${store}?held`)).body === "0") await sleep(5);
  }

  describe.each(["fetch", "hono"])("%s", (adapter) => {
    describe.each(runtime.stores)("%s", (store) => {
      const at = (act: string) => `/${adapter}/${store}/${act}`;
      afterEach(() => tell(store));

      test("a visitor comes back, and another is another", async () => {
        const [ann, ben] = [newVisitor(), newVisitor()];
        const seen = [];
        for (const visitor of [ann, ann, ben, ann]) seen.push((await visitor.visit(at("count"))).body);
        expect(seen).toEqual(["1", "2", "1", "3"]);
      });

      test("a login is there when the redirect has been followed, and gone after the logout", async () => {
        const visitor = newVisitor();
        await visitor.visit(at("write"));
        const before = visitor.cookie;
        const { status, setCookie } = await visitor.visit(at("login?status=303"));
        expect([status, setCookie.length]).toEqual([303, 1]);
        expect(visitor.cookie).not.toBe(before);
        expect((await visitor.visit(at("look"))).body).toBe('["ann",{"a":2}]');
        const goodbye = await visitor.visit(at("logout"));
        expect(goodbye.setCookie).toMatchObject([expect.stringMatching(/^sessionid=; Max-Age=0/)]);
        expect((await visitor.visit(at("look"))).body).toBe("[null,{}]");
      });

      test("a cookie with an unknown key is left as it is, and nothing is stored for it", async () => {
        const visitor = newVisitor();
        visitor.cookie = `sessionid=${"0".repeat(32)}`;
        const { setCookie, headers } = await visitor.visit(at("look"));
        expect([setCookie, words(headers.vary)]).toEqual([[], ["Accept-Encoding", "Cookie"]]);
      });

      test("a response with an error status keeps nothing", async () => {
        const visitor = newVisitor();
        const { status, setCookie } = await visitor.visit(at("write?status=500"));
        expect([status, setCookie]).toEqual([500, []]);
      });

      if (isKeyed(store)) keyed(store, at);
      else {
        test.each(["once?requests=1", "watch"])(
          "%s says that it needs a store on the server",
          async (what) => {
            const visitor = newVisitor();
            await visitor.visit(at("count"));
            expect((await visitor.visit(at(what))).body).toMatch(/^SettingsError: .*store on the server/);
          },
        );
      }
    });
  });

  /** Tests that need a store which keeps the data itself. */
  function keyed(store: string, at: (act: string) => string) {
    test.each([
      { came: false, act: "nothing", calls: "" },
      { came: false, act: "read", calls: "", varies: true },
      { came: false, act: "write", calls: "create", cookie: "set" },
      { came: false, act: "login", calls: "create", cookie: "set" },
      { came: false, act: "save", calls: "create update", cookie: "set" },
      { came: true, act: "nothing", calls: "read" },
      { came: true, act: "read", calls: "read", varies: true },
      { came: true, act: "write", calls: "read update", varies: true },
      { came: true, act: "cycleKey", calls: "read rotate", cookie: "set" },
      { came: true, act: "setExpiry", calls: "read update", cookie: "set" },
      { came: true, act: "flush", calls: "read delete", cookie: "removed" },
      { came: true, act: "flush?status=500", calls: "read delete", cookie: "removed" },
    ])("$act, came before: $came: store $calls, cookie $cookie", async (row) => {
      const { came, act, calls, cookie = "left alone", varies = cookie !== "left alone" } = row;
      const visitor = newVisitor();
      if (came) await visitor.visit(at("count"));
      await tell(store);
      const { setCookie, headers } = await visitor.visit(at(act));
      expect((await tell(store)).join(" ")).toBe(calls);
      const became = setCookie.map((line) => (line.includes("Max-Age=0;") ? "removed" : "set"));
      expect(became).toEqual(cookie === "left alone" ? [] : [cookie]);
      expect(words(headers.vary)).toEqual(["Accept-Encoding", ...(varies ? ["Cookie"] : [])]);
      expect(headers["cache-control"]).toBe(
        cookie === "left alone" ? "public, max-age=60" : "private, no-store",
      );
    });

    test("a redirect's head does not leave before the session is stored", async () => {
      await tell(store, "holds=create");
      const wire = dial((site as Started).port);
      wire.send(`GET ${at("login?status=303")} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      await aCallIsHeld(store);
      await sleep(20);
      expect(wire.received).toBe("");
      await tell(store);
      expect(await wire.closed).toMatch(/^HTTP\/1\.1 303 [\s\S]*set-cookie: sessionid=/i);
    });

    test.each([
      ["create", "write", false],
      ["update", "write", true],
      ["rotate", "login", true],
      ["delete", "logout", true],
      ["read", "look", true],
    ])("%s fails at %s: a 503 with nothing of the handler's", async (verb, act, came) => {
      const visitor = newVisitor();
      if (came) await visitor.visit(at("count"));
      await tell(store, `breaks=${verb}`);
      const { status, headers, setCookie, body } = await visitor.visit(at(act));
      expect([status, headers["retry-after"], headers["x-handler"], setCookie]).toEqual([
        503,
        "5",
        undefined,
        [],
      ]);
      expect(body).not.toContain("disk");
    });

    test("fifty visits at once are fifty", async () => {
      const visitor = newVisitor();
      await visitor.visit(at("count"));
      await tell(store, "takes=2");
      const { cookie } = visitor;
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => {
          const tab = newVisitor();
          tab.cookie = cookie;
          return tab.visit(at("count"));
        }),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect((await visitor.visit(at("look"))).body).toBe('[null,{"visits":51}]');
    });

    test("two at once are both stored, though the first has been answered long before", async () => {
      const visitor = newVisitor();
      await visitor.visit(at("count"));
      await tell(store, "takes=60");
      const answers = await Promise.all(["count", "write", "count"].map((act) => visitor.visit(at(act))));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await visitor.visit(at("look"))).body).toBe('[null,{"visits":3,"a":2}]');
    });

    test("a client that hangs up while its session is stored stops nothing, and holds up no other request", async () => {
      const visitor = newVisitor();
      await visitor.visit(at("count"));
      await tell(store, "holds=update");
      const wire = dial((site as Started).port);
      wire.send(`GET ${at("write")} HTTP/1.1\r\nHost: localhost\r\nCookie: ${visitor.cookie}\r\n\r\n`);
      await aCallIsHeld(store);
      wire.hangUp();
      await wire.closed;
      await tell(store);
      expect((await visitor.visit(at("count"))).status).toBe(200);
      expect((await visitor.visit(at("look"))).body).toBe('[null,{"visits":2,"a":2}]');
    });

    test("what is changed while the response streams is kept by save()", async () => {
      const visitor = newVisitor();
      const { setCookie, body } = await visitor.visit(at("stream"));
      expect([setCookie.length, body]).toEqual([1, "one true"]);
      expect((await visitor.visit(at("look"))).body).toBe('[null,{"early":true,"late":true}]');
    });

    test("ten requests that ask for a token at once get the one that one of them made", async () => {
      const visitor = newVisitor();
      await visitor.visit(at("count"));
      const tabs = Array.from({ length: 10 }, () => {
        const tab = newVisitor();
        tab.cookie = visitor.cookie;
        return tab.visit(at("once?requests=10"));
      });
      expect((await Promise.all(tabs)).map(({ body }) => body)).toEqual(Array(10).fill("[1,1]"));
      expect((await visitor.visit(at("look"))).body).toBe('[null,{"visits":1,"token":1}]');
    });

    test.each(["logout", "login"])(
      "a stream that watches its session goes on over a new key, and ends with a %s",
      async (end) => {
        const visitor = newVisitor();
        await visitor.visit(at("count"));
        const wire = dial((site as Started).port);
        wire.send(
          `GET ${at("watch")} HTTP/1.1\r\nHost: localhost\r\nCookie: ${visitor.cookie}\r\nConnection: close\r\n\r\n`,
        );
        await expect.poll(() => wire.received).toContain("watching");
        await visitor.visit(at("cycleKey"));
        await tell(store);
        // Looks that began after the change.
        const reads: string[] = [];
        await expect.poll(async () => reads.push(...(await tell(store)))).toBeGreaterThan(2);
        expect(wire.received).not.toContain("over");
        await visitor.visit(at(end));
        expect(await wire.closed).toContain("over");
      },
    );

    test("a slow request brings no logged-out session back", async () => {
      const visitor = newVisitor();
      await visitor.visit(at("login"));
      const { cookie } = visitor;
      await tell(store, "holds=update");
      const slow = newVisitor();
      slow.cookie = cookie;
      const answer = slow.visit(at("write"));
      await aCallIsHeld(store);
      await visitor.visit(at("logout"));
      await tell(store);
      const { status, setCookie } = await answer;
      expect([status, setCookie]).toEqual([200, []]);
      expect((await slow.visit(at("look"))).body).toBe("[null,{}]");
    });
  }

  test("lazy: an unused session costs no round trip but the one that was asked for", async () => {
    const visitor = newVisitor();
    await visitor.visit("/lazy/memory/count");
    await tell("memory");
    expect((await visitor.visit("/lazy/memory/count")).body).toBe("2");
    expect(await tell("memory")).toEqual(["read", "update"]);
  });

  test("each call of the store and each commit is told on the tracing channels", async () => {
    const visitor = newVisitor();
    const created = { status: 200, result: { outcome: "created", attempts: 1 } };
    const saved = { status: 200, result: { outcome: "saved", attempts: 1 } };
    const call = (operation: string, result: string) => ({ operation, store: "memory", result });
    const told = async () => JSON.parse((await visitor.visit("/traced/memory/count")).body);
    expect(await told()).toEqual([call("create", "saved"), created]);
    expect(await told()).toEqual([call("read", "found"), call("update", "saved"), saved]);
  });

  test("behind a proxy with TLS the cookie is Secure, by the name that only https may set", async () => {
    const headers = { "X-Forwarded-Proto": "https" };
    const visitor = newVisitor();
    const { setCookie } = await visitor.visit("/proxied/memory/count", { headers });
    expect(setCookie).toMatchObject([
      expect.stringMatching(/^__Host-sessionid=.*; Path=\/; Secure; HttpOnly; SameSite=Lax$/),
    ]);
    expect((await visitor.visit("/proxied/memory/count", { headers })).body).toBe("2");
  });

  test.each(["ES256", "RS256"] as const)(
    "a session is bound to an %s key of the device",
    async (algorithm) => {
      const browser = new BoundBrowser((site as Started).port, new MovedClock(Date.now()));
      const device = new Device(algorithm);
      await browser.visit("/bound/memory/login");
      expect((await browser.register({ device })).status).toBe(200);
      expect((await browser.visit("/bound/memory/isBound")).body).toBe("true");
      expect((await browser.refresh()).status).toBe(200);
      const binding = browser.bindings[0] as (typeof browser.bindings)[number];
      expect((await browser.askToRefresh({ ...binding, device: new Device(algorithm) })).status).toBe(403);
      await browser.visit("/bound/memory/logout");
      expect(browser.cookie).toBe("");
    },
  );
}
