import { createSessions, memoryStore, type Session, SessionNotLoadedError } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { spyStore } from "../instruments/spy-store.ts";

const { store, took } = spyStore(memoryStore());
const eager = createSessions({ store });
const lazy = createSessions({ store, lazy: true });

let browser: Browser;
/** A lazy session of a visitor with `{ a: 1 }`. */
let session: Session;
const openLazy = () => lazy.open(browser.cookie, { secure: false });

beforeEach(async () => {
  browser = new Browser(eager);
  await browser.visit((session) => session.set("a", 1));
  took();
  session = await openLazy();
});

describe("a lazy session", () => {
  it("asks the store when the handler awaits load(), and never otherwise", async () => {
    expect(took()).toEqual([]);
    await session.load();
    expect(took()).toEqual(["read"]);
    expect(session.get("a")).toBe(1);
    session.set("b", 2);
    await lazy.commit(session, { status: 200 });
    expect(await browser.sees()).toEqual({ a: 1, b: 2 });
  });

  it("needs no store for a visitor without a cookie", async () => {
    const newcomer = await lazy.open(null, { secure: false });
    await newcomer.load();
    expect(took()).toEqual([]);
    expect(newcomer.isEmpty).toBe(true);
  });

  const uses: Record<string, (session: Session) => unknown> = {
    require: (s) => s.require("a"),
    get: (s) => s.get("a"),
    set: (s) => s.set("a", 1),
    delete: (s) => s.delete("a"),
    has: (s) => s.has("a"),
    pop: (s) => s.pop("a"),
    setDefault: (s) => s.setDefault("a", 1),
    assign: (s) => s.assign({}),
    update: (s) => s.update("a", () => 1),
    keys: (s) => s.keys(),
    values: (s) => [...s.values()],
    entries: (s) => s.entries(),
    iteration: (s) => [...s],
    forEach: (s) => s.forEach(() => {}),
    size: (s) => s.size,
    toObject: (s) => s.toObject(),
    clear: (s) => s.clear(),
    isEmpty: (s) => s.isEmpty,
    key: (s) => s.key,
    handle: (s) => s.handle,
    "modified = true": (s) => Object.assign(s, { modified: true }),
    "modified = false": (s) => Object.assign(s, { modified: false }),
    cycleKey: (s) => s.cycleKey(),
    login: (s) => s.login("u1"),
    userId: (s) => s.userId,
    authenticatedAt: (s) => s.authenticatedAt,
    setExpiry: (s) => s.setExpiry(60),
    getExpiryAge: (s) => s.getExpiryAge(),
    getExpiryDate: (s) => s.getExpiryDate(),
    getExpireAtBrowserClose: (s) => s.getExpireAtBrowserClose(),
    setTestCookie: (s) => s.setTestCookie(),
    testCookieWorked: (s) => s.testCookieWorked(),
    deleteTestCookie: (s) => s.deleteTestCookie(),
  };

  it.each(Object.keys(uses))("%s before load() throws, and says what to write", (use) => {
    expect(() => uses[use]?.(session)).toThrow(SessionNotLoadedError);
    expect(() => uses[use]?.(session)).toThrow("await session.load()");
  });

  it("save before load() rejects", async () => {
    await expect(session.save()).rejects.toBeInstanceOf(SessionNotLoadedError);
  });

  it.each(["flush", "logout"] as const)("%s works before load(): one delete, no read", async (end) => {
    session[end]();
    await lazy.commit(session, { status: 200 });
    expect(took()).toEqual(["delete"]);
    expect(await browser.sees()).toEqual({});
  });

  it("can be filled after a flush without load()", async () => {
    session.flush();
    session.set("b", 2);
    const own = new Browser(lazy);
    await own.respond(session);
    expect(took().sort()).toEqual(["create", "delete"]);
    const after = await eager.open(own.cookie, { secure: false });
    expect(after.toObject()).toEqual({ b: 2 });
  });
});

describe("load again", () => {
  it("reads again", async () => {
    const session = await browser.open();
    expect(session.get("a")).toBe(1);
    await browser.copy().visit((other) => other.set("a", 2));
    await session.load();
    expect(session.get("a")).toBe(2);
    expect(session.modified).toBe(false);
  });

  it("makes pending changes again on what it read", async () => {
    const session = await browser.open();
    session.update("n", (n = 0) => n + 1);
    session.set("b", 2).delete("gone");
    await browser.copy().visit((other) => other.set("n", 10).set("a", 5).set("b", 9));
    await session.load();
    expect(session.toObject()).toEqual({ a: 5, b: 2, n: 11 });
    expect(session.modified).toBe(true);
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ a: 5, b: 2, n: 11 });
  });

  it("of a session under a new key shows nothing of it, and its changes arrive there", async () => {
    const session = await browser.open();
    const other = browser.copy();
    await other.visit((other) => other.set("a", 2).cycleKey());
    await session.load();
    expect([session.key, session.get("a")]).toEqual([null, 1]);
    session.set("b", 3);
    await browser.respond(session);
    expect(await other.sees()).toEqual({ a: 2, b: 3 });
  });

  it("of a session that was ended elsewhere leaves this request's own changes, and stores none of them", async () => {
    const session = await browser.open();
    session.set("b", 2);
    await browser.copy().visit((other) => other.logout());
    await session.load();
    expect(session.toObject()).toEqual({ b: 2 });
    session.set("c", 3);
    expect((await browser.respond(session)).cookie).toBe("none");
    expect(await browser.sees()).toEqual({});
  });
});
