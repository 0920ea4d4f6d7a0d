import { createHash, createHmac } from "node:crypto";
import { createSessions, memoryStore, type Options, type Session, SettingsError } from "coatcheck";
import { signedCookieStore } from "coatcheck/cookies";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { heldStore } from "../instruments/held-store.ts";
import { overhear } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

const OLD = "connect.sid";
const SID = "aV-93_jd0Kx8QeXnJ1mWZt5uRbLyHcPs";

/** The value of the cookie as express-session writes it. */
function signed(sid: string, secret: string): string {
  const mac = createHmac("sha256", secret).update(sid).digest("base64").replace(/=+$/, "");
  return encodeURIComponent(`s:${sid}.${mac}`);
}

/** Stores a session as the drop-in for express-session does, and returns a browser that has its cookie. */
async function visitorOf(
  options: Partial<Options> = {},
  { userId = "ada" as string | null, sid = SID } = {},
) {
  const inner = memoryStore();
  const now = Date.now();
  const times = {
    createdAt: now,
    authenticatedAt: userId === null ? null : now,
    expiresAt: now + 86_400_000,
  };
  const record = { data: '{"cart":1}', version: 1, userId, ...times, expiry: null, format: 1 };
  const id = createHash("sha256").update(sid).digest("hex") as Parameters<typeof inner.create>[0];
  await inner.create(id, record, { signal: new AbortController().signal, now });
  const spy = spyStore(inner);
  const held = heldStore(spy.store);
  const sessions = createSessions({ store: held.store, legacy: { secret: "old secret" }, ...options });
  const browser = new Browser(sessions);
  browser.jar.set(OLD, signed(sid, "old secret"));
  return { sessions, browser, took: spy.took, hold: held.hold };
}

describe("the cookie of express-session is the key of its session", () => {
  it("for as long as the session lives", async () => {
    const { browser } = await visitorOf();
    for (let n = 0; n < 3; n++) {
      const session = await browser.open();
      expect([session.userId, session.get("cart")]).toEqual(["ada", 1]);
      expect((await browser.respond(session)).cookie).toBe("none");
    }
  });

  it("which the next write sends under our name; both then lead there, ours first", async () => {
    const { browser, took } = await visitorOf();
    const reply = await browser.visit((session) => session.set("cart", 2));
    expect(reply.all("Set-Cookie")).toHaveLength(1);
    expect(reply.setCookie).toMatch(/^sessionid=s%3A.*; Max-Age=1209600; Path=\/; HttpOnly; SameSite=Lax$/);
    expect([...browser.jar.keys()]).toEqual([OLD, "sessionid"]);
    took();
    expect((await browser.visit((session) => session.set("cart", 3))).cookie).toBe("none");
    expect(took()).toEqual(["read", "update"]);
    browser.jar.delete(OLD);
    expect(await browser.sees()).toEqual({ cart: 3 });
    expect((await browser.open()).userId).toBe("ada");
  });

  it("which a touch sends under our name too", async () => {
    const { browser } = await visitorOf({ idleTimeout: 200_000 });
    expect((await browser.visit()).setCookie).toMatch(/^sessionid=s%3A/);
  });

  it("all requests of one page load see the visitor, and none loses its change", async () => {
    const { browser } = await visitorOf();
    const requests = await Promise.all(Array.from({ length: 8 }, () => browser.copy().open()));
    expect(requests.map((session) => session.userId)).toEqual(Array(8).fill("ada"));
    for (const [n, session] of requests.entries())
      session.set(`part${n}`, n).update("cart", (c = 0) => c + 1);
    const replies = await Promise.all(requests.map((session) => browser.respond(session)));
    expect(replies.every(({ setCookie }) => setCookie?.startsWith("sessionid="))).toBe(true);
    expect(await browser.sees()).toMatchObject({ cart: 9, part0: 0, part7: 7 });
  });

  it.each<[string, (session: Session) => unknown]>([
    ["login", (session) => session.login("ada")],
    ["cycleKey", (session) => session.cycleKey()],
  ])("%s changes it for one of ours, and the old one leads nowhere", async (_name, change) => {
    const { browser, sessions } = await visitorOf();
    await browser.visit(change);
    expect(browser.jar.get("sessionid")).toMatch(/^[a-z0-9]{32}$/);
    expect((await browser.open()).userId).toBe("ada");
    const thief = new Browser(sessions);
    thief.jar.set(OLD, String(browser.jar.get(OLD)));
    expect((await thief.open()).isEmpty).toBe(true);
  });

  it("logout ends the session and removes both cookies", async () => {
    const { browser, sessions } = await visitorOf();
    await browser.visit((session) => session.set("cart", 2));
    const thief = browser.copy();
    const reply = await browser.visit((session) => session.logout());
    expect(reply.all("Set-Cookie").map((cookie) => cookie.split("; ")[0])).toEqual(["sessionid=", `${OLD}=`]);
    expect(browser.jar.size).toBe(0);
    expect((await thief.open()).isEmpty).toBe(true);
    expect(await sessions.stats()).toMatchObject({ live: 0 });
  });

  it("logout removes the old cookie where it came alone, also lazily and in a session begun anew", async () => {
    for (const lazy of [false, true]) {
      const { browser, sessions } = await visitorOf({ lazy });
      await browser.visit((session) => session.logout());
      expect(browser.jar.size).toBe(0);
      expect(await sessions.stats()).toMatchObject({ live: 0 });
    }
    const { browser, sessions } = await visitorOf();
    await browser.visit((session) => session.login("ada"));
    await browser.visit((session) => session.logout());
    expect(browser.jar.size).toBe(0);
    expect(await sessions.stats()).toMatchObject({ live: 0 });
  });

  it("a write that was held up during a logout brings neither the session nor its cookie back", async () => {
    const { browser, hold } = await visitorOf();
    const slow = await browser.open();
    slow.set("cart", 2);
    const write = hold("update");
    const reply = browser.copy().respond(slow);
    await write.arrived;
    await browser.visit((session) => session.logout());
    write.release();
    expect((await reply).cookie).toBe("none");
  });

  it("a name of its own, or the same name for both, is taken", async () => {
    const named = await visitorOf({ legacy: { secret: "old secret", name: "sid" } });
    expect((await named.browser.open()).userId).toBeNull();
    named.browser.jar.set("sid", String(named.browser.jar.get(OLD)));
    expect((await named.browser.open()).userId).toBe("ada");

    const { browser } = await visitorOf({ cookie: { name: OLD } });
    await browser.visit((session) => session.set("cart", 2));
    expect((await browser.open()).userId).toBe("ada");
    await browser.visit((session) => session.login("ada"));
    expect(browser.jar.get(OLD)).toMatch(/^[a-z0-9]{32}$/);
    expect((await browser.visit((session) => session.logout())).all("Set-Cookie")).toHaveLength(1);
  });
});

