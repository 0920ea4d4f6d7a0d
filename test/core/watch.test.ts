import { getEventListeners, once } from "node:events";
import {
  createSessions,
  memoryStore,
  type Options,
  SessionNotLoadedError,
  type Sessions,
  SettingsError,
  StoreUnavailableError,
} from "coatcheck";
import { signedCookieStore } from "coatcheck/cookies";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";

/** Two processes of a site over one store, with a visitor who is signed in. */
async function site(options: Partial<Options> = {}) {
  const faults = faultyStore(memoryStore());
  const held = heldStore(faults.store);
  const make = () => createSessions({ ...options, store: held.store });
  const [here, there] = [make(), make()];
  const visitor = await signedIn(here);
  const session = await visitor.open();
  onTestFinished(async () => {
    await Promise.all([here.close(), there.close()]);
  });
  return { ...held, ...faults, store: held, here, there, visitor, session };
}

async function signedIn(sessions: Sessions, user = "ann"): Promise<Browser> {
  const visitor = new Browser(sessions);
  await visitor.visit(async (session) => {
    await session.load();
    session.login(user);
  });
  return visitor;
}

/** The same browser at another process. */
function at(sessions: Sessions, visitor: Browser): Browser {
  const copy = new Browser(sessions);
  for (const [name, value] of visitor.jar) copy.jar.set(name, value);
  return copy;
}

const ended = async (signal: AbortSignal) => signal.aborted || (await once(signal, "abort"));

