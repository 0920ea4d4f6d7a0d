/** Step up: what needs a password that was just given asks for it again. */
import {
  ConfirmationNeededError,
  createSessions,
  memoryStore,
  type Options,
  type Session,
  SessionCommittedError,
  SessionNotLoadedError,
  SettingsError,
  type Store,
  StoreUnavailableError,
} from "coatcheck";
import { encryptedCookieStore, signedCookieStore } from "coatcheck/cookies";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { clearStore } from "../instruments/clear-store.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { spyStore } from "../instruments/spy-store.ts";

const secrets = ["a secret of thirty-two characters."];

function site(store: Store = memoryStore(), options: Omit<Options, "store"> = {}) {
  const clock = new MovedClock();
  const sessions = createSessions({ store, clock: clock.read, ...options });
  return { clock, sessions, browser: new Browser(sessions) };
}

const isRecent = (session: Session, seconds = 60) => {
  try {
    session.requireRecent(seconds);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfirmationNeededError);
    expect(error).toMatchObject({ name: "ConfirmationNeededError", status: 403, expose: true });
    return false;
  }
};

const stores: [string, () => Store][] = [
  ["memory", memoryStore],
  ["a signed cookie", () => signedCookieStore({ secrets })],
  ["an encrypted cookie", () => encryptedCookieStore({ secrets })],
];

describe.each(stores)("confirm(), in %s", (_name, makeStore) => {
  it("counts at once and with the next requests, as a login does, until the time is over", async () => {
    const { browser, clock } = site(makeStore());
    await browser.visit((session) => {
      expect([session.confirmedAt, isRecent(session)]).toEqual([null, false]);
      session.login("ada", { label: "phone" });
      expect([session.confirmedAt, isRecent(session)]).toEqual([clock.date, true]);
    });
    const loggedIn = clock.date;
    clock.pass(60);
    expect(isRecent(await browser.open())).toBe(true);
    clock.pass(1);
    await browser.visit((session) => {
      expect([session.confirmedAt, isRecent(session), isRecent(session, 61)]).toEqual([
        loggedIn,
        false,
        true,
      ]);
      session.confirm();
      expect([session.confirmedAt, isRecent(session, 0.001)]).toEqual([clock.date, true]);
    });
    const confirmed = clock.date;
    clock.pass(60);
    const session = await browser.open();
    expect([session.confirmedAt, session.authenticatedAt, session.label, isRecent(session)]).toEqual([
      confirmed,
      loggedIn,
      "phone",
      true,
    ]);
    clock.pass(1);
    expect(isRecent(await browser.open())).toBe(false);
  });

  it("survives clear() and modified = false, and goes with flush() and with another user's login", async () => {
    const { browser, clock } = site(makeStore());
    await browser.visit((session) => session.login("ada"));
    clock.pass(100);
    await browser.visit((session) => {
      session.confirm();
      session.clear();
      session.modified = false;
    });
    const session = await browser.open();
    expect(isRecent(session)).toBe(true);
    session.flush();
    expect([session.confirmedAt, isRecent(session)]).toEqual([null, false]);
    session.login("bob");
    await browser.respond(session);
    clock.pass(100);
    expect(isRecent(await browser.open())).toBe(false);
  });

  it("is not stored by a response with an error status", async () => {
    const { browser, clock } = site(makeStore());
    await browser.visit((session) => session.login("ada"));
    clock.pass(100);
    await browser.visit((session) => session.confirm(), 500);
    expect(isRecent(await browser.open())).toBe(false);
  });
});

describe("confirm()", () => {
  it("that is stored after a later one does not take it back", async () => {
    const { browser, clock } = site();
    await browser.visit((session) => session.login("ada"));
    clock.pass(100);
    const slow = await browser.open();
    slow.confirm();
    clock.pass(100);
    const other = browser.copy();
    await other.visit((session) => session.confirm());
    const later = clock.date;
    await browser.respond(slow);
    expect((await other.open()).confirmedAt).toEqual(later);
  });

  it("changes the key, in one call", async () => {
    const spy = spyStore(memoryStore());
    const { browser } = site(spy.store);
    await browser.visit((session) => session.login("ada"));
    const { key } = browser;
    spy.took();
    await browser.visit((session) => session.confirm());
    expect(spy.took()).toEqual(["read", "rotate"]);
    expect(browser.key).not.toBe(key);
  });

  it("does not move the absolute timeout", async () => {
    const { browser, clock } = site(memoryStore(), { absoluteTimeout: 1000 });
    await browser.visit((session) => session.login("ada"));
    clock.pass(900);
    await browser.visit((session) => session.confirm());
    expect((await browser.open()).userId).toBe("ada");
    clock.pass(101);
    expect((await browser.open()).userId).toBeNull();
  });

  it("throws where no user is signed in, where the response has begun, and where it is given a callback", async () => {
    const { browser } = site();
    await browser.visit((session) => {
      expect(() => session.confirm()).toThrow(TypeError);
      session.login("ada");
    });
    const session = await browser.open();
    const confirm = session.confirm.bind(session) as (callback: unknown) => void;
    expect(() => confirm(() => {})).toThrow(/takes no callback/);
    await browser.respond(session);
    expect(() => session.confirm()).toThrow(SessionCommittedError);
  });

  it("throws before load() and where the store could not be read", async () => {
    const lazy = await site(memoryStore(), { lazy: true }).browser.open();
    expect(() => lazy.confirm()).toThrow(SessionNotLoadedError);
    expect(() => lazy.requireRecent(60)).toThrow(SessionNotLoadedError);
    const store = memoryStore();
    const { browser } = site(store, { onUnavailable: "anonymous" });
    await browser.visit((session) => session.login("ada"));
    store.read = () => Promise.reject(new Error("down"));
    const session = await browser.open();
    expect(() => session.confirm()).toThrow(StoreUnavailableError);
    expect(isRecent(session)).toBe(false);
  });

  it("is a SettingsError where the store keeps the dictionary alone", async () => {
    const clear = clearStore();
    const { browser } = site({ ...clear, capabilities: { ...clear.capabilities, keepsExtras: false } });
    await browser.visit((session) => {
      session.login("ada");
      expect(() => session.confirm()).toThrow(SettingsError);
      expect(() => session.requireRecent(60)).toThrow(SettingsError);
    });
    expect((await browser.open()).userId).toBe("ada");
  });

  it("that failed to be stored is made with the next save()", async () => {
    const store = memoryStore();
    const { rotate } = store;
    const { browser, clock } = site(store);
    await browser.visit((session) => session.login("ada"));
    clock.pass(100);
    const session = await browser.open();
    session.confirm();
    store.rotate = () => Promise.reject(new Error("down"));
    await expect(session.save()).rejects.toBeInstanceOf(StoreUnavailableError);
    store.rotate = rotate;
    expect(await session.save()).toBe(true);
    await browser.respond(session);
    expect(isRecent(await browser.open())).toBe(true);
  });
});

describe("requireRecent()", () => {
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "60" as never, undefined as never])(
    "refuses %o, so that a mistake lets nothing pass",
    async (seconds) => {
      const { browser } = site();
      await browser.visit((session) => session.login("ada"));
      const session = await browser.open();
      expect(() => session.requireRecent(seconds)).toThrow(TypeError);
    },
  );
});
