import { createSessions, memoryStore, type Options, type Session, SessionInterruptedError } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { heldStore } from "../instruments/held-store.ts";
import { overhear } from "../instruments/overheard.ts";
import { wrapStore } from "../instruments/wrapped-store.ts";

const { store, hold } = heldStore(memoryStore());
const sessions = createSessions({ store });

let browser: Browser;
/** A browser whose cookie stays as it is, whatever other responses say. */
let elsewhere: Browser;
beforeEach(async () => {
  browser = new Browser(sessions);
  await browser.visit((session) => session.set("a", 1).login("u1"));
  elsewhere = browser.copy();
});

describe("what is deleted stays deleted", () => {
  // Reports: CVE-2025-46336, GHSA-9j94-67jr-4cqj, GHSA-vpfw-47h7-xj4g, tj/connect-redis#328,
  // valery-barysok/session-file-store#55, boj/redistore#2.
  it("a slow write that comes after the logout finds it gone: no cookie, and an event tells", async () => {
    const { of } = overhear();
    const slow = await browser.open();
    slow.set("a", 2);
    const write = hold("update");
    const reply = browser.copy().respond(slow);
    await write.arrived;
    await browser.visit((session) => session.logout());
    write.release();
    expect((await reply).cookie).toBe("none");
    expect(of("interrupted")).toHaveLength(1);
    expect(await elsewhere.sees()).toEqual({});
    expect(browser.key).toBeNull();
  });

  it("a write that was stored before the logout goes with it", async () => {
    const slow = await browser.open();
    slow.set("a", 2);
    const write = hold("update", "after");
    const reply = browser.copy().respond(slow);
    await write.arrived;
    await browser.visit((session) => session.logout());
    write.release();
    expect((await reply).cookie).toBe("none");
    expect(await elsewhere.sees()).toEqual({});
  });

  it("a slow read brings nothing back, and touches nothing", async () => {
    const eager = new Browser(
      createSessions({ store, saveEveryRequest: true, clock: () => Date.now() + 1e8 }),
    );
    eager.jar.set("sessionid", String(browser.key));
    const slow = await eager.open();
    await browser.visit((session) => session.logout());
    slow.get("a");
    expect((await eager.respond(slow)).cookie).toBe("none");
    expect(await elsewhere.sees()).toEqual({});
  });

  it.each<[string, (session: Session) => unknown]>([
    ["cycleKey", (session) => session.cycleKey()],
    ["setExpiry", (session) => session.setExpiry(60)],
    ["clear", (session) => session.clear()],
    ["a nested change", (session) => session.set("n", {})],
    ["modified = true", (session) => Object.assign(session, { modified: true })],
  ])("%s does not bring it back", async (_what, act) => {
    const slow = await browser.open();
    await browser.visit((session) => session.logout());
    act(slow);
    const reply = await elsewhere.respond(slow);
    expect(reply.cookie).toBe("none");
    expect(await elsewhere.sees()).toEqual({});
    expect((await sessions.listUserSessions("u1")).filter(({ handle }) => handle === slow.handle)).toEqual(
      [],
    );
  });

  it("a login needs no old record: it is stored under a new key, with its own changes and no old data", async () => {
    const slow = await browser.open();
    slow.get("a");
    await browser.visit((session) => session.logout());
    slow.set("b", 2).login("u1");
    expect((await browser.respond(slow)).cookie).toBe("set");
    const session = await browser.open();
    expect([session.userId, session.toObject()]).toEqual(["u1", { b: 2 }]);
  });

  it("what is set after a flush is stored, though another request had ended the session", async () => {
    const slow = await browser.open();
    await browser.visit((session) => session.logout());
    slow.flush();
    slow.set("b", 2);
    expect((await browser.respond(slow)).cookie).toBe("set");
    expect(await browser.sees()).toEqual({ b: 2 });
  });

  it("two logouts at once both succeed", async () => {
    const [one, two] = [await browser.open(), await browser.open()];
    one.logout();
    two.logout();
    const replies = await Promise.all([browser.respond(one), browser.respond(two)]);
    expect(replies.map(({ cookie }) => cookie)).toEqual(["removed", "removed"]);
  });
});