describe("watch()", () => {
  test.each<[string, (visitor: Browser, sessions: Sessions) => Promise<unknown>]>([
    ["signs out", (visitor) => visitor.visit((session) => session.logout())],
    ["signs another user in", (visitor) => visitor.visit((session) => session.login("bob"))],
    ["revokes all sessions", (_, sessions) => sessions.revokeUser("ann")],
  ])(
    "aborts at once when a request of the same process %s, and later when one of another does",
    async (_, act) => {
      const { here, there, visitor, session } = await site();
      const signal = here.watch(session);
      const later = there.watch(await at(there, visitor).open(), { every: 0.02 });
      expect([signal.aborted, later.aborted]).toEqual([false, false]);
      await act(visitor, here);
      expect(signal.aborted).toBe(true);
      expect(signal.reason.name).toBe("SessionInterruptedError");
      await ended(later);
    },
  );

  test("aborts when a visitor without a user signs in", async () => {
    const { here, there } = await site();
    const visitor = new Browser(here);
    await visitor.visit((session) => void session.set("cart", 1));
    const signal = here.watch(await visitor.open());
    const later = there.watch(await at(there, visitor).open(), { every: 0.02 });
    await visitor.visit((session) => session.login("ann"));
    expect(signal.aborted).toBe(true);
    await ended(later);
  });

  test("aborts when the session expires", async () => {
    let now = Date.now();
    const { here, session } = await site({ clock: () => now, cookieAge: 60 });
    const signal = here.watch(session, { every: 0.02 });
    now += 61_000;
    await ended(signal);
  });

  test("follows the session to new keys, changed here and elsewhere", async () => {
    let now = Date.now();
    const { store, here, there, visitor, session } = await site({ clock: () => now });
    const signal = here.watch(session, { every: 0.02 });
    for (const sessions of [here, there, there]) {
      const other = at(sessions, visitor);
      // The look under way has seen the old key when the key changes.
      const early = store.hold("read", "after");
      await early.arrived;
      await other.visit((own) => own.cycleKey());
      early.release();
      for (const [name, value] of other.jar) visitor.jar.set(name, value);
      // Two looks that began after the change.
      for (let look = 0; look < 2; look++) {
        const read = store.hold("read", "after");
        await read.arrived;
        read.release();
      }
      // Nothing leads from the old key to the new one any more.
      now += 61_000;
      const read = store.hold("read", "after");
      await read.arrived;
      read.release();
      expect(signal.aborted).toBe(false);
    }
    await at(there, visitor).visit((own) => own.logout());
    await ended(signal);
  });

  test("takes no end of the store's for an end of the session", async () => {
    const { breaks, mended, here, there, visitor, session } = await site();
    const signal = here.watch(session, { every: 0.02 });
    let failed = 0;
    const failedTwice = new Promise<void>((resolve) => {
      breaks("read", () => {
        failed++;
        if (failed === 2) resolve();
        throw new Error("away");
      });
    });
    await failedTwice;
    expect(signal.aborted).toBe(false);
    mended();
    await at(there, visitor).visit((own) => own.logout());
    await ended(signal);
  });

  test("reads each session once a period, and all in one turn", async () => {
    const { store, here, session } = await site();
    const others = [await signedIn(here, "bob"), await signedIn(here, "cleo")];
    const stop = new AbortController();
    const watched = [session, session, ...(await Promise.all(others.map((visitor) => visitor.open())))];
    const reads = [store.hold("read"), store.hold("read"), store.hold("read")];
    const mark = store.calls.length;
    for (const each of watched) here.watch(each, { every: 0.02, signal: stop.signal });
    // None is answered before the last has come.
    await Promise.all(reads.map(({ arrived }) => arrived));
    expect(store.count("read", mark)).toBe(3);
    stop.abort();
    for (const { release } of reads) release();
  });

  test("is no activity", async () => {
    let now = Date.now();
    const { store, here, session } = await site({ clock: () => now, idleTimeout: 600 });
    const mark = store.calls.length;
    const signal = here.watch(session, { every: 0.02 });
    now += 590_000;
    const read = store.hold("read", "after");
    await read.arrived;
    read.release();
    expect(signal.aborted).toBe(false);
    now += 11_000;
    await ended(signal);
    expect(store.calls.slice(mark).filter((verb) => verb !== "read" && verb !== "delete")).toEqual([]);
  });

  test("leaves no timer and no listener once it is stopped, or the session has ended, or all is closed", async () => {
    const { here, visitor, session } = await site();
    const second = await (await signedIn(here, "bob")).open();
    const third = await (await signedIn(here, "cleo")).open();
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const stop = new AbortController();
    const stopped = here.watch(second, { signal: stop.signal });
    const other = new AbortController();
    here.watch(session, { signal: other.signal });
    const last = new AbortController();
    const closed = here.watch(third, { every: 20, signal: last.signal });
    expect(vi.getTimerCount()).toBe(2);
    stop.abort();
    expect(stopped.aborted).toBe(false);
    await visitor.visit((own) => own.logout());
    expect(vi.getTimerCount()).toBe(1);
    await here.close();
    expect(closed.aborted).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    for (const { signal } of [stop, other, last]) expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("keeps no process alive", async () => {
    const { here, session } = await site();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    here.watch(session);
    expect(timers()).toBe(before);
  });

  test("of a session that has ended, or whose key was changed, has aborted already", async () => {
    const { here, there, visitor, session } = await site();
    await at(there, visitor).visit((own) => own.cycleKey());
    const byOldKey = await at(there, visitor).open();
    await session.load();
    for (const over of [session, byOldKey]) expect(here.watch(over).aborted).toBe(true);
  });

  test("of a session that is not stored, or not yet with its login, says that it must be saved", async () => {
    const { here, session } = await site();
    const fresh = await new Browser(here).open();
    expect(() => here.watch(fresh)).toThrow(/save\(\)/);
    session.login("ann");
    expect(() => here.watch(session)).toThrow(/save\(\)/);
    await session.save();
    expect(here.watch(session).aborted).toBe(false);
  });

  test("before load(), and where the store could not be read, throws", async () => {
    const { there, visitor, breaks } = await site({ lazy: true, onUnavailable: "anonymous" });
    const session = await at(there, visitor).open();
    expect(() => there.watch(session)).toThrow(SessionNotLoadedError);
    breaks("read");
    await session.load();
    expect(() => there.watch(session)).toThrow(StoreUnavailableError);
  });

  test("with sessions in cookies, and with a period of more than 30 seconds, is a SettingsError", async () => {
    const sessions = createSessions({ store: signedCookieStore({ secrets: ["s".repeat(32)] }) });
    const visitor = await signedIn(sessions);
    const inCookie = await visitor.open();
    expect(() => sessions.watch(inCookie)).toThrow(SettingsError);
    const { here, session } = await site();
    for (const every of [0, 31, Number.NaN])
      expect(() => here.watch(session, { every })).toThrow(SettingsError);
  });
});
