import { createSessions, memoryStore, type Session, StoreUnavailableError } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";
import { spyStore } from "../instruments/spy-store.ts";

const { store: faulty, breaks, mended } = faultyStore(memoryStore());
const { store: held, hold } = heldStore(faulty);
const { store, took } = spyStore(held);

let browser: Browser;
beforeEach(async () => {
  mended();
  browser = new Browser(createSessions({ store }));
  await browser.visit((session) => session.set("a", 1));
  took();
});

describe("save makes it so now", () => {
  it("and the end of the request is no second write", async () => {
    const session = await browser.open();
    session.set("a", 2);
    expect(await session.save()).toBe(true);
    expect(await browser.sees()).toEqual({ a: 2 });
    took();
    await browser.respond(session);
    expect(took()).toEqual([]);
  });

  it("creates the record even when it is empty", async () => {
    const newcomer = new Browser(createSessions({ store }));
    const session = await newcomer.open();
    expect(session.key).toBeNull();
    expect(await session.save()).toBe(true);
    expect(session.key).toMatch(/^[a-z0-9]{32}$/);
    expect(session.handle).toMatch(/^[0-9a-f]{64}$/);
    const reply = await newcomer.respond(session);
    expect(reply.cookie).toBe("set");
    expect(newcomer.key).toBe(session.key);
    expect(took()).toEqual(["create"]);
  });

  it("twice in one request keeps both, each a write of its own", async () => {
    const session = await browser.open();
    session.set("a", 2);
    await session.save();
    session.set("b", 3);
    await session.save();
    await browser.respond(session);
    expect(took()).toEqual(["read", "update", "update"]);
    expect(await browser.sees()).toEqual({ a: 2, b: 3 });
  });

  it("twice at once keeps both, one after the other", async () => {
    const session = await browser.open();
    session.set("a", 2);
    const first = session.save();
    session.set("b", 3);
    expect(await Promise.all([first, session.save()])).toEqual([true, true]);
    expect(await browser.sees()).toEqual({ a: 2, b: 3 });
  });

  it("is the new base: what came in with it is seen, what follows is made on it", async () => {
    const session = await browser.open();
    session.update("n", (n = 0) => n + 1);
    await browser.copy().visit((other) => other.set("b", 5).set("n", 10));
    await session.save();
    expect(session.toObject()).toEqual({ a: 1, b: 5, n: 11 });
    session.update("n", (n: number) => n + 1);
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ a: 1, b: 5, n: 12 });
  });

  it("does all at once: key, user, expiry and flush", async () => {
    const session = await browser.open();
    const { key } = session;
    session.set("b", 2).login("u1");
    session.setExpiry(60);
    await session.save();
    expect(took()).toEqual(["read", "rotate"]);
    expect(session.key).not.toBe(key);
    session.flush();
    session.set("c", 3);
    await session.save();
    expect(took().sort()).toEqual(["create", "delete"]);
    expect((await browser.respond(session)).cookie).toBe("set");
    expect(await browser.sees()).toEqual({ c: 3 });
  });
});

describe("what save stored is announced, whatever the status", () => {
  it("a new session", async () => {
    const newcomer = new Browser(createSessions({ store }));
    const session = await newcomer.open();
    session.set("a", 1);
    await session.save();
    session.set("b", 2);
    expect((await newcomer.respond(session, 500)).cookie).toBe("set");
    expect(await newcomer.sees()).toEqual({ a: 1 });
  });

  it("a new key", async () => {
    const session = await browser.open();
    session.login("u1");
    await session.save();
    await browser.respond(session, 503);
    expect((await browser.open()).userId).toBe("u1");
  });

  it.each<[string, (session: Session) => unknown]>([
    [
      "the expiry was saved",
      (session) => {
        session.setExpiry(600);
        return session.save();
      },
    ],
    ["once() has moved the end", (session) => session.once("n", () => 1)],
  ])("a new key, where after it %s and the commit fails", async (_what, change) => {
    let now = Date.UTC(2031, 4, 6, 12);
    const visitor = new Browser(createSessions({ store, clock: () => now, saveEveryRequest: true }));
    const session = await visitor.open();
    session.login("u1");
    await session.save();
    now += 86_400_000;
    await change(session);
    session.set("late", 1);
    breaks("update");
    await expect(visitor.respond(session)).rejects.toThrow(StoreUnavailableError);
    mended();
    await visitor.respond(session, 503);
    expect((await visitor.open()).userId).toBe("u1");
  });

  it("a removal", async () => {
    const session = await browser.open();
    session.flush();
    session.set("b", 1);
    expect((await browser.respond(session, 500)).cookie).toBe("removed");
  });
});