/** The last letter of a signature stands for four bits of six; its successor has the same four. */
function withNextLetter(value: string): string {
  return value.slice(0, -1) + String.fromCharCode(value.charCodeAt(value.length - 1) + 1);
}

describe("only what a secret has signed", () => {
  const refused: Record<string, string> = {
    "signed by another secret": signed(SID, "another secret"),
    "without a signature": encodeURIComponent(`s:${SID}`),
    "the bare id": SID,
    "with a signature cut short": signed(SID, "old secret").slice(0, -1),
    "with a last letter that decodes to the same bytes": withNextLetter(signed(SID, "old secret")),
    "with another id": signed(SID, "old secret").replace("aV", "bV"),
    "with no id": signed("", "old secret"),
    "badly encoded": `%${signed(SID, "old secret")}`,
    "with something after it": `${signed(SID, "old secret")}x`,
  };

  it.each(Object.entries(refused))("%s: the store is not asked, and an event tells", async (_how, value) => {
    const { of } = overhear();
    for (const name of [OLD, "sessionid"]) {
      const { browser, took } = await visitorOf();
      browser.jar.clear();
      browser.jar.set(name, value);
      expect((await browser.open()).isEmpty).toBe(true);
      expect(took()).toEqual([]);
    }
    expect(of("malformed")).toHaveLength(2);
  });

  it("any of a list of secrets; the first signs anew", async () => {
    const { browser } = await visitorOf({ legacy: { secret: ["new secret", "old secret"] } });
    await browser.visit((session) => session.set("cart", 2));
    expect(browser.jar.get("sessionid")).toBe(signed(SID, "new secret"));
    expect((await browser.open()).get("cart")).toBe(2);
  });

  it("of ids in any alphabet, as a genid of the application made them", async () => {
    const sid = "tenant-7.ünï/+=.1";
    const { browser } = await visitorOf({}, { sid });
    expect((await browser.open()).userId).toBe("ada");
  });

  it.each<[unknown, string]>([
    [{}, "legacy.secret"],
    [{ secret: "" }, "legacy.secret"],
    [{ secret: [] }, "legacy.secret"],
    [{ secret: ["keyboard cat", 7] }, "legacy.secret"],
    ["keyboard cat", "legacy"],
    [{ secret: "keyboard cat", name: "a b" }, "legacy.name"],
    [{ secret: "keyboard cat", maxAge: 1 }, "legacy.maxAge"],
  ])("wrong options are refused at start, and no secret is shown", (legacy, option) => {
    const make = () => createSessions({ store: memoryStore(), legacy: legacy as never });
    expect(make).toThrow(SettingsError);
    expect(make).toThrow(`The option ${option} takes `);
    expect(make).not.toThrow(/keyboard cat/);
  });

  it("not with a store whose cookies carry the sessions", () => {
    const store = signedCookieStore({ secrets: ["s".repeat(32)] });
    expect(() => createSessions({ store, legacy: { secret: "old secret" } })).toThrow(
      /The option legacy takes no/,
    );
  });
});
