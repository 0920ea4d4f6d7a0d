import { createSessions, memoryStore, type Sessions, SettingsError, type Store } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { heldStore } from "../instruments/held-store.ts";
import { MovedClock } from "../instruments/moved-clock.ts";

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
    await phone.visit((session) => session.login("u1"));
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
        data: { device: "laptop" },
      },
      {
        handle: await handleOf(phone),
        createdAt: began,
        lastSeenAt: new Date(began.getTime() + 10_000),
        authenticatedAt: new Date(began.getTime() + 10_000),
        expiresAt: new Date(began.getTime() + 1_010_000),
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

it("a handle is null until the session is stored, and not the key", async () => {
  const session = await sessions.open(null, { secure: false });
  expect(session.handle).toBeNull();
  await session.save();
  expect(session.handle).toMatch(/^[0-9a-f]{64}$/);
  expect(session.handle).not.toContain(session.key);
  const byHandle = await sessions.open(`sessionid=${session.handle}`, { secure: false });
  expect(byHandle.key).toBeNull();
});
