/** The recipes of docs/recipes.md as whole applications, each built and served by its framework's own tool. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, Visitor } from "../instruments/visitor.ts";
import type { Started } from "../runtimes/start.ts";
import { type Built, built } from "./application.ts";
import { type Ask, sites } from "./sites.ts";

describe.each(sites)("$name", (site) => {
  let application: Built | undefined;
  beforeAll(async () => {
    application = await built(site);
  });
  afterAll(() => application?.remove());

  describe.each([
    { way: "on plain http", proto: "http", name: "sessionid", environment: site.onPlainHttp },
    {
      way: "behind a proxy that speaks https",
      proto: "https",
      name: "__Host-sessionid",
      environment: () => site.behindProxy ?? {},
    },
  ])("$way", ({ proto, name, environment }) => {
    let started: Started | undefined;
    beforeAll(async () => {
      started = await application?.serve(environment);
    });
    afterAll(() => started?.stop());

    const newVisitor = () => new Visitor((started as Started).port);

    const ask = (visitor: Visitor, { path, headers, body }: Ask) =>
      visitor.visit(path, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          ...(proto === "https" ? { "X-Forwarded-Proto": proto } : site.plainHeaders),
          ...(body === undefined ? {} : { "Content-Length": body.length }),
          Origin: `${proto}://127.0.0.1:${(started as Started).port}`,
          Accept: "text/html",
          ...headers,
        },
        body,
      });

    const says = ({ body }: Answer) => /\w+, visit \d+/.exec(body)?.[0];

    test("a visitor comes back, and another visitor is another", async () => {
      const [ann, ben] = [newVisitor(), newVisitor()];
      const seen = [];
      for (const visitor of [ann, ann, ben, ann]) seen.push(says(await ask(visitor, site.home)));
      expect(seen).toEqual(["null, visit 1", "null, visit 2", "null, visit 1", "null, visit 3"]);
      expect(ann.cookie?.split("=")[0]).toBe(name);
    });

    test("a login is there when its answer has been followed, and gone after the logout", async () => {
      const visitor = newVisitor();
      await ask(visitor, site.home);
      const { cookie } = visitor;
      const { status, headers, setCookie } = await ask(visitor, site.login);
      expect([status, headers.location, setCookie]).toEqual([
        site.redirects ? expect.toSatisfy(isRedirectToGet) : 200,
        site.redirects ? expect.stringMatching(/^(https?:\/\/127\.0\.0\.1:\d+)?\/$/) : undefined,
        [
          expect.stringMatching(
            proto === "https" ? /^__Host-sessionid=.*; Secure/ : /^sessionid=(?!.*Secure)/,
          ),
        ],
      ]);
      expect(visitor.cookie).not.toBe(cookie);
      expect(says(await ask(visitor, site.home))).toBe("ann, visit 2");
      await ask(visitor, site.logout);
      expect(visitor.cookie).toBe(undefined);
      expect(says(await ask(visitor, site.home))).toBe("null, visit 1");
    });

    for (const [path, expected] of site.signingIn) {
      test(`a login is kept at ${path}, which is answered with ${expected}`, async () => {
        const visitor = newVisitor();
        const { status, setCookie } = await ask(visitor, { path });
        expect([status, setCookie.length]).toEqual([expected, 1]);
        expect(says(await ask(visitor, site.home))).toBe("ann, visit 1");
      });
    }

    if (site.broken !== null) {
      test("a login is not kept where the page fails", async () => {
        const { status, setCookie } = await ask(newVisitor(), { path: site.broken as string });
        expect([status, setCookie]).toEqual([500, []]);
      });
    }
  });
});

/** 302 and 303 make the browser GET the next page after a form; 307 and 308 would post the form again. */
const isRedirectToGet = (status: number) => status === 302 || status === 303;
