import { setImmediate } from "node:timers/promises";
import { createSessions, memoryStore, type Options } from "coatcheck";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { overhear, overhearWarnings } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

const browserWith = (options: Options, secure = false) =>
  new Browser(createSessions({ store: memoryStore(), ...options }), { secure });

/** The headers that set and remove the cookie, the key cut out. */
async function written(cookie: Options["cookie"], secure: boolean) {
  const browser = browserWith(cookie === undefined ? {} : { cookie }, secure);
  const set = await browser.visit((session) => session.set("a", 1));
  const removed = await browser.visit((session) => session.flush());
  return [set.setCookie?.replace(/=[a-z0-9]{32}/, "=KEY"), removed.setCookie];
}

const GONE = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

describe("the cookie", () => {
  // Reports: elixir-plug/plug#850.
  it.each([
    [undefined, false, "sessionid", "Path=/; HttpOnly; SameSite=Lax"],
    [undefined, true, "__Host-sessionid", "Path=/; Secure; HttpOnly; SameSite=Lax"],
    [
      { domain: "example.com" },
      true,
      "sessionid",
      "Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax",
    ],
    [{ path: "/shop" }, true, "sessionid", "Path=/shop; Secure; HttpOnly; SameSite=Lax"],
    [{ secure: false }, true, "sessionid", "Path=/; HttpOnly; SameSite=Lax"],
    [{ httpOnly: false, sameSite: "strict" }, false, "sessionid", "Path=/; SameSite=Strict"],
    [{ sameSite: "none" }, true, "__Host-sessionid", "Path=/; Secure; HttpOnly; SameSite=None"],
    [{ partitioned: true }, true, "__Host-sessionid", "Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned"],
    [{ name: "sid" }, true, "sid", "Path=/; Secure; HttpOnly; SameSite=Lax"],
    [
      { name: "__Secure-id", domain: "a.b" },
      true,
      "__Secure-id",
      "Path=/; Domain=a.b; Secure; HttpOnly; SameSite=Lax",
    ],
  ] as [Options["cookie"], boolean, string, string][])(
    "with %o, https %s, is %s with %s, set and removed alike",
    async (cookie, secure, name, attributes) => {
      expect(await written(cookie, secure)).toEqual([
        `${name}=KEY; Max-Age=1209600; ${attributes}`,
        `${name}=; ${GONE}; ${attributes}`,
      ]);
    },
  );

  it("holds 32 letters of a-z0-9, each as likely as the other", async () => {
    const browser = browserWith({});
    const seen = new Map<string, number>();
    for (let n = 0; n < 500; n++) {
      browser.jar.clear();
      await browser.visit((session) => session.set("a", 1));
      expect(browser.key).toMatch(/^[a-z0-9]{32}$/);
      for (const letter of String(browser.key)) seen.set(letter, (seen.get(letter) ?? 0) + 1);
    }
    expect(seen.size).toBe(36);
    // 16,000 letters, 444 of each on average: 7 standard deviations either way.
    for (const count of seen.values()) expect(Math.abs(count - 444)).toBeLessThan(150);
  });

  it("comes with Vary and without a public cache", async () => {
    const reply = await browserWith({}).visit((session) => session.set("a", 1));
    expect(reply.headers.map(([name]) => name).sort()).toEqual(["Cache-Control", "Set-Cookie", "Vary"]);
    expect(reply.cacheControl).toBe("private, no-store");
    expect(reply.vary).toBe("Cookie");
  });

  it("is not sent again by a write that changes neither key nor end", async () => {
    const browser = browserWith({});
    await browser.visit((session) => session.set("a", 1));
    expect((await browser.visit((session) => session.set("a", 2))).cookie).toBe("none");
  });

  it("is sent when a session is stored after a flush, not removed", async () => {
    const browser = browserWith({});
    await browser.visit((session) => session.set("a", 1));
    const { key } = browser;
    const reply = await browser.visit((session) => {
      session.flush();
      session.set("b", 2);
    });
    expect(reply.cookie).toBe("set");
    expect(browser.key).not.toBe(key);
    expect(await browser.sees()).toEqual({ b: 2 });
  });
});

describe("a Secure cookie on a request that is not", () => {
  it("is withheld: nothing is created, and one warning gives the cure", async () => {
    const { store, took } = spyStore(memoryStore());
    const { of } = overhear();
    await setImmediate(); // The warnings of the test before are told.
    const warnings = overhearWarnings();
    const sessions = createSessions({ store, cookie: { secure: true } });
    const browser = new Browser(sessions);
    for (let visit = 0; visit < 3; visit++) {
      const session = await browser.open();
      session.set("a", 1);
      session.login("u1");
      const reply = await browser.respond(session);
      expect(reply.cookie).toBe("none");
      sessions.finish(session);
    }
    expect(took()).toEqual([]);
    expect(of("withheld")).toHaveLength(3);
    const told = await warnings();
    expect(told.map(({ code }) => code)).toEqual(["COATCHECK_COOKIE_WITHHELD"]);
    expect(told[0]?.message).toContain("trust proxy");
  });

  it("is told by save()", async () => {
    const session = await browserWith({ cookie: { secure: true } }).open();
    session.set("a", 1);
    expect(await session.save()).toBe(false);
    expect(session.key).toBeNull();
  });

  it("leaves a session that is stored as it is: data is written, the key stays", async () => {
    const store = memoryStore();
    const secure = new Browser(createSessions({ store, cookie: { secure: true } }), { secure: true });
    await secure.visit((session) => session.set("a", 1));
    const plain = new Browser(createSessions({ store, cookie: { secure: true } }));
    plain.jar.set("__Host-sessionid", String(secure.key));
    expect((await plain.visit((session) => session.set("a", 2))).cookie).toBe("none");
    expect(await secure.sees()).toEqual({ a: 2 });
    expect((await plain.visit((session) => session.cycleKey())).cookie).toBe("none");
    expect(await secure.sees()).toEqual({ a: 2 });
  });
});
