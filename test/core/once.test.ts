import {
  createSessions,
  memoryStore,
  type Options,
  type Session,
  SessionCommittedError,
  SessionInterruptedError,
  SessionNotLoadedError,
  SettingsError,
  StoreUnavailableError,
} from "coatcheck";
import { signedCookieStore } from "coatcheck/cookies";
import { describe, expect, test } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { clearStore } from "../instruments/clear-store.ts";
import { heldStore } from "../instruments/held-store.ts";
import { spyStore } from "../instruments/spy-store.ts";

function site(options: Partial<Options> = {}) {
  const { store, took } = spyStore(memoryStore());
  const browser = new Browser(createSessions({ store, ...options }));
  return { browser, took };
}

async function withToken(options: Partial<Options> = {}) {
  const { browser, took } = site(options);
  await browser.visit(async (session) => {
    await session.load();
    session.set("token", 1);
  });
  took();
  return { browser, took };
}

const add = (n = 0) => n + 1;

describe("once()", () => {
  // The first call in a process loads the module of once(), so this is the first test.
  test.each(["loads its module", "has its module"])(
    "that %s is not for the user of a login that came after the call",
    async () => {
      const { browser } = await withToken();
      await browser.visit((session) => session.login("ada"));
      const session = await browser.open();
      const late = session.once("token", () => "of ada");
      session.login("bob");
      await browser.respond(session);
      await expect(late).rejects.toThrow(SessionInterruptedError);
      expect(await browser.sees()).toEqual({});
    },
  );

  test("costs two writes, and for those that wait in the same process nothing", async () => {
    const { browser, took } = await withToken();
    const tabs = await Promise.all(Array.from({ length: 10 }, () => browser.open()));
    took();
    const values = await Promise.all(tabs.map((session) => session.once("token", add)));
    expect(values).toEqual(values.map(() => 2));
    expect(took()).toEqual(["update", "update"]);
    for (const session of tabs) await browser.respond(session);
    expect(took()).toEqual([]);
  });

  test("of a visitor for whom nothing is stored runs and sets, as nobody shares it", async () => {
    const { browser, took } = site();
    const reply = await browser.visit((session) => session.once("token", add));
    expect(reply.cookie).toBe("set");
    expect(took()).toEqual(["create"]);
    expect(await browser.sees()).toEqual({ token: 1 });
  });

  test("of a visitor for whom nothing is stored is too late when the response has begun, and runs nothing", async () => {
    const { browser } = site();
    const session = await browser.open();
    await browser.respond(session);
    let ran = false;
    const late = session.once("token", () => {
      ran = true;
    });
    await expect(late).rejects.toThrow(SessionCommittedError);
    expect(ran).toBe(false);
  });

  test("deletes the key when the function returns undefined", async () => {
    const { browser } = await withToken();
    await browser.visit(async (session) => {
      expect(await session.once("token", () => undefined)).toBeUndefined();
      expect(session.has("token")).toBe(false);
    });
    expect(await browser.sees()).toEqual({});
  });

  test("stores a copy: a change within the value afterwards is a change of the session", async () => {
    const { browser } = await withToken();
    const session = await browser.open();
    const token = await session.once("token", () => ({ uses: 0 }));
    expect(session.modified).toBe(false);
    token.uses = 1;
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ token: { uses: 1 } });
  });

  test("leaves nothing to see in the session but the value", async () => {
    const { browser } = await withToken();
    const sessions = await browser.open();
    await sessions.once("token", add);
    expect([...(await browser.open()).keys()]).toEqual(["token"]);
  });

  test("keeps its count through clear() and a new key", async () => {
    const { browser } = await withToken();
    await browser.visit((session) => session.once("token", add));
    const late = await browser.open();
    await browser.visit((session) => {
      session.clear();
      session.set("token", 7);
    });
    await browser.visit((session) => session.once("token", add));
    expect(await late.once("token", () => "a second run")).toBe(8);
    await browser.visit((session) => session.cycleKey());
    expect(await (await browser.open()).once("token", add)).toBe(9);
  });

  test("keeps keys apart, whatever their names", async () => {
    const { browser } = await withToken();
    for (const key of ["__proto__", "constructor", "a b"]) {
      await browser.visit(async (session) => expect(await session.once(key, add)).toBe(1));
      await browser.visit(async (session) => expect(await session.once(key, add)).toBe(2));
    }
  });

  test("takes a function that saves and loads the session, and one that changes its key", async () => {
    const { browser } = await withToken();
    await browser.visit(async (session) => {
      const value = await session.once("token", async (current) => {
        session.set("state", "asking");
        await session.save();
        await session.load();
        session.cycleKey();
        await session.save();
        return add(current);
      });
      expect(value).toBe(2);
      expect(session.key).not.toBeNull();
    });
    expect(await browser.sees()).toEqual({ state: "asking", token: 2 });
  });

  test("stores nothing in the session that a flush within the function begins", async () => {
    const { browser } = await withToken();
    await browser.visit(async (session) => {
      const value = await session.once("token", (current) => {
        session.flush();
        session.set("fresh", 1);
        return add(current);
      });
      expect(value).toBe(2);
    });
    expect(await browser.sees()).toEqual({ fresh: 1 });
  });

  test("of a visitor for whom nothing is stored stores nothing after a flush within the function either", async () => {
    const { browser } = site();
    await browser.visit(async (session) => {
      session.login("ada");
      const value = await session.once("token", () => {
        session.logout();
        session.login("bob");
        return "of ada";
      });
      expect([value, session.has("token")]).toEqual(["of ada", false]);
    });
    expect(await browser.sees()).toEqual({});
  });

  test("within another once() is a TypeError, and the outer one goes on", async () => {
    const { browser } = await withToken();
    const session = await browser.open();
    const outer = session.once("token", async (current) => {
      await expect(session.once("other", add)).rejects.toThrow(/^session.once\("other"\).*await the first/);
      return add(current);
    });
    expect(await outer).toBe(2);
    expect(await session.once("other", add)).toBe(1);
  });

  test.each<[string, string, (session: Session) => unknown]>([
    ["set", "token", (session) => session.set("token", 5)],
    ["changed within", "list", (session) => session.get("list").push(1)],
    ["cleared", "token", (session) => session.clear()],
  ])("of a key that was %s and not saved is a TypeError, until it is saved", async (_, key, change) => {
    const { browser } = await withToken();
    await browser.visit((session) => void session.set("list", []));
    const session = await browser.open();
    change(session);
    await expect(session.once(key, () => 9)).rejects.toThrow(TypeError);
    await session.save();
    expect(await session.once(key, () => 9)).toBe(9);
  });

  test.each<[string, (session: Session) => unknown]>([
    ["login()", (session) => session.login("ada")],
    ["confirm()", (session) => session.confirm()],
    ["cycleKey()", (session) => session.cycleKey()],
  ])("shows an old key nothing of a request whose %s is not stored yet", async (call, change) => {
    const { browser } = await withToken();
    if (call === "confirm()") await browser.visit((session) => session.login("ada"));
    const attacker = browser.copy();
    const session = await browser.open();
    change(session);
    const early = session.once("token", () => "for the new key alone");
    await expect(early).rejects.toThrow(`session.once("token") stores nothing while the new key`);
    expect(await attacker.sees()).toEqual({ token: 1 });
    await session.save();
    expect(await session.once("token", () => "for the new key alone")).toBe("for the new key alone");
    await browser.respond(session);
    expect(await attacker.sees()).toEqual({});
    expect(await browser.sees()).toEqual({ token: "for the new key alone" });
  });

  test("shows an old key nothing of a function that changes the key and does not store it", async () => {
    const { browser } = await withToken();
    const attacker = browser.copy();
    const waiting = await attacker.open();
    const running = Promise.withResolvers<void>();
    const session = await browser.open();
    const value = session.once("token", async () => {
      running.resolve();
      session.login("ada");
      return "of ada";
    });
    await running.promise;
    const other = waiting.once("token", () => "of the attacker");
    await expect(value).rejects.toThrow(
      "while the new key of login(), confirm() or cycleKey() is not stored",
    );
    expect(await other).toBe("of the attacker");
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ token: "of the attacker" });
  });

  test("after the login of another user, for whom nothing is stored yet, is set with the login", async () => {
    const { browser } = await withToken();
    await browser.visit((session) => session.login("ada"));
    await browser.visit(async (session) => {
      session.login("bob");
      expect(await session.once("token", () => 7)).toBe(7);
    });
    expect(await browser.sees()).toEqual({ token: 7 });
  });

  test("refuses a value that is not JSON, and gives the lease back", async () => {
    const { browser } = await withToken();
    const session = await browser.open();
    await expect(session.once("token", () => Number.NaN)).rejects.toThrow("token is NaN");
    expect(await (await browser.open()).once("token", add, { wait: 0.01 })).toBe(2);
  });

  test("before load() is a SessionNotLoadedError", async () => {
    const { browser } = await withToken({ lazy: true });
    const session = await browser.open();
    await expect(session.once("token", add)).rejects.toThrow(SessionNotLoadedError);
  });

  test("of a session that has ended, and by a key that was changed, runs nothing", async () => {
    const { browser } = await withToken();
    const tab = browser.copy();
    const ended = await browser.open();
    await browser.visit((session) => session.cycleKey());
    const byOldKey = await tab.open();
    await browser.visit((session) => session.flush());
    for (const session of [ended, byOldKey])
      await expect(session.once("token", () => "ran")).rejects.toThrow(SessionInterruptedError);
  });

  test.each<[string, (session: Session) => unknown]>([
    ["the function itself", (session) => session.login("ada")],
    ["another request", () => {}],
  ])("of a request that waits is shown nothing when %s changes the key by a login", async (by, change) => {
    const { browser } = await withToken();
    const attacker = await browser.copy().open();
    const running = Promise.withResolvers<void>();
    const login = Promise.withResolvers<void>();
    const visitor = await browser.open();
    const value = visitor.once("token", async () => {
      running.resolve();
      await login.promise;
      change(visitor);
      await visitor.save();
      return "of ada";
    });
    await running.promise;
    const waiting = attacker.once("token", () => "of the attacker");
    if (by === "another request") await browser.copy().visit((session) => session.login("ada"));
    login.resolve();
    expect(await value).toBe("of ada");
    await expect(waiting).rejects.toThrow(SessionInterruptedError);
    expect([attacker.get("token"), attacker.userId]).toEqual([1, null]);
    expect(attacker.key).toBe(browser.key);
  });

  test("by a key that another request is changing runs nothing, and the new session stays as it is", async () => {
    const { browser } = await withToken();
    const late = await browser.open();
    const other = browser.copy();
    await other.visit((session) => session.set("token", "of the new key").cycleKey());
    const value = late.once("token", () => "ran");
    await expect(value).rejects.toThrow(SessionInterruptedError);
    expect(await other.sees()).toEqual({ token: "of the new key" });
  });

  test("goes on in the session that a flush within the function has begun and saved", async () => {
    const { browser } = await withToken();
    await browser.visit(async (session) => {
      const value = await session.once("token", async (current) => {
        session.flush();
        session.set("fresh", true);
        await session.save();
        return add(current);
      });
      expect([value, session.toObject()]).toEqual([2, { fresh: true }]);
    });
    expect(await browser.sees()).toEqual({ fresh: true });
  });

  test("that finds its session ended while the response writes it holds up no other request", async () => {
    const { store, hold } = heldStore(memoryStore());
    const [here, there] = [createSessions({ store }), createSessions({ store })];
    const http = { secure: false };
    const first = await here.open(null, http);
    first.set("token", 1);
    const [[, setCookie]] = (await here.commit(first, { status: 200 })) as [[string, string]];
    const open = (sessions = here) => sessions.open(setCookie.split(";")[0], http);
    const running = Promise.withResolvers<void>();
    const end = Promise.withResolvers<number>();
    const other = (await open(there)).once("token", () => {
      running.resolve();
      return end.promise;
    });
    await running.promise;
    const [late, session] = [await open(), await open()];
    const look = hold("read");
    const waiting = session.once("token", add);
    await look.arrived;
    session.set("a", 1);
    const write = hold("update");
    const responding = here.commit(session, { status: 200 });
    await write.arrived;
    const leaver = await open(there);
    leaver.flush();
    await leaver.save();
    look.release();
    await expect(waiting).rejects.toThrow(SessionInterruptedError);
    write.release();
    await responding;
    late.set("b", 1);
    await here.commit(late, { status: 200 });
    expect((await open()).toObject()).toEqual({});
    end.resolve(2);
    await other;
  });

  test("where the store could not be read is a StoreUnavailableError", async () => {
    const inner = memoryStore();
    const browser = new Browser(createSessions({ store: inner, onUnavailable: "anonymous" }));
    await browser.visit((session) => session.set("token", 1));
    inner.read = () => Promise.reject(new Error("away"));
    const session = await browser.open();
    await expect(session.once("token", add)).rejects.toThrow(StoreUnavailableError);
  });

  test("of a request that has followed its session to a new key runs nothing: the function would be given what the key hides", async () => {
    const { browser } = await withToken();
    const late = await browser.open();
    await browser.copy().visit((session) => session.set("token", "of the new key").cycleKey());
    await late.set("a", 1).save();
    let given: unknown;
    const value = late.once("token", (current) => {
      given = current;
      return "ran";
    });
    await expect(value).rejects.toThrow(SessionInterruptedError);
    expect(given).toBeUndefined();
  });

  test.each<[string, Partial<Options>]>([
    ["keeps sessions in cookies", { store: signedCookieStore({ secrets: ["s".repeat(32)] }) }],
    ["cannot compare and set", { store: { ...memoryStore(), capabilities: { compareAndSet: false } } }],
    ["keeps the keys in clear", { store: clearStore() }],
  ])("with a store that %s is a SettingsError", async (_, options) => {
    const session = await site(options).browser.open();
    await expect(session.once("token", add)).rejects.toThrow(SettingsError);
  });

  test.each([{ lease: 0 }, { lease: Number.NaN }, { wait: -1 }, { wait: 3601 }])(
    "with %o is a SettingsError",
    async (options) => {
      const { browser } = await withToken();
      const session = await browser.open();
      await expect(session.once("token", add, options)).rejects.toThrow(SettingsError);
    },
  );
});
