import { createSessions, memoryStore, type Options, type Session } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { MovedClock } from "../instruments/moved-clock.ts";

const DAY = 86_400;
const TWO_WEEKS = 14 * DAY;

let clock: MovedClock;
const sessionsWith = (options: Options = {}) =>
  createSessions({ store: memoryStore(), clock: clock.read, ...options });
const browserWith = (options: Options = {}) => new Browser(sessionsWith(options));

beforeEach(() => {
  clock = new MovedClock();
});

describe("setExpiry", () => {
  let session: Session;
  beforeEach(async () => {
    session = await sessionsWith().open(null, { secure: false });
  });

  const at = (milliseconds: number) => new Date(clock.now + milliseconds);

  it.each([
    { given: null, age: TWO_WEEKS },
    { given: 0, age: TWO_WEEKS },
    { given: 300, age: 300 },
    { given: 0.5, age: 0.5 },
    { given: -300, age: -300 },
  ])("$given is an age of $age seconds from the last write", ({ given, age }) => {
    session.setExpiry(given);
    expect(session.getExpiryAge()).toBe(age);
    expect(session.getExpiryDate()).toEqual(at(age * 1000));
    const modification = at(-60_000);
    expect(session.getExpiryAge({ modification })).toBe(age);
    expect(session.getExpiryDate({ modification })).toEqual(at(age * 1000 - 60_000));
  });

  it.each([
    { in: 10_000, age: 10 },
    { in: 9_999, age: 9 },
    { in: 1, age: 0 },
    { in: -1, age: -1 },
    { in: -300_000, age: -300 },
  ])("a date in $in ms is an age of $age seconds: whole ones, downwards", ({ in: away, age }) => {
    session.setExpiry(at(away));
    expect(session.getExpiryAge()).toBe(age);
    expect(session.getExpiryDate()).toEqual(at(away));
    expect(session.getExpiryDate({ modification: at(-DAY * 1000) })).toEqual(at(away));
  });

  it("is taken back by null", () => {
    session.setExpiry(10);
    session.setExpiry(null);
    expect(session.getExpiryAge()).toBe(TWO_WEEKS);
  });

  it("counts as a change, the reckoning does not", async () => {
    session.getExpiryAge();
    expect([session.accessed, session.modified]).toEqual([true, false]);
    session.setExpiry(10);
    expect(session.modified).toBe(true);
  });

  it("is not looked at where an expiry is given", () => {
    session.setExpiry(10);
    expect(session.getExpiryAge({ expiry: null })).toBe(TWO_WEEKS);
    expect(session.getExpiryAge({ expiry: 20 })).toBe(20);
    expect(session.getExpiryDate({ expiry: at(5000) })).toEqual(at(5000));
  });

  it("given to the reckoning alone, leaves the session untouched", () => {
    session.getExpiryAge({ expiry: 20 });
    session.getExpiryDate({ expiry: 20 });
    expect(session.accessed).toBe(false);
  });

  it.each(["soon", Number.NaN, Number.POSITIVE_INFINITY, new Date(Number.NaN), true, undefined, {}])(
    "refuses %s",
    (given) => {
      expect(() => session.setExpiry(given as never)).toThrow(TypeError);
      expect(session.modified).toBe(false);
    },
  );

  // Reports: gorilla/sessions#129.
  it("takes a date that is long past", () => {
    session.setExpiry(new Date(0));
    expect(session.getExpiryAge()).toBeLessThan(0);
  });
});

describe("a stored session", () => {
  it("is gone when its age has passed since the last write, and not before", async () => {
    const browser = browserWith();
    await browser.visit((session) => session.set("a", 1).setExpiry(100));
    clock.pass(99.999);
    expect(await browser.sees()).toEqual({ a: 1 });
    clock.pass(0.001);
    expect(await browser.sees()).toEqual({});
  });

  it("is gone at its date, whatever is written", async () => {
    const browser = browserWith();
    const end = new Date(clock.now + 100_000);
    await browser.visit((session) => session.set("a", 1).setExpiry(end));
    clock.pass(99);
    await browser.visit((session) => session.set("a", 2));
    expect((await browser.open()).getExpiryDate()).toEqual(end);
    clock.pass(1);
    expect(await browser.sees()).toEqual({});
  });

  it("that ends with the browser lives its default age on the server", async () => {
    const browser = browserWith();
    const reply = await browser.visit((session) => session.set("a", 1).setExpiry(0));
    expect(reply.maxAge).toBeNull();
    expect((await browser.open()).getExpireAtBrowserClose()).toBe(true);
    clock.pass(TWO_WEEKS - 1);
    expect(await browser.sees()).toEqual({ a: 1 });
    clock.pass(1);
    expect(await browser.sees()).toEqual({});
  });

  // Reports: maxcountryman/tower-sessions#79, gorilla/sessions#129, koajs/session#117.
  it("with a negative age is over at once, and so is its cookie", async () => {
    const browser = browserWith();
    await browser.visit((session) => session.set("a", 1));
    const stolen = browser.copy();
    const reply = await browser.visit((session) => session.setExpiry(-1));
    expect(reply.maxAge).toBe(0);
    expect(await stolen.sees()).toEqual({});
  });

  it("keeps its own expiry from request to request", async () => {
    const browser = browserWith();
    await browser.visit((session) => session.set("a", 1).setExpiry(300));
    const session = await browser.open();
    expect(session.getExpiryAge()).toBe(300);
    expect(session.getExpireAtBrowserClose()).toBe(false);
  });
});

describe("the cookie's age", () => {
  it.each([
    { what: "the default", expiry: undefined, maxAge: TWO_WEEKS },
    { what: "seconds", expiry: 300, maxAge: 300 },
    { what: "fractions, cut", expiry: 300.9, maxAge: 300 },
    { what: "until the browser closes", expiry: 0, maxAge: null },
    { what: "more than browsers keep", expiry: 1000 * DAY, maxAge: 400 * DAY },
  ])("is $what", async ({ expiry, maxAge }) => {
    const reply = await browserWith().visit((session) => {
      session.set("a", 1);
      if (expiry !== undefined) session.setExpiry(expiry);
    });
    expect(reply.cookie).toBe("set");
    expect(reply.maxAge).toBe(maxAge);
  });

  it("is that of a date", async () => {
    const reply = await browserWith().visit((session) =>
      session.set("a", 1).setExpiry(new Date(clock.now + 90_000)),
    );
    expect(reply.maxAge).toBe(90);
  });

  it("is left out with expireAtBrowserClose, unless the session has an age of its own", async () => {
    const browser = browserWith({ expireAtBrowserClose: true });
    expect((await browser.visit((session) => session.set("a", 1))).maxAge).toBeNull();
    expect((await browser.visit((session) => session.setExpiry(60))).maxAge).toBe(60);
  });

  it("is at most 400 days, while the record lives as long as was asked for", async () => {
    const browser = browserWith({ cookieAge: 1000 * DAY });
    expect((await browser.visit((session) => session.set("a", 1))).maxAge).toBe(400 * DAY);
    clock.pass(999 * DAY);
    expect(await browser.sees()).toEqual({ a: 1 });
  });
});
