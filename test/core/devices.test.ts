/** The name of a device, which a login gives its session, and the times of the session. */
import { createSessions, memoryStore, type Store, type StoreId } from "coatcheck";
import { encryptedCookieStore, signedCookieStore } from "coatcheck/cookies";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { clearStore } from "../instruments/clear-store.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { spyStore } from "../instruments/spy-store.ts";

const label = "Firefox on Linux";
const secrets = ["a secret of thirty-two characters"];

function site(store: Store = memoryStore()) {
  const clock = new MovedClock();
  const sessions = createSessions({ store, clock: clock.read });
  return { clock, sessions, browser: new Browser(sessions) };
}

const stores: [string, () => Store][] = [
  ["memory", memoryStore],
  ["a signed cookie", () => signedCookieStore({ secrets })],
  ["an encrypted cookie", () => encryptedCookieStore({ secrets })],
];

describe.each(stores)("the label of a login, in %s", (_name, makeStore) => {
  it("is there at once, and with the next request", async () => {
    const { browser } = site(makeStore());
    await browser.visit((session) => {
      expect(session.label).toBeNull();
      session.login("ada", { label });
      expect(session.label).toBe(label);
    });
    expect((await browser.open()).label).toBe(label);
  });

  it("is none of the keys, and survives clear() and modified = false", async () => {
    const { browser } = site(makeStore());
    await browser.visit((session) => session.set("a", 1).login("ada", { label }));
    expect(await browser.sees()).toEqual({ a: 1 });
    await browser.visit((session) => session.clear());
    await browser.visit((session) => {
      session.cycleKey();
      session.modified = false;
    });
    const session = await browser.open();
    expect([session.label, [...session.keys()]]).toEqual([label, []]);
    session.login("ada", { label: "new" });
    session.modified = false;
    await browser.respond(session);
    expect((await browser.open()).label).toBe("new");
  });

  it("goes with flush(), with another user's login, and with a login that gives none", async () => {
    const { browser } = site(makeStore());
    const signIn = () => browser.visit((session) => session.login("ada", { label }));
    await signIn();
    await browser.visit((session) => {
      session.flush();
      session.set("a", 1);
    });
    expect((await browser.open()).label).toBeNull();
    await signIn();
    await browser.visit((session) => session.login("bob"));
    expect((await browser.open()).label).toBeNull();
    await browser.visit((session) => session.logout());
    await signIn();
    await browser.visit((session) => session.login("ada"));
    expect((await browser.open()).label).toBeNull();
  });

  it.each([
    ["a".repeat(300), "a".repeat(200)],
    [`a${"😀".repeat(300)}`, `a${"😀".repeat(199)}`],
    ["half \ud83d of a pair", "half \ufffd of a pair"],
    ['}\n{"undone":1}\0', '}\n{"undone":1}\0'],
    ["", null],
    [null, null],
    [undefined, null],
    [7 as never, null],
  ])("is never refused: %j becomes %j", async (given, kept) => {
    const { browser } = site(makeStore());
    await browser.visit((session) => session.login("ada", { label: given }));
    const session = await browser.open();
    expect([session.userId, session.label]).toEqual(["ada", kept]);
  });
});

describe("the label of a login", () => {
  it("is stored with the login in one call, and costs nothing where there is none", async () => {
    const spy = spyStore(memoryStore());
    const { browser } = site(spy.store);
    await browser.visit((session) => session.set("a", 1));
    await browser.visit((session) => session.login("ada", { label }));
    expect(spy.took()).toEqual(["create", "read", "rotate"]);
  });

  it("is dropped where the store keeps the dictionary alone", async () => {
    const inner = memoryStore();
    const clear = clearStore(inner);
    const id = (key: string | null) => Buffer.from(key ?? "", "latin1").toString("hex") as StoreId;
    const { browser } = site({ ...clear, capabilities: { ...clear.capabilities, keepsExtras: false } });
    await browser.visit((session) => {
      session.set("a", 1).login("ada", { label });
      expect(session.label).toBeNull();
    });
    const session = await browser.open();
    expect([session.userId, session.label, session.toObject()]).toEqual(["ada", null, { a: 1 }]);
    const record = await inner.read(id(browser.key), { now: 0, signal: new AbortController().signal });
    expect(record).toMatchObject({ data: '{"a":1}' });
  });

  it("is not the next login's, when the session was ended or moved meanwhile", async () => {
    const { browser } = site();
    await browser.visit((session) => session.login("ada", { label }));
    const late = await browser.open();
    await browser.copy().visit((session) => session.cycleKey());
    late.login("ada");
    await browser.respond(late);
    expect((await browser.open()).label).toBeNull();
  });

  it("that is no text makes the record corrupt", async () => {
    const inner = memoryStore();
    const read: Store["read"] = async (id, call) => {
      const record = await inner.read(id, call);
      return record === null || record === "moved" ? record : { ...record, data: '{"a":1}\n{"label":[]}' };
    };
    const { browser } = site({ ...inner, read });
    await browser.visit((session) => session.login("ada", { label }));
    const session = await browser.open();
    expect([session.userId, session.label, session.isEmpty]).toEqual([null, null, true]);
  });
});

describe("the times of a session", () => {
  it("are null until it is stored, then Dates", async () => {
    const { browser, clock } = site();
    const session = await browser.open();
    session.set("a", 1);
    expect([session.createdAt, session.expiresAt]).toEqual([null, null]);
    await session.save();
    const began = clock.date;
    const inTwoWeeks = new Date(clock.now + 1_209_600_000);
    expect([session.createdAt, session.expiresAt]).toEqual([began, inTwoWeeks]);
    await browser.respond(session);
    clock.pass(86_400);
    await browser.visit((later) => later.set("a", 2));
    const later = await browser.open();
    expect(later.createdAt).toEqual(began);
    expect(later.expiresAt).toEqual(new Date(clock.now + 1_209_600_000));
    later.flush();
    expect([later.createdAt, later.expiresAt]).toEqual([null, null]);
  });
});
