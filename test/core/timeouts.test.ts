import { createSessions, memoryStore, type Options } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { spyStore } from "../instruments/spy-store.ts";

let clock: MovedClock;
let took: () => string[];

function browserWith(options: Options): Browser {
  const spy = spyStore(memoryStore());
  took = spy.took;
  return new Browser(createSessions({ store: spy.store, clock: clock.read, ...options }));
}

beforeEach(() => {
  clock = new MovedClock();
});

describe("without timeouts", () => {
  it("reading is not activity: a session ends its age after the last write", async () => {
    const browser = browserWith({ cookieAge: 1000 });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(600);
    await browser.visit((session) => session.get("a"));
    clock.pass(400);
    expect(await browser.sees()).toEqual({});
  });

  it("a write moves record and cookie together, by more than 1/100 of the life and not for less", async () => {
    const browser = browserWith({ cookieAge: 1000 });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(10);
    expect((await browser.visit((session) => session.set("a", 2))).cookie).toBe("none");
    clock.pass(1);
    const reply = await browser.visit((session) => session.set("a", 3));
    expect(reply.maxAge).toBe(1000);
    clock.pass(999);
    expect(await browser.sees()).toEqual({ a: 3 });
    clock.pass(1);
    expect(await browser.sees()).toEqual({});
  });

  it("a write that does not renew leaves the end where it was", async () => {
    const browser = browserWith({ cookieAge: 1000 });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(10);
    await browser.visit((session) => session.set("a", 2));
    clock.pass(990);
    expect(await browser.sees()).toEqual({});
  });

  it("a cookie until the browser closes is sent once: it has no age that could be renewed", async () => {
    const browser = browserWith({ cookieAge: 1000, expireAtBrowserClose: true });
    const first = await browser.visit((session) => session.set("a", 1));
    expect([first.cookie, first.maxAge]).toEqual(["set", null]);
    clock.pass(500);
    expect((await browser.visit((session) => session.set("a", 2))).cookie).toBe("none");
    clock.pass(999);
    expect(await browser.sees()).toEqual({ a: 2 });
  });
});

