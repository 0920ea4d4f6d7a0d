/** Django's SessionTestsMixin, by its own names. Each async twin is folded into its test, as there is one way here, and it is async. */
import { createSessions, type Options, type Session, type Store } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { stores } from "./stores.ts";

const COOKIE_AGE = 1_209_600;
const unknownKey = "a1".repeat(16);

describe.each(stores)("SessionTestsMixin over $name", ({ make }) => {
  let store: Store;
  let clock: MovedClock;
  /** The session of a visitor who comes for the first time. */
  let session: Session;

  const sessionsWith = (options: Options = {}) => createSessions({ store, clock: clock.read, ...options });
  /** A session by its key, as another process would open it. */
  const openKey = (key: string | null) => sessionsWith().open(`sessionid=${key}`, { secure: false });
  const exists = async (key: string | null) => (await openKey(key)).key !== null;

  /** A stored session that was not looked at yet. */
  async function stored(fill: (session: Session) => unknown): Promise<Session> {
    await fill(session);
    await session.save();
    return openKey(session.key);
  }

  beforeEach(async () => {
    store = make();
    clock = new MovedClock();
    session = await sessionsWith().open(null, { secure: false });
  });

  it("test_new_session", () => {
    expect(session.modified).toBe(false);
    expect(session.accessed).toBe(false);
  });

  it("test_get_empty", () => {
    expect(session.get("cat")).toBeUndefined();
  });

  it("test_store", () => {
    session.set("cat", "dog");
    expect(session.modified).toBe(true);
    expect(session.pop("cat")).toBe("dog");
  });

  it("test_pop", async () => {
    const session = await stored((session) => session.set("some key", "exists"));
    expect([session.accessed, session.modified]).toEqual([false, false]);
    expect(session.pop("some key")).toBe("exists");
    expect([session.accessed, session.modified]).toEqual([true, true]);
    expect(session.get("some key")).toBeUndefined();
  });

  it("test_pop_default", () => {
    expect(session.pop("some key", "does not exist")).toBe("does not exist");
    expect([session.accessed, session.modified]).toEqual([true, false]);
  });

  it("test_setdefault", () => {
    expect(session.setDefault("foo", "bar")).toBe("bar");
    expect(session.setDefault("foo", "baz")).toBe("bar");
    expect([session.accessed, session.modified]).toEqual([true, true]);
  });

  it("test_update: it is called assign", () => {
    session.assign({ "update key": 1 });
    expect([session.accessed, session.modified]).toEqual([true, true]);
    expect(session.get("update key")).toBe(1);
  });

  it("test_has_key", async () => {
    const session = await stored((session) => session.set("some key", 1));
    expect(session.has("some key")).toBe(true);
    expect([session.accessed, session.modified]).toEqual([true, false]);
  });

  it("test_values", async () => {
    expect([...session.values()]).toEqual([]);
    expect(session.accessed).toBe(true);
    const again = await stored((session) => session.set("some key", 1));
    expect([...again.values()]).toEqual([1]);
    expect([again.accessed, again.modified]).toEqual([true, false]);
  });

  it("test_keys", async () => {
    const session = await stored((session) => session.set("x", 1));
    expect([...session.keys()]).toEqual(["x"]);
    expect([session.accessed, session.modified]).toEqual([true, false]);
  });

  it("test_items: they are called entries", async () => {
    const session = await stored((session) => session.set("x", 1));
    expect([...session.entries()]).toEqual([["x", 1]]);
    expect([session.accessed, session.modified]).toEqual([true, false]);
  });

  it("test_clear", async () => {
    const session = await stored((session) => session.set("x", 1));
    session.clear();
    expect([...session.entries()]).toEqual([]);
    expect([session.accessed, session.modified]).toEqual([true, true]);
  });

  it("test_save", async () => {
    await session.save();
    expect(session.key).toMatch(/^[a-z0-9]{32}$/);
    expect(await exists(session.key)).toBe(true);
  });

  it("test_delete: a session is deleted by its handle", async () => {
    const { key, handle } = await stored((session) => session.login("u1"));
    expect(await exists(key)).toBe(true);
    expect(await sessionsWith().revoke(String(handle), { userId: "u1" })).toBe(true);
    expect(await exists(key)).toBe(false);
  });

  it("test_flush", async () => {
    const sessions = sessionsWith();
    const { key } = await stored((session) => session.set("foo", "bar"));
    const again = await sessions.open(`sessionid=${key}`, { secure: false });
    again.flush();
    expect(again.key).toBeNull();
    expect([again.accessed, again.modified]).toEqual([true, true]);
    await sessions.commit(again, { status: 200 });
    expect(await exists(key)).toBe(false);
  });

  it("test_cycle", async () => {
    session.set("a", 1).set("b", "c");
    await session.save();
    const { key } = session;
    session.cycleKey();
    await session.save();
    expect(await exists(key)).toBe(false);
    expect(session.key).not.toBe(key);
    expect(session.toObject()).toEqual({ a: 1, b: "c" });
    expect((await openKey(session.key)).toObject()).toEqual({ a: 1, b: "c" });
  });

  it("test_cycle_with_no_session_cache", async () => {
    const session = await stored((session) => session.set("a", 1).set("b", "c"));
    const { key } = session;
    session.cycleKey();
    await session.save();
    expect(session.key).not.toBe(key);
    expect((await openKey(session.key)).toObject()).toEqual({ a: 1, b: "c" });
  });

  it("test_save_doesnt_clear_data", async () => {
    session.set("a", "b");
    await session.save();
    expect(session.get("a")).toBe("b");
  });

  it("test_invalid_key", async () => {
    const session = await openKey("1");
    await session.save();
    expect(session.key).not.toBe("1");
    expect(session.get("a")).toBeUndefined();
  });

  it("test_session_key_empty_string_invalid", async () => {
    expect((await openKey("")).key).toBeNull();
  });

  it.each([1, 7, 31])("test_session_key_too_short_invalid: %i characters", async (length) => {
    expect((await openKey("a".repeat(length))).key).toBeNull();
  });

  it("test_session_key_is_read_only", () => {
    expect(() => Object.assign(session, { key: "x" })).toThrow(TypeError);
  });

  it("test_default_expiry", () => {
    expect(session.getExpiryAge()).toBe(COOKIE_AGE);
    session.setExpiry(0);
    expect(session.getExpiryAge()).toBe(COOKIE_AGE);
  });

  it("test_custom_expiry_seconds", () => {
    session.setExpiry(10);
    const modification = clock.date;
    expect(session.getExpiryDate({ modification })).toEqual(new Date(clock.now + 10_000));
    expect(session.getExpiryAge({ modification })).toBe(10);
  });

  it("test_custom_expiry_datetime", () => {
    const modification = clock.date;
    session.setExpiry(new Date(clock.now + 10_000));
    expect(session.getExpiryDate({ modification })).toEqual(new Date(clock.now + 10_000));
    expect(session.getExpiryAge({ modification })).toBe(10);
  });

  it("test_custom_expiry_reset", () => {
    session.setExpiry(null);
    session.setExpiry(10);
    session.setExpiry(null);
    expect(session.getExpiryAge()).toBe(COOKIE_AGE);
  });

  it.each([
    { expireAtBrowserClose: false, expected: [false, true, false] },
    { expireAtBrowserClose: true, expected: [false, true, true] },
  ])(
    "test_get_expire_at_browser_close: $expireAtBrowserClose",
    async ({ expireAtBrowserClose, expected }) => {
      const session = await sessionsWith({ expireAtBrowserClose }).open(null, { secure: false });
      const answers = [10, 0, null].map((expiry) => {
        session.setExpiry(expiry);
        return session.getExpireAtBrowserClose();
      });
      expect(answers).toEqual(expected);
    },
  );

  it("test_actual_expiry", async () => {
    session.set("foo", "bar").setExpiry(-300);
    await session.save();
    expect((await openKey(session.key)).get("foo")).toBeUndefined();
  });

  it("test_session_load_does_not_create_record", async () => {
    const session = await openKey(unknownKey);
    expect(session.get("foo")).toBeUndefined();
    await session.load();
    expect(session.key).toBeNull();
    expect(await exists(unknownKey)).toBe(false);
    await session.save();
    expect(session.key).not.toBe(unknownKey);
  });

  it("test_session_save_does_not_resurrect_session_logged_out_in_other_context", async () => {
    const sessions = sessionsWith();
    const browser = new Browser(sessions);
    await browser.visit((session) => session.set("foo", "bar"));
    const here = await browser.open();
    const elsewhere = await browser.copy().open();

    elsewhere.flush();
    await sessions.commit(elsewhere, { status: 200 });
    here.set("foo", "baz");
    expect(await here.save()).toBe(false);
    expect(await browser.sees()).toEqual({});
  });
});
