/** maxUserSessions and notBefore. The races of logins at the limit are in test/races/scenarios/limits.ts. */
import { createSessions, memoryStore, type Options, SettingsError, type Store } from "coatcheck";
import { encryptedCookieStore, signedCookieStore } from "coatcheck/cookies";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { clearStore } from "../instruments/clear-store.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { overhear } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

const secrets = ["a secret of thirty-two characters."];
const clock = new MovedClock();

const make = (options: Options) => createSessions({ clock: clock.read, ...options });

async function signedIn(sessions: ReturnType<typeof make>, user = "ada"): Promise<Browser> {
  const browser = new Browser(sessions);
  await browser.visit((session) => session.login(user));
  clock.pass(1);
  return browser;
}

const users = (browsers: Browser[]) =>
  Promise.all(browsers.map(async (browser) => (await browser.open()).userId));

describe("maxUserSessions", () => {
  it("ends the oldest by their logins, and those of no other user", async () => {
    const sessions = make({ store: memoryStore(), maxUserSessions: 2 });
    const other = await signedIn(sessions, "bob");
    const browsers = [await signedIn(sessions), await signedIn(sessions), await signedIn(sessions)];
    expect(await users([...browsers, other])).toEqual([null, "ada", "ada", "bob"]);
    expect(await sessions.listUserSessions("ada")).toHaveLength(2);
  });

  it("counts by the login, so that one on an old visit does not end itself", async () => {
    const sessions = make({ store: memoryStore(), maxUserSessions: 1 });
    const old = new Browser(sessions);
    await old.visit((session) => session.set("cart", ["Emma"]));
    clock.pass(1);
    const first = await signedIn(sessions);
    expect((await old.visit((session) => session.login("ada"))).cookie).toBe("set");
    expect(await users([first, old])).toEqual([null, "ada"]);
  });

  it("counts a new login on a session that has the user already once", async () => {
    const sessions = make({ store: memoryStore(), maxUserSessions: 2 });
    const browsers = [await signedIn(sessions), await signedIn(sessions)];
    await browsers[0]?.visit((session) => session.login("ada"));
    expect(await users(browsers)).toEqual(["ada", "ada"]);
  });

  it("does not count anonymous sessions, and costs only a login something", async () => {
    const spy = spyStore(memoryStore());
    const sessions = make({ store: spy.store, maxUserSessions: 1 });
    const anonymous = [new Browser(sessions), new Browser(sessions)];
    for (const browser of anonymous) await browser.visit((session) => session.set("a", 1));
    const browser = await signedIn(sessions);
    for (const visitor of anonymous) expect(await visitor.sees()).toEqual({ a: 1 });
    spy.took();
    await browser.visit((session) => session.set("a", 1));
    await browser.visit((session) => session.cycleKey());
    expect(spy.took()).toEqual(["read", "update", "read", "rotate"]);
  });

  it("ends a login beyond the limit, which sends no cookie: save() is false, and the handler sees no user", async () => {
    const store = memoryStore();
    const sessions = make({ store, maxUserSessions: 1 });
    const slow = new Browser(sessions);
    const session = await slow.open();
    session.set("a", 1).login("ada");
    clock.pass(1);
    const quick = await signedIn(sessions);
    expect(await session.save()).toBe(false);
    expect([session.userId, session.key]).toEqual([null, null]);
    expect((await slow.respond(session)).cookie).toBe("none");
    expect(await users([slow, quick])).toEqual([null, "ada"]);
    expect(await store.stats?.({ now: clock.now, signal: new AbortController().signal })).toMatchObject({
      live: 1,
    });
  });

  it("leaves one more where the store fails after the login, and the next login ends it", async () => {
    const store = memoryStore();
    const sessions = make({ store, maxUserSessions: 1 });
    const { listUser } = store;
    const first = await signedIn(sessions);
    store.listUser = () => Promise.reject(new Error("down"));
    const { of } = overhear();
    const second = await signedIn(sessions);
    expect(of("unavailable")).toHaveLength(1);
    if (listUser !== undefined) store.listUser = listUser;
    expect(await users([first, second])).toEqual(["ada", "ada"]);
    const third = await signedIn(sessions);
    expect(await users([first, second, third])).toEqual([null, null, "ada"]);
  });

  it("is a whole number of 1 or more, and needs a store with an index of users and times of login", () => {
    for (const wrong of [0, -1, 1.5, Number.NaN, "5"])
      expect(() => make({ store: memoryStore(), maxUserSessions: wrong as never })).toThrow(SettingsError);
    const { listUser: _, ...plain } = memoryStore();
    const untimed = { ...memoryStore(), capabilities: { keepsLoginTime: false } };
    const without: Store[] = [plain, untimed, signedCookieStore({ secrets }), clearStore()];
    for (const store of without) expect(() => make({ store, maxUserSessions: 5 })).toThrow(/maxUserSessions/);
  });
});

const stores: [string, () => Store][] = [
  ["memory", memoryStore],
  ["a signed cookie", () => signedCookieStore({ secrets })],
  ["an encrypted cookie", () => encryptedCookieStore({ secrets })],
];

describe.each(stores)("notBefore, in %s", (_name, makeStore) => {
  it("ends what began earlier, by the login, else by the creation", async () => {
    const store = makeStore();
    const before = make({ store });
    const [ada, anonymous, late] = [await signedIn(before), new Browser(before), new Browser(before)];
    await anonymous.visit((session) => session.set("a", 1));
    await late.visit((session) => session.set("a", 1));
    clock.pass(1);
    const notBefore = clock.date;
    await late.visit((session) => session.login("ada"));
    clock.pass(1);
    const after = make({ store, notBefore });
    const open = async (browser: Browser) => {
      const session = await after.open(browser.cookie, { secure: false });
      return [session.userId, session.toObject()];
    };
    expect(await open(ada)).toEqual([null, {}]);
    expect(await open(anonymous)).toEqual([null, {}]);
    expect(await open(late)).toEqual(["ada", { a: 1 }]);
    const fresh = await signedIn(after);
    expect((await fresh.open()).userId).toBe("ada");
  });

  it("is a Date that is not in the future", () => {
    const store = makeStore();
    const future = new Date(clock.now + 1);
    for (const wrong of [future, new Date("x"), clock.now, "2026-01-01"])
      expect(() => make({ store, notBefore: wrong as never })).toThrow(SettingsError);
    expect(() => make({ store, notBefore: future })).toThrow(/not in the future.*Z"/);
    expect(() => make({ store, notBefore: clock.date })).not.toThrow();
  });
});

describe("notBefore", () => {
  it("hides what is over from the list of a user, and from revoke", async () => {
    const store = memoryStore();
    const before = make({ store });
    const old = await signedIn(before);
    const handle = (await old.open()).handle ?? "";
    const after = make({ store, notBefore: clock.date });
    expect(await after.listUserSessions("ada")).toEqual([]);
    expect(await after.revoke(handle, { userId: "ada" })).toBe(false);
  });

  it("is a SettingsError with a store that keeps no time of login", () => {
    expect(() => make({ store: clearStore(), notBefore: clock.date })).toThrow(/notBefore/);
  });
});
