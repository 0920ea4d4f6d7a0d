import {
  createSessions,
  memoryStore,
  type Sessions,
  SettingsError,
  type Store,
  type StoreCall,
  type StoredRecord,
  type StoreId,
  StoreUnavailableError,
} from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { heldStore } from "../instruments/held-store.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { spyStore } from "../instruments/spy-store.ts";
import { wrapStore } from "../instruments/wrapped-store.ts";

let clock: MovedClock;
let store: Store;
let sessions: Sessions;

async function signedIn(user: string | number, data: Record<string, unknown> = {}): Promise<Browser> {
  const browser = new Browser(sessions);
  await browser.visit((session) => session.assign(data).login(user));
  return browser;
}
const handleOf = async (browser: Browser) => String((await browser.open()).handle);

beforeEach(() => {
  clock = new MovedClock();
  store = memoryStore();
  sessions = createSessions({ store, clock: clock.read, cookieAge: 1000 });
});

describe("listUserSessions", () => {
  it("lists what a page about one's devices needs, the one seen last first", async () => {
    const began = clock.date;
    const phone = new Browser(sessions);
    await phone.visit((session) => session.set("device", "phone"));
    clock.pass(10);
    await phone.visit((session) => session.login("u1", { label: "Firefox on Linux" }));
    clock.pass(100);
    const laptop = await signedIn("u1", { device: "laptop" });
    await signedIn("u2", { device: "other" });

    expect(await sessions.listUserSessions("u1")).toEqual([
      {
        handle: await handleOf(laptop),
        createdAt: clock.date,
        lastSeenAt: clock.date,
        authenticatedAt: clock.date,
        expiresAt: new Date(clock.now + 1_000_000),
        label: null,
        isDeviceBound: false,
        data: { device: "laptop" },
      },
      {
        handle: await handleOf(phone),
        createdAt: began,
        lastSeenAt: new Date(began.getTime() + 10_000),
        authenticatedAt: new Date(began.getTime() + 10_000),
        expiresAt: new Date(began.getTime() + 1_010_000),
        label: "Firefox on Linux",
        isDeviceBound: false,
        data: { device: "phone" },
      },
    ]);
  });

  it("leaves out what has expired or ended", async () => {
    const gone = await signedIn("u1");
    await gone.visit((session) => session.logout());
    await signedIn("u1");
    clock.pass(1000);
    expect(await sessions.listUserSessions("u1")).toEqual([]);
  });

  it("lists a session once, though its key was changed", async () => {
    const browser = await signedIn("u1");
    await browser.visit((session) => session.cycleKey());
    await browser.visit((session) => session.login("u1"));
    expect((await sessions.listUserSessions("u1")).map(({ handle }) => handle)).toEqual([
      await handleOf(browser),
    ]);
  });

  it("compares users exactly, and takes numbers as login does", async () => {
    await signedIn(7);
    for (const user of ["07", " 7", "7 ", "7.0", ""])
      expect(await sessions.listUserSessions(user)).toEqual([]);
    expect(await sessions.listUserSessions(7)).toHaveLength(1);
    expect(await sessions.listUserSessions("7")).toHaveLength(1);
  });

  it("gives copies: changing them changes nothing", async () => {
    const browser = await signedIn("u1", { cart: [] });
    const [listed] = await sessions.listUserSessions("u1");
    const cart = listed?.data.cart as unknown[];
    cart.push(1);
    expect(await browser.sees()).toEqual({ cart: [] });
  });

  it("says what is missing where the store has no index of users", async () => {
    const { listUser: _, ...plain } = store;
    await expect(createSessions({ store: plain }).listUserSessions("u1")).rejects.toBeInstanceOf(
      SettingsError,
    );
  });
});

