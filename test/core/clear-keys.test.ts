/** A store may keep the keys in clear and make the versions itself, because another program reads its records. */
import { createSessions, memoryStore, SettingsError, type StoreId, StoreUnavailableError } from "coatcheck";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { clearStore } from "../instruments/clear-store.ts";
import { deadlinesPass, STORE_TIMEOUT } from "../instruments/deadline.ts";
import { heldStore } from "../instruments/held-store.ts";
import { overhear } from "../instruments/overheard.ts";

function site(options: { marks?: boolean } = {}) {
  const inner = memoryStore();
  const held = heldStore(clearStore(inner, options));
  const sessions = createSessions({ store: held.store, storeTimeout: STORE_TIMEOUT });
  return { inner, held, sessions, browser: new Browser(sessions) };
}

const call = { signal: new AbortController().signal, now: Date.now() };
const idOf = (key: string | null) => Buffer.from(key ?? "", "latin1").toString("hex") as StoreId;

describe("keys in clear", () => {
  it("are the ids in the store, as hexadecimal", async () => {
    const { inner, browser } = site();
    await browser.visit((session) => session.set("a", 1));
    expect(browser.key).toMatch(/^[a-z0-9]{32}$/);
    expect(await inner.read(idOf(browser.key), call)).toMatchObject({ data: '{"a":1}' });
  });

  it("are never asked for with another length or other letters", async () => {
    const { held, browser } = site();
    for (const key of ["a".repeat(31), "a".repeat(33), "A".repeat(32), `${"a".repeat(31)}é`]) {
      browser.jar.set("sessionid", key);
      expect(await browser.sees()).toEqual({});
    }
    expect(held.calls).toEqual([]);
  });

  it("never stand in a page: there is no handle, no list and no revoking, and the error says why", async () => {
    const { sessions, browser } = site();
    await browser.visit((session) => session.login("ann"));
    expect((await browser.open()).handle).toBeNull();
    const why = /keeps the keys themselves/;
    for (const asked of [
      () => sessions.listUserSessions("ann"),
      () => sessions.revoke(idOf(browser.key), { userId: "ann" }),
      () => sessions.revokeUser("ann"),
    ]) {
      await expect(asked()).rejects.toThrow(SettingsError);
      await expect(asked()).rejects.toThrow(why);
    }
    expect((await browser.open()).userId).toBe("ann");
  });

  it("change at login, and a request in flight is sent no cookie and shown nothing of the new user", async () => {
    const { browser } = site();
    await browser.visit((session) => session.set("cart", ["book"]));
    const slow = await browser.open();
    slow.set("seen", true);
    await browser.visit((session) => session.login("ann"));
    await browser.visit((session) => session.set("secret", "of ann"));

    expect((await browser.respond(slow)).cookie).toBe("none");
    expect([slow.userId, slow.get("secret"), slow.key]).toEqual([null, undefined, null]);
    expect(await browser.sees()).toEqual({ cart: ["book"], secret: "of ann", seen: true });
  });
});

describe("a version that the store made", () => {
  it("is the one from which the next write goes on, after a create, an update and a rotate", async () => {
    const { held, browser } = site();
    const heard = overhear();
    const session = await browser.open();
    session.set("n", 1);
    await session.save();
    session.set("n", 2);
    await session.save();
    session.cycleKey();
    await session.save();
    session.set("n", 3);
    await browser.respond(session);
    expect(held.calls).toEqual(["create", "update", "rotate", "update"]);
    expect(heard.of("conflict")).toEqual([]);
    expect(await browser.sees()).toEqual({ n: 3 });
  });

  it("is handed on to the writers in line", async () => {
    const { held, browser } = site();
    await browser.visit((session) => session.set("n", 0));
    const mark = held.calls.length;
    const inFlight = await Promise.all(Array.from({ length: 10 }, () => browser.open()));
    for (const session of inFlight) session.update("n", (n = 0) => n + 1);
    await Promise.all(inFlight.map((session) => browser.respond(session)));
    expect(await browser.sees()).toEqual({ n: 10 });
    expect(held.count("update", mark)).toBe(2);
    expect(held.count("read", mark)).toBe(10 + 1);
  });

  it.each([1.5, -Number.MAX_VALUE, "1", null])(
    "that is no whole number (%s) is a fault of the store",
    async (saved) => {
      const { held, browser } = site();
      held.answer("create", async () => ({ saved }));
      await expect(browser.visit((session) => session.set("a", 1))).rejects.toThrow(StoreUnavailableError);
    },
  );
});