describe("save is a snapshot: what is done while it is under way is not lost", () => {
  const meanwhile = async (during: (session: Session) => unknown, open = () => browser.open()) => {
    const session = await open();
    session.set("before", 1);
    const verb = session.key === null ? "create" : "update";
    const write = hold(verb);
    const saved = session.save();
    await write.arrived;
    await during(session);
    write.release();
    expect(await saved).toBe(true);
    return session;
  };
  const newcomer = () => {
    browser.jar.clear();
    return browser.open();
  };

  it("a value", async () => {
    const session = await meanwhile((session) => session.set("during", 2));
    expect(session.modified).toBe(true);
    expect(session.toObject()).toEqual({ a: 1, before: 1, during: 2 });
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ a: 1, before: 1, during: 2 });
  });

  it("an update", async () => {
    const session = await meanwhile((session) => session.update("before", (n: number) => n + 1));
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ a: 1, before: 2 });
  });

  it("an expiry", async () => {
    const session = await meanwhile((session) => session.setExpiry(60));
    await browser.respond(session);
    expect((await browser.open()).getExpiryAge()).toBe(60);
  });

  it("modified = true", async () => {
    const session = await meanwhile((session) => {
      session.modified = true;
    });
    expect(session.modified).toBe(true);
  });

  it("a new key", async () => {
    const { key } = browser;
    const session = await meanwhile((session) => session.cycleKey());
    await browser.respond(session);
    expect(browser.key).not.toBe(key);
  });

  it.each([
    ["stored", undefined],
    ["new", newcomer],
  ])("a login, on a session that is %s", async (_what, open) => {
    const session = await meanwhile((session) => session.login("u1"), open);
    await browser.respond(session);
    expect((await browser.open()).userId).toBe("u1");
  });

  it.each([
    ["stored", undefined],
    ["new", newcomer],
  ])("a flush, on a session that is %s", async (_what, open) => {
    const session = await meanwhile((session) => session.flush(), open);
    await browser.respond(session);
    expect(session.key).toBeNull();
    expect(await browser.sees()).toEqual({});
    expect(browser.key).toBeNull();
  });

  it("a flush leaves no record of a session that was new", async () => {
    const lone = memoryStore();
    const { store, hold } = heldStore(lone);
    const sessions = createSessions({ store });
    const session = await sessions.open(null, { secure: false });
    session.set("a", 1);
    const create = hold("create");
    const saved = session.save();
    await create.arrived;
    session.flush();
    create.release();
    await saved;
    expect(await sessions.commit(session, { status: 200 })).toEqual([["Vary", "Cookie"]]);
    expect((await sessions.stats()).live).toBe(0);
  });
});

describe("a save that fails keeps the changes for the next", () => {
  it.each(["update", "create"] as const)("at %s", async (verb) => {
    if (verb === "create") browser.jar.clear();
    const session = await browser.open();
    session.update("n", (n = 0) => n + 1);
    session.set("list", [1]).setExpiry(60);
    breaks(verb);
    await expect(session.save()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(session.modified).toBe(true);
    session.get("list").push(2);
    mended();
    expect(await session.save()).toBe(true);
    await browser.respond(session);
    const after = await browser.open();
    expect(after.toObject()).toMatchObject({ n: 1, list: [1, 2] });
    expect(after.getExpiryAge()).toBe(60);
  });

  it("and a clear during it empties what others wrote meanwhile", async () => {
    const session = await browser.open();
    session.set("b", 2);
    breaks("update");
    const write = hold("update");
    const saved = session.save();
    await write.arrived;
    session.clear();
    session.set("c", 3);
    write.release();
    await expect(saved).rejects.toBeInstanceOf(StoreUnavailableError);
    mended();
    await browser.copy().visit((other) => other.set("d", 4));
    await session.save();
    expect(await browser.sees()).toEqual({ c: 3 });
  });

  it("at login, which is then done by the next", async () => {
    const session = await browser.open();
    session.login("u1");
    breaks("rotate");
    await expect(session.save()).rejects.toBeInstanceOf(StoreUnavailableError);
    mended();
    await browser.respond(session);
    expect((await browser.open()).userId).toBe("u1");
  });

  it("at logout, which is then done by the next", async () => {
    const thief = browser.copy();
    const session = await browser.open();
    session.logout();
    breaks("delete");
    await expect(browser.respond(session)).rejects.toBeInstanceOf(StoreUnavailableError);
    mended();
    await session.save();
    expect(await thief.sees()).toEqual({});
  });

  it("where nested data is no JSON, once that is mended", async () => {
    const session = await browser.open();
    const nested: { bad?: unknown } = {};
    session.set("nested", nested);
    nested.bad = new Date(0);
    await expect(session.save()).rejects.toThrow("nested.bad");
    nested.bad = "1970";
    expect(await session.save()).toBe(true);
    expect(await browser.sees()).toEqual({ a: 1, nested: { bad: "1970" } });
  });
});

describe("save tells whether the session was ended elsewhere", () => {
  it("false, and it stays ended", async () => {
    const session = await browser.open();
    await browser.copy().visit((other) => other.logout());
    session.set("a", 2);
    expect(await session.save()).toBe(false);
    session.set("a", 3);
    expect(await session.save()).toBe(false);
    expect((await browser.respond(session)).cookie).toBe("none");
    expect(await browser.sees()).toEqual({});
  });

  it("and true when it only moved: the changes are there", async () => {
    const session = await browser.open();
    const other = browser.copy();
    await other.visit((other) => other.login("u1"));
    session.set("b", 2);
    expect(await session.save()).toBe(true);
    expect(session.key).toBeNull();
    expect(await other.sees()).toEqual({ a: 1, b: 2 });
  });
});

describe("a callback is refused at the call, because it would never be called", () => {
  const called = (call: (callback: () => void) => unknown) => call as (callback: unknown) => unknown;
  const callback = () => {};

  it.each([
    ["save", "await session.save()"],
    ["load", "await session.load()"],
    ["flush", "session.flush()"],
    ["logout", "session.logout()"],
    ["cycleKey", "session.cycleKey()"],
  ] as const)("%s", async (name, cure) => {
    const session = await browser.open();
    const call = called(session[name].bind(session));
    expect(() => call(callback)).toThrow(TypeError);
    expect(() => call(callback)).toThrow(cure);
    expect(session.modified).toBe(false);
  });

  it("login", async () => {
    const session = await browser.open();
    const login = session.login.bind(session) as (userId: string, callback: unknown) => void;
    expect(() => login("ada", callback)).toThrow("session.login(userId)");
    expect(session.userId).toBeNull();
  });
});