describe("revoke", () => {
  it("ends one session of the user", async () => {
    const [phone, laptop] = [await signedIn("u1"), await signedIn("u1")];
    expect(await sessions.revoke(await handleOf(phone), { userId: "u1" })).toBe(true);
    expect((await phone.open()).userId).toBeNull();
    expect((await laptop.open()).userId).toBe("u1");
  });

  it("refuses another user's handle, and an anonymous visitor's", async () => {
    const other = await signedIn("u2");
    expect(await sessions.revoke(await handleOf(other), { userId: "u1" })).toBe(false);
    expect((await other.open()).userId).toBe("u2");
    const anonymous = new Browser(sessions);
    await anonymous.visit((session) => session.set("a", 1));
    for (const userId of ["u1", "null", ""]) {
      expect(await sessions.revoke(await handleOf(anonymous), { userId })).toBe(false);
    }
    expect(await anonymous.sees()).toEqual({ a: 1 });
  });

  it.each(["", "x", "a".repeat(32), "A".repeat(64), "0".repeat(64)])(
    "finds nothing by %o",
    async (handle) => {
      expect(await sessions.revoke(handle, { userId: "u1" })).toBe(false);
    },
  );

  it("is false the second time", async () => {
    const handle = await handleOf(await signedIn("u1"));
    expect(await sessions.revoke(handle, { userId: "u1" })).toBe(true);
    expect(await sessions.revoke(handle, { userId: "u1" })).toBe(false);
  });

  it("follows a session whose key was changed", async () => {
    const browser = await signedIn("u1");
    const handle = await handleOf(browser);
    await browser.visit((session) => session.cycleKey());
    expect(await sessions.revoke(handle, { userId: "u1" })).toBe(true);
    expect((await browser.open()).userId).toBeNull();
  });

  it("does not follow it to another user's", async () => {
    const browser = new Browser(sessions);
    await browser.visit((session) => session.set("a", 1));
    const handle = await handleOf(browser);
    await browser.visit((session) => session.login("u2"));
    expect(await sessions.revoke(handle, { userId: "u1" })).toBe(false);
    expect((await browser.open()).userId).toBe("u2");
  });

  it("ends a session whose key is changed at that moment", async () => {
    const held = heldStore(store);
    const own = createSessions({ store: held.store, clock: clock.read });
    const browser = await signedIn("u1");
    const handle = await handleOf(browser);
    const end = held.hold("delete");
    const revoked = own.revoke(handle, { userId: "u1" });
    await end.arrived;
    await browser.visit((session) => session.cycleKey());
    end.release();
    expect(await revoked).toBe(true);
    expect((await browser.open()).userId).toBeNull();
  });

  // Reports: better-auth/better-auth#11073.
  it("is not undone by a request that is under way", async () => {
    const browser = await signedIn("u1");
    const late = await browser.open();
    await sessions.revoke(await handleOf(browser), { userId: "u1" });
    late.set("a", 1);
    expect((await browser.respond(late)).cookie).toBe("none");
    expect((await browser.open()).userId).toBeNull();
  });
});

describe("revokeUser", () => {
  it("ends all sessions of the user and nobody else's", async () => {
    const own = [await signedIn("u1"), await signedIn("u1"), await signedIn("u1")];
    const other = await signedIn("u2");
    expect(await sessions.revokeUser("u1")).toBe(3);
    for (const browser of own) expect((await browser.open()).userId).toBeNull();
    expect((await other.open()).userId).toBe("u2");
    expect(await sessions.revokeUser("u1")).toBe(0);
  });

  it("but the one of a handle", async () => {
    const [here, there] = [await signedIn("u1"), await signedIn("u1")];
    expect(await sessions.revokeUser("u1", { except: await handleOf(here) })).toBe(1);
    expect((await here.open()).userId).toBe("u1");
    expect((await there.open()).userId).toBeNull();
  });

  it("but the one of a handle, though its key was changed meanwhile", async () => {
    const [here, there] = [await signedIn("u1"), await signedIn("u1")];
    const handle = await handleOf(here);
    await here.visit((session) => session.cycleKey());
    await sessions.revokeUser("u1", { except: handle });
    expect((await here.open()).userId).toBe("u1");
    expect((await there.open()).userId).toBeNull();
  });

  it("takes no handle as no exception", async () => {
    await signedIn("u1");
    expect(await sessions.revokeUser("u1", { except: null })).toBe(1);
  });
});

