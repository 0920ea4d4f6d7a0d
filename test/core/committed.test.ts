import { setImmediate } from "node:timers/promises";
import { createSessions, memoryStore, type Session, SessionCommittedError } from "coatcheck";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { overhear, overhearWarnings } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

const { store, took } = spyStore(memoryStore());
const sessions = createSessions({ store });

async function committed(fill?: (session: Session) => unknown) {
  const browser = new Browser(sessions);
  if (fill !== undefined) await browser.visit(fill);
  const session = await browser.open();
  await browser.respond(session);
  took();
  return { browser, session };
}

describe("once the response has begun", () => {
  it.each<[string, (session: Session) => unknown]>([
    ["login", (session) => session.login("u1")],
    ["cycleKey", (session) => session.cycleKey()],
    ["setExpiry", (session) => session.setExpiry(60)],
  ])("%s needs a new cookie, and throws at the call", async (_what, act) => {
    const { session } = await committed((session) => session.set("a", 1));
    expect(() => act(session)).toThrow(SessionCommittedError);
    await session.save();
    expect(session.userId).toBeNull();
    expect(session.getExpiryAge()).toBe(1_209_600);
  });

  it.each<[string, (session: Session) => unknown]>([
    ["set", (session) => session.set("a", 1)],
    ["setDefault", (session) => session.setDefault("a", 1)],
    ["assign", (session) => session.assign({ a: 1 })],
    ["update", (session) => session.update("a", () => 1)],
    ["setTestCookie", (session) => session.setTestCookie()],
    ["modified = true", (session) => Object.assign(session, { modified: true })],
  ])("%s on a session that is not stored throws at the call", async (_what, act) => {
    const { session } = await committed();
    expect(() => act(session)).toThrow(SessionCommittedError);
    expect(session.isEmpty).toBe(true);
  });

  it("save of a session that is not stored rejects, and creates nothing that no browser would know", async () => {
    const { session } = await committed();
    await expect(session.save()).rejects.toBeInstanceOf(SessionCommittedError);
    expect(took()).toEqual([]);
  });

  it("reading goes on", async () => {
    const { session } = await committed((session) => session.set("a", 1));
    expect(session.get("a")).toBe(1);
  });

  it("changes of a stored session wait for save()", async () => {
    const { browser, session } = await committed((session) => session.set("a", 1));
    session.set("a", 2);
    expect(await browser.sees()).toEqual({ a: 1 });
    expect(await session.save()).toBe(true);
    expect(await browser.sees()).toEqual({ a: 2 });
  });

  it("a logout still ends the session, with save()", async () => {
    const { browser, session } = await committed((session) => session.set("a", 1));
    session.logout();
    await session.save().catch(() => {});
    expect(await browser.sees()).toEqual({});
    expect(took()).not.toContain("create");
  });
});

describe("a response that ends with unsaved changes", () => {
  it("raises an event each time, and one warning", async () => {
    const own = createSessions({ store });
    const { of } = overhear();
    await setImmediate(); // The warnings of the test before are told.
    const warnings = overhearWarnings();
    const browser = new Browser(own);
    await browser.visit((session) => session.set("a", 1));
    for (const change of [
      (session: Session) => session.set("a", 2),
      (session: Session) => session.set("nested", {}),
      (session: Session) => session.logout(),
    ]) {
      const session = await browser.open();
      await browser.respond(session);
      change(session);
      own.finish(session);
    }
    expect(of("unsaved")).toHaveLength(3);
    expect((await warnings()).map(({ code }) => code)).toEqual(["COATCHECK_UNSAVED"]);
  });

  it.each<[string, (session: Session) => unknown, number]>([
    ["nothing", () => {}, 200],
    ["a change that was committed", (session) => session.set("a", 2), 200],
    ["a change that an error response dropped", (session) => session.set("a", 2), 500],
    ["a logout", (session) => session.logout(), 200],
    ["a login that an error response dropped", (session) => session.login("u2"), 500],
    ["modified = false", (session) => Object.assign(session.set("a", 2), { modified: false }), 200],
  ])("does not after %s", async (_what, act, status) => {
    const { of } = overhear();
    const browser = new Browser(sessions);
    await browser.visit((session) => session.set("a", 1).login("u1"));
    const session = await browser.open();
    act(session);
    await browser.respond(session, status);
    sessions.finish(session);
    expect(of("unsaved")).toEqual([]);
  });

  it("does not when all was saved", async () => {
    const { of } = overhear();
    const { session } = await committed((session) => session.set("a", 1));
    session.set("a", 2);
    await session.save();
    sessions.finish(session);
    expect(of("unsaved")).toEqual([]);
  });
});