describe("saveEveryRequest", () => {
  it("touches the record and sends the cookie, and rewrites nothing", async () => {
    const browser = browserWith({ cookieAge: 1000, saveEveryRequest: true });
    await browser.visit((session) => session.set("a", 1));
    took();
    clock.pass(600);
    const reply = await browser.visit();
    expect(took()).toEqual(["read", "touch"]);
    expect(reply.maxAge).toBe(1000);
    expect(reply.vary).toBe("Cookie");
    clock.pass(999);
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  it("does so only when it moves the end by more than 1/100 of the life", async () => {
    const browser = browserWith({ cookieAge: 1000, saveEveryRequest: true });
    await browser.visit((session) => session.set("a", 1));
    took();
    clock.pass(10);
    expect((await browser.visit()).cookie).toBe("none");
    expect(took()).toEqual(["read"]);
    clock.pass(1);
    expect((await browser.visit()).cookie).toBe("set");
    expect(took()).toEqual(["read", "touch"]);
  });

  it("moves no date", async () => {
    const browser = browserWith({ saveEveryRequest: true });
    await browser.visit((session) => session.set("a", 1).setExpiry(new Date(clock.now + 1_000_000)));
    took();
    clock.pass(500);
    expect((await browser.visit()).cookie).toBe("none");
    expect(took()).toEqual(["read"]);
  });
});

describe("idleTimeout", () => {
  it("ends a session that nobody used", async () => {
    const browser = browserWith({ idleTimeout: 100 });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(100);
    expect(await browser.sees()).toEqual({});
  });

  it("counts every request as use, also one that only reads", async () => {
    const browser = browserWith({ idleTimeout: 100 });
    await browser.visit((session) => session.set("a", 1));
    for (let request = 0; request < 5; request++) {
      clock.pass(99);
      await browser.visit((session) => session.get("a"));
    }
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  it("ends the record and not the cookie, which is sent once in a hundredth of its own life", async () => {
    const browser = browserWith({ cookieAge: 100_000, idleTimeout: 600 });
    expect((await browser.visit((session) => session.set("a", 1))).maxAge).toBe(100_000);
    const sent: number[] = [];
    for (let click = 1; click <= 400; click++) {
      clock.pass(10);
      const { cookie, maxAge } = await browser.visit((session) => session.get("a"));
      if (cookie === "set") sent.push(click);
      if (cookie === "set") expect(maxAge).toBe(100_000);
    }
    // 4,000 s are four hundredths of the life.
    expect(sent).toEqual([100, 200, 300, 400]);
  });

  it("sends a cookie that lasts no longer than absoluteTimeout leaves, and does not send it again", async () => {
    const browser = browserWith({ cookieAge: 10_000, idleTimeout: 100, absoluteTimeout: 1000 });
    expect((await browser.visit((session) => session.set("a", 1))).maxAge).toBe(1000);
    for (let click = 1; click <= 9; click++) {
      clock.pass(90);
      expect((await browser.visit()).cookie).toBe("none");
    }
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  for (const options of [{ idleTimeout: 60 }, { cookieAge: 60, saveEveryRequest: true }]) {
    it(`${Object.keys(options).at(-1)} counts a request from its beginning: a long one keeps its session and its changes`, async () => {
      const browser = browserWith(options);
      await browser.visit((session) => session.login("ada"));
      clock.pass(50);
      const session = await browser.open();
      clock.pass(40);
      session.set("uploaded", true);
      await browser.respond(session);
      expect(await browser.sees()).toEqual({ uploaded: true });
    });
  }

  it("a failed request is activity too, where the session had less than five minutes left", async () => {
    const browser = browserWith({ idleTimeout: 60 });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(50);
    await browser.visit(() => {}, 500);
    clock.pass(50);
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  it("a session with more than five minutes left is touched with the response alone", async () => {
    const browser = browserWith({ idleTimeout: 1000 });
    await browser.visit((session) => session.set("a", 1));
    took();
    clock.pass(699);
    const session = await browser.open();
    expect(took()).toEqual(["read"]);
    await browser.respond(session);
    expect(took()).toEqual(["touch"]);
  });

  it("writes at most every 1/100 of its time", async () => {
    const browser = browserWith({ idleTimeout: 100 });
    await browser.visit((session) => session.set("a", 1));
    took();
    clock.pass(1);
    await browser.visit();
    expect(took()).toEqual(["read"]);
    clock.pass(0.001);
    await browser.visit();
    expect(took()).toEqual(["read", "touch"]);
  });

  it("does not prolong what ends at a date", async () => {
    const browser = browserWith({ idleTimeout: 100 });
    await browser.visit((session) => session.set("a", 1).setExpiry(new Date(clock.now + 150_000)));
    clock.pass(99);
    await browser.visit();
    clock.pass(50);
    expect(await browser.sees()).toEqual({ a: 1 });
    clock.pass(1);
    expect(await browser.sees()).toEqual({});
  });

  for (const options of [{ idleTimeout: 1000 }, { cookieAge: 1000, saveEveryRequest: true }]) {
    const name = Object.keys(options).at(-1);
    it(`${name}: once() puts no end back that another request has moved, also where its own response fails`, async () => {
      const browser = browserWith(options);
      await browser.visit((session) => session.set("a", 1));
      const session = await browser.open();
      clock.pass(600);
      await browser.visit();
      await session.once("a", (n = 0) => n + 1);
      await browser.respond(session, 500);
      clock.pass(900);
      expect(await browser.sees()).toEqual({ a: 2 });
    });

    it(`${name}: once() moves the end for less than 1/100 of the life not at all`, async () => {
      const browser = browserWith(options);
      await browser.visit((session) => session.set("a", 1));
      clock.pass(9);
      const session = await browser.open();
      await session.once("a", (n = 0) => n + 1);
      expect(session.expiresAt?.getTime()).toBe(clock.now + 991_000);
      expect((await browser.respond(session)).cookie).toBe("none");
    });
  }

  it.each([200, 500])("a response %i whose once() has moved the end renews the cookie", async (status) => {
    const browser = browserWith({ cookieAge: 1000, saveEveryRequest: true });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(600);
    const { cookie, maxAge } = await browser.visit((session) => session.once("a", (n = 0) => n + 1), status);
    expect({ cookie, maxAge }).toEqual({ cookie: "set", maxAge: 1000 });
  });

  it("a once() that has moved the end announces no key that another request has changed meanwhile", async () => {
    const browser = browserWith({ cookieAge: 1000, saveEveryRequest: true });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(600);
    const session = await browser.open();
    await session.once("a", (n = 0) => n + 1);
    await browser.visit((other) => other.cycleKey());
    expect((await browser.respond(session)).cookie).toBe("none");
  });

  it("does not revive a session that is written to after its time", async () => {
    const browser = browserWith({ idleTimeout: 100 });
    await browser.visit((session) => session.set("a", 1));
    const session = await browser.open();
    clock.pass(101);
    session.set("a", 2);
    expect((await browser.respond(session)).cookie).toBe("none");
    expect(await browser.sees()).toEqual({});
  });
});

describe("absoluteTimeout", () => {
  it("ends an anonymous session some time after its creation, however busy it is", async () => {
    const browser = browserWith({ absoluteTimeout: 1000 });
    expect((await browser.visit((session) => session.set("a", 1))).maxAge).toBe(1000);
    clock.pass(999);
    await browser.visit((session) => session.set("a", 2));
    expect(await browser.sees()).toEqual({ a: 2 });
    clock.pass(1);
    expect(await browser.sees()).toEqual({});
  });

  it("is restarted by login, and counts from there", async () => {
    const browser = browserWith({ absoluteTimeout: 1000 });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(900);
    expect((await browser.visit((session) => session.login("u1"))).maxAge).toBe(1000);
    clock.pass(999);
    expect((await browser.open()).userId).toBe("u1");
    clock.pass(1);
    expect((await browser.open()).userId).toBeNull();
  });

  it("is not restarted by cycleKey", async () => {
    const browser = browserWith({ absoluteTimeout: 1000 });
    await browser.visit((session) => session.set("a", 1));
    clock.pass(900);
    expect((await browser.visit((session) => session.cycleKey())).maxAge).toBe(100);
    clock.pass(100);
    expect(await browser.sees()).toEqual({});
  });

  it("bounds an age of the session's own", async () => {
    const browser = browserWith({ absoluteTimeout: 1000 });
    expect((await browser.visit((session) => session.set("a", 1).setExpiry(5000))).maxAge).toBe(1000);
  });

  it("that is shortened later holds for sessions that are there", async () => {
    const store = memoryStore();
    const before = new Browser(createSessions({ store, clock: clock.read }));
    await before.visit((session) => session.set("a", 1));
    const after = new Browser(createSessions({ store, clock: clock.read, absoluteTimeout: 1000 }));
    after.jar.set("sessionid", String(before.key));
    clock.pass(999);
    expect(await after.sees()).toEqual({ a: 1 });
    clock.pass(1);
    expect(await after.sees()).toEqual({});
  });
});