describe("of a user with very many sessions", () => {
  const MANY = 300;
  const call = (): StoreCall => ({ signal: AbortSignal.timeout(5000), now: clock.now });
  const idOf = (n: number) => n.toString(16).padStart(64, "0") as StoreId;

  beforeEach(async () => {
    for (let n = 0; n < MANY; n++) await store.create(idOf(n), recordOf("u1"), call());
    await store.create(idOf(MANY), recordOf("u2"), call());
  });

  function recordOf(userId: string): StoredRecord {
    const times = {
      createdAt: clock.now,
      authenticatedAt: clock.now,
      expiresAt: clock.now + 900_000,
      expiry: null,
    };
    return { data: "{}", version: 1, userId, ...times, format: 1 };
  }

  /** Sessions over the same store, whose calls take a while. */
  function slowly(milliseconds: number, storeTimeout: number) {
    const under = { way: 0, most: 0 };
    const slow = wrapStore(store, async (_verb, run) => {
      under.most = Math.max(under.most, ++under.way);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      under.way--;
      return run();
    });
    return { under, slow: createSessions({ store: slow, storeTimeout, clock: clock.read }) };
  }

  it("few calls are under way at once, and each has the whole storeTimeout", async () => {
    const { under, slow } = slowly(10, 0.2);
    expect(await slow.listUserSessions("u1")).toHaveLength(MANY);
    expect(under.most).toBeLessThanOrEqual(32);
    expect(await slow.revokeUser("u1")).toBe(MANY);
    expect(under.most).toBeLessThanOrEqual(32);
    expect(await sessions.listUserSessions("u1")).toEqual([]);
    expect(await sessions.listUserSessions("u2")).toHaveLength(1);
  });

  it("requests go on between the steps", async () => {
    let visits = 0;
    let isOver = false;
    const visiting = (async () => {
      for (; !isOver; visits++) {
        await (await signedIn("u3")).visit((session) => session.logout());
        await new Promise(setImmediate);
      }
    })();
    await sessions.revokeUser("u1").finally(() => {
      isOver = true;
    });
    await visiting;
    expect(visits).toBeGreaterThan(5);
  });

  it("revokeUser reads nothing: a session never changes its user", async () => {
    const spy = spyStore(store);
    expect(await createSessions({ store: spy.store, clock: clock.read }).revokeUser("u1")).toBe(MANY);
    expect(new Set(spy.took())).toEqual(new Set(["delete"]));
  });

  it("revokeUser tells how far it is, and stops at the signal; called again, it ends the rest", async () => {
    const controller = new AbortController();
    const told: number[] = [];
    const ended = await sessions.revokeUser("u1", {
      signal: controller.signal,
      onProgress({ ended }) {
        told.push(ended);
        if (ended >= 100) controller.abort();
      },
    });
    expect(ended).toBe(told.at(-1));
    expect(ended).toBeLessThan(150);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(await sessions.listUserSessions("u1")).toHaveLength(MANY - ended);
    expect(await sessions.revokeUser("u1")).toBe(MANY - ended);
  });

  it("where the store fails midway the error says how many have ended; called again, it ends the rest", async () => {
    let deletes = 0;
    const failing = wrapStore(store, (verb, run) => {
      if (verb === "delete" && ++deletes > 100) throw new Error("the disk is on fire");
      return run();
    });
    const error = await createSessions({ store: failing, clock: clock.read })
      .revokeUser("u1")
      .catch((error) => error);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toContain("100 have ended");
    expect(String(error.cause)).toContain("the disk is on fire");
    expect(deletes).toBeLessThan(200);
    expect(await sessions.listUserSessions("u1")).toHaveLength(MANY - 100);
    expect(await sessions.revokeUser("u1")).toBe(MANY - 100);
  });

  it("one session that cannot be ended keeps no other alive", async () => {
    const failing = wrapStore(store, (verb, run, id) => {
      if (verb === "delete" && id === idOf(0)) throw new Error("stuck");
      return run();
    });
    await expect(createSessions({ store: failing, clock: clock.read }).revokeUser("u1")).rejects.toThrow(
      `${MANY - 1} have ended`,
    );
    expect((await sessions.listUserSessions("u1")).map(({ handle }) => handle)).toEqual([idOf(0)]);
  });
});