describe("a write in doubt, where no other program sees marks", () => {
  it("a create is deleted", async () => {
    const { held, inner, browser } = site();
    const create = held.hold("create", "after");
    const failed = browser.visit((session) => session.login("ann"));
    await create.arrived;
    deadlinesPass();
    await expect(failed).rejects.toThrow(StoreUnavailableError);
    create.release();
    await expect.poll(() => inner.stats?.(call)).toMatchObject({ live: 0 });
  });

  it("a change of key that was stored is deleted under its new key", async () => {
    const { held, inner, browser } = site();
    await browser.visit((session) => session.set("cart", 1));
    const rotate = held.hold("rotate", "after");
    const failed = browser.visit((session) => session.login("ann"));
    await rotate.arrived;
    deadlinesPass();
    await expect(failed).rejects.toThrow(StoreUnavailableError);
    await expect.poll(() => inner.stats?.(call)).toMatchObject({ live: 0 });
  });

  it("a change of key whose answer was lost leaves no session of the user under a key that no browser has", async () => {
    const { held, inner, browser } = site({ marks: false });
    await browser.visit((session) => session.set("cart", 1));
    held.answer("rotate", async (run) => {
      await run();
      throw new Error("the connection was lost");
    });
    // The session is gone from its old key, so the login is stored anew, as always.
    await browser.visit((session) => session.login("ann"));
    expect(await inner.read(idOf(browser.key), call)).toMatchObject({ userId: "ann" });
    await expect.poll(() => inner.stats?.(call)).toMatchObject({ live: 1 });
  });

  it("a change of key that was not stored yet never will be, and the session stays as it was", async () => {
    const { held, inner, browser } = site();
    await browser.visit((session) => session.set("cart", 1));
    const before = await inner.read(idOf(browser.key), call);
    const rotate = held.hold("rotate");
    const barred = held.hold("update", "after");
    const failed = browser.visit((session) => session.login("ann"));
    await rotate.arrived;
    deadlinesPass();
    await expect(failed).rejects.toThrow(StoreUnavailableError);
    await barred.arrived;
    barred.release();
    const now = await inner.read(idOf(browser.key), call);
    expect(now).toMatchObject({ data: '{"cart":1}', userId: null });
    expect(now).not.toMatchObject({ version: (before as { version: number }).version });
    rotate.release();
    expect(await browser.sees()).toEqual({ cart: 1 });
    expect(await inner.stats?.(call)).toMatchObject({ live: 1, authenticated: 0 });
  });
});

describe("a store that refuses the user of a login", () => {
  class SessionUserError extends Error {
    override readonly name = "SessionUserError";
    readonly status = 500;
  }

  it("has its SessionUserError passed on as it is: the store is not unavailable, and nothing is taken back", async () => {
    const { held, browser } = site();
    const heard = overhear();
    const error = new SessionUserError("no such user");
    const refuse = () => Promise.reject(error);

    held.answer("create", refuse);
    await expect(browser.visit((session) => session.login("ann"))).rejects.toBe(error);
    await browser.visit((session) => session.set("a", 1));
    const mark = held.calls.length;
    held.answer("rotate", refuse);
    await expect(browser.visit((session) => session.login("ann"))).rejects.toBe(error);
    expect(held.calls.slice(mark)).toEqual(["read", "rotate"]);
    expect(heard.of("unavailable")).toEqual([]);
    expect(await browser.sees()).toEqual({ a: 1 });
  });
});

it("a store that keeps no time of login refuses absoluteTimeout at the start", () => {
  expect(() => createSessions({ store: clearStore(), absoluteTimeout: 60 })).toThrow(/absoluteTimeout/);
});