describe("a session whose key was changed", () => {
  it("goes on for a request that had read it before", async () => {
    const late = await browser.open();
    await browser.visit((session) => session.cycleKey());
    late.set("b", 2);
    expect((await elsewhere.respond(late)).cookie).toBe("none");
    expect(late.key).toBeNull();
    expect(await browser.sees()).toEqual({ a: 1, b: 2 });
  });

  it("is ended by the logout of a request that had read it before", async () => {
    const late = await browser.open();
    await browser.visit((session) => session.cycleKey());
    const thief = browser.copy();
    late.logout();
    await browser.respond(late);
    expect(await thief.sees()).toEqual({});
  });

  it("is followed over two changes", async () => {
    const late = await browser.open();
    await browser.visit((session) => session.cycleKey());
    await browser.visit((session) => session.cycleKey());
    late.set("b", 2);
    await elsewhere.respond(late);
    expect(await browser.sees()).toEqual({ a: 1, b: 2 });
  });

  // Reports: expressjs/session#923, jaredhanson/passport#1004.
  it("is changed once when two requests ask for it, and the jar ends with the live key", async () => {
    const [one, two] = [await browser.open(), await browser.open()];
    one.set("x", 1).cycleKey();
    two.set("y", 1).cycleKey();
    await Promise.all([browser.respond(one), browser.respond(two)]);
    expect(await browser.sees()).toEqual({ a: 1, x: 1, y: 1 });
  });

  it("is not read through its old key: an empty session, never stored, no cookie", async () => {
    const { of } = overhear();
    await browser.visit((session) => session.cycleKey());
    const session = await elsewhere.open();
    expect([session.isEmpty, session.userId, session.toObject()]).toEqual([true, null, {}]);
    session.set("planted", 1);
    session.cycleKey();
    expect((await elsewhere.respond(session)).cookie).toBe("none");
    expect(session.key).toBeNull();
    expect(of("moved")).toHaveLength(1);
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  it("save on its old key is false", async () => {
    await browser.visit((session) => session.cycleKey());
    const session = await elsewhere.open();
    session.set("planted", 1);
    expect(await session.save()).toBe(false);
  });

  it("a login with its old key makes a session of its own", async () => {
    await browser.visit((session) => session.cycleKey());
    const reply = await elsewhere.visit((session) => session.set("b", 2).login("u2"));
    expect(reply.cookie).toBe("set");
    expect(await elsewhere.sees()).toEqual({ b: 2 });
    expect((await browser.open()).userId).toBe("u1");
  });
});

describe("two logins at once", () => {
  // Reports: jaredhanson/passport#1004, Django ticket 21608.
  it.each(["u1", "u2"])("each response carries a live session (%s)", async (user) => {
    const visitor = new Browser(sessions);
    await visitor.visit((session) => session.set("cart", [1]));
    const tabs = [visitor.copy(), visitor.copy()] as const;
    const [one, two] = [await tabs[0].open(), await tabs[1].open()];
    one.login("u1");
    two.login(user);
    const replies = await Promise.all([tabs[0].respond(one), tabs[1].respond(two)]);
    expect(replies.map(({ cookie }) => cookie)).toEqual(["set", "set"]);
    expect(tabs[0].key).not.toBe(tabs[1].key);
    expect([(await tabs[0].open()).userId, (await tabs[1].open()).userId]).toEqual(["u1", user]);
    expect(await tabs[0].sees()).toEqual({ cart: [1] });
    expect(await tabs[1].sees()).toEqual({ cart: [1] });
  });
});

describe("logging in", () => {
  // Reports: the class of session fixation, CWE-384.
  it("always changes the key and keeps an anonymous visitor's data", async () => {
    const visitor = new Browser(sessions);
    await visitor.visit((session) => session.set("cart", [1]));
    const keys = new Set([visitor.key]);
    for (let time = 0; time < 3; time++) {
      await visitor.visit((session) => session.login(7));
      keys.add(visitor.key);
    }
    expect(keys.size).toBe(4);
    const session = await visitor.open();
    expect([session.userId, session.toObject()]).toEqual(["7", { cart: [1] }]);
    expect(Math.abs(Number(session.authenticatedAt) - Date.now())).toBeLessThan(5000);
  });

  // Reports: CVE-2014-0482.
  it("as somebody else flushes the other's data first, and ends the other's session", async () => {
    const reply = await browser.visit((session) => {
      session.set("secret", 1);
      session.login("u2");
      session.set("b", 2);
    });
    expect(reply.cookie).toBe("set");
    expect(await browser.sees()).toEqual({ b: 2 });
    expect((await browser.open()).userId).toBe("u2");
    expect((await elsewhere.open()).userId).toBeNull();
  });

  it("as somebody else leaves all as it was when the response is an error", async () => {
    const reply = await browser.visit((session) => session.login("u2"), 500);
    expect(reply.cookie).toBe("none");
    expect((await browser.open()).userId).toBe("u1");
  });

  it.each([undefined, null, "", Number.NaN, {}, true])("takes no %s for a user", async (user) => {
    const session = await browser.open();
    expect(() => session.login(user as never)).toThrow(TypeError);
    expect(session.userId).toBe("u1");
  });
});

it("a flush and what is set after it: whichever the store ends first, the cookie is set", async () => {
  const lost: string[] = [];
  for (let create = 0; create < 9; create++) {
    for (let end = 0; end < 9; end++) {
      // Within one turn of the event loop too.
      const slow = wrapStore(memoryStore(), async (verb, run) => {
        const wait = verb === "create" ? create : verb === "delete" ? end : 0;
        for (let turn = 0; turn < wait; turn++) await null;
        return run();
      });
      const visitor = new Browser(createSessions({ store: slow }));
      await visitor.visit((session) => session.set("a", 1).login("u1"));
      const reply = await visitor.visit((session) => session.login("u2"));
      if (reply.cookie !== "set") lost.push(`create after ${create} microtasks, delete after ${end}`);
    }
  }
  expect(lost).toEqual([]);
});

describe("onInterrupted", () => {
  const interrupted = async (options: Options) => {
    const visitor = new Browser(createSessions({ store, ...options }));
    await visitor.visit((session) => session.set("a", 1));
    const slow = await visitor.open();
    await visitor.copy().visit((session) => session.logout());
    return { visitor, slow };
  };

  it('"discard" drops the changes, and the request succeeds', async () => {
    const { visitor, slow } = await interrupted({});
    slow.set("a", 2);
    expect((await visitor.respond(slow)).cookie).toBe("none");
  });

  it('"error" fails with a 400', async () => {
    const { visitor, slow } = await interrupted({ onInterrupted: "error" });
    slow.set("a", 2);
    const error = await visitor.respond(slow).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(SessionInterruptedError);
    expect(error).toMatchObject({ status: 400, expose: true });
  });

  it('"error" is no error for a request that changed nothing, or signed in', async () => {
    const reader = await interrupted({ onInterrupted: "error" });
    reader.slow.get("a");
    await reader.visitor.respond(reader.slow);
    const login = await interrupted({ onInterrupted: "error" });
    login.slow.login("u1");
    expect((await login.visitor.respond(login.slow)).cookie).toBe("set");
  });
});