describe("an index that still names where a session was", () => {
  /** The same store, whose list also has ids that sessions have left. */
  const stale = (...left: string[]): Store => ({
    ...store,
    listUser: async (userId, call) => [
      ...(left as StoreId[]),
      ...((await store.listUser?.(userId, call)) ?? []),
    ],
  });

  it("does not lead revokeUser to the session that it spares", async () => {
    const here = await signedIn("u1");
    const left = await handleOf(here);
    await here.visit((session) => session.cycleKey());
    const own = createSessions({ store: stale(left), clock: clock.read });
    expect(await own.revokeUser("u1", { except: await handleOf(here) })).toBe(0);
    expect((await here.open()).userId).toBe("u1");
    expect(await own.revokeUser("u1")).toBe(1);
    expect((await here.open()).userId).toBeNull();
  });

  it("shows nobody the session of another user, and the limit of one ends none of another", async () => {
    const browser = new Browser(sessions);
    await browser.visit((session) => session.set("a", 1));
    const left = await handleOf(browser);
    await browser.visit((session) => session.login("u2"));
    const own = createSessions({ store: stale(left), clock: clock.read, maxUserSessions: 1 });
    expect(await own.listUserSessions("u1")).toEqual([]);
    clock.pass(1);
    await new Browser(own).visit((session) => session.login("u1"));
    expect((await browser.open()).userId).toBe("u2");
  });

  it("does not lead revokeUser to another user's session", async () => {
    const browser = new Browser(sessions);
    await browser.visit((session) => session.set("a", 1));
    const left = await handleOf(browser);
    await browser.visit((session) => session.login("u2"));
    await createSessions({ store: stale(left), clock: clock.read }).revokeUser("u1");
    expect((await browser.open()).userId).toBe("u2");
  });
});

// Reports: CVE-2019-16782.
it("a handle is null until the session is stored, and not the key", async () => {
  const session = await sessions.open(null, { secure: false });
  expect(session.handle).toBeNull();
  await session.save();
  expect(session.handle).toMatch(/^[0-9a-f]{64}$/);
  expect(session.handle).not.toContain(session.key);
  const byHandle = await sessions.open(`sessionid=${session.handle}`, { secure: false });
  expect(byHandle.key).toBeNull();
});

const euro = "\u20ac"; // three bytes of UTF-8

describe("a user's id is one that every store keeps as it is", () => {
  const impossible: [string, unknown][] = [
    ["a lone high surrogate", "ada\ud800"],
    ["a lone low surrogate", "\udc00ada"],
    ["NUL", "a\0da"],
    ["1,201 bytes", "a".repeat(1201)],
    ["1,201 bytes of UTF-8 in 401 characters", `a${euro.repeat(400)}`],
    ["nothing", ""],
    ["no number", Number.NaN],
    ["a symbol", Symbol("ada")],
  ];

  it.each(impossible)(
    "login refuses one of %s at the call, and the session stays as it was",
    async (_what, userId) => {
      const browser = await signedIn("bob", { a: 1 });
      const session = await browser.open();
      const { key } = session;
      expect(() => session.login(userId as string)).toThrow(TypeError);
      expect(() => session.login(userId as string)).toThrow(/^login takes the user's id/);
      expect([session.userId, session.get("a"), session.modified]).toEqual(["bob", 1, false]);
      await browser.respond(session);
      expect((await browser.open()).key).toBe(key);
    },
  );

  it.each([
    ["1,200 bytes", euro.repeat(400)],
    ["a pair of surrogates", "\ud83d\ude00"],
    ["spaces and line ends", " ada\n"],
  ])("login takes one of %s", async (_what, userId) => {
    await signedIn(userId);
    expect(await sessions.listUserSessions(userId)).toHaveLength(1);
  });

  it.each(impossible.slice(0, 6))(
    "there is no user whose id is of %s, and no store is asked",
    async (_what, userId) => {
      const asked: string[] = [];
      const listUser = async (user: string) => {
        asked.push(user);
        return [];
      };
      const asking = createSessions({ store: { ...store, listUser }, clock: clock.read });
      expect(await asking.listUserSessions(userId as string)).toEqual([]);
      expect(await asking.revokeUser(userId as string)).toBe(0);
      const handle = await handleOf(await signedIn("bob"));
      expect(await asking.revoke(handle, { userId: userId as string })).toBe(false);
      expect(asked).toEqual([]);
    },
  );
});
