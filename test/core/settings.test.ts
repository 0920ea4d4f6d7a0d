import { createSessions, memoryStore, type Options, SettingsError } from "coatcheck";
import { session as express } from "coatcheck/express";
import { session as fastify } from "coatcheck/fastify";
import { withSession } from "coatcheck/fetch";
import { session as hono } from "coatcheck/hono";
import { session as koa } from "coatcheck/koa";
import { session as node } from "coatcheck/node";
import createFastify from "fastify";
import { describe, expect, it } from "vitest";
import { overhearWarnings } from "../instruments/overheard.ts";

const refuse = (options: unknown) => {
  try {
    createSessions(options as Options);
  } catch (error) {
    return error as SettingsError;
  }
  throw new Error("these options were taken");
};

const wrong: Record<string, unknown[]> = {
  store: [null, "sqlite", {}, { ...memoryStore(), touch: undefined }],
  cookieAge: [0, -1, "3600", Number.NaN, Number.POSITIVE_INFINITY, 1e11, 8.64e12],
  expireAtBrowserClose: ["yes", 1],
  saveEveryRequest: ["yes", null],
  idleTimeout: [0, -1, "60", null, 1e11],
  absoluteTimeout: [0, Number.NaN, 1e11],
  nestedChanges: [true, "find"],
  onConflict: ["last", null, true],
  onInterrupted: ["ignore", () => {}],
  onUnavailable: ["ignore", false],
  storeTimeout: [0, -1, 3601, Number.POSITIVE_INFINITY, "5"],
  clearExpiredEvery: [-1, "1h"],
  lazy: [1, "yes"],
  clock: [Date.now(), null],
  cookie: [null, "sid"],
};

const wrongInCookie: Record<string, unknown[]> = {
  name: ["", "a b", "a=b", "a;b", "ü", 7],
  path: ["", "shop", "/a;b", "/\n", "/ü", 7],
  domain: ["", "a b", "http://example.com", "example.com/", "a;b", 7],
  secure: ["yes", null],
  httpOnly: ["yes", null],
  sameSite: ["Lax", false, null],
  partitioned: [1],
};

const listed = (table: Record<string, unknown[]>) =>
  Object.entries(table).flatMap(([option, values]) => values.map((value) => ({ option, value })));

describe("a wrong option is refused at start, and named", () => {
  it.each(listed(wrong))("$option: $value", ({ option, value }) => {
    const error = refuse({ store: memoryStore(), [option]: value });
    expect(error).toBeInstanceOf(SettingsError);
    expect(error.message).toMatch(new RegExp(`^The option ${option} takes .+, and got .+\\.$`));
  });

  it.each(listed(wrongInCookie))("cookie.$option: $value", ({ option, value }) => {
    const error = refuse({ store: memoryStore(), cookie: { [option]: value } });
    expect(error).toBeInstanceOf(SettingsError);
    expect(error.message).toMatch(new RegExp(`^The option cookie\\.${option} takes `));
  });

  it("that there is not: the options there are stand beside it", () => {
    expect(refuse({ store: memoryStore(), resave: false }).message).toMatch(
      /^The option resave takes no value: there is no such option\. There are store, cookie, .*clock/,
    );
    expect(refuse({ store: memoryStore(), cookie: { maxAge: 1 } }).message).toMatch(
      /^The option cookie\.maxAge /,
    );
  });

  it("that is missing: the core has no default store", () => {
    expect(refuse({}).message).toMatch(/^The option store takes a store/);
    expect(refuse(undefined).message).toMatch(/^The option options takes an object/);
  });

  it("is never shown where it may hold more than a word", () => {
    expect(refuse({ store: { password: "hunter2" } }).message).not.toContain("hunter2");
  });
});

describe("what a cookie's name promises is kept", () => {
  it.each([
    [{ name: "__Host-id", domain: "example.com" }, "cookie.name"],
    [{ name: "__Host-id", path: "/shop" }, "cookie.name"],
    [{ name: "__HOST-id", path: "/shop" }, "cookie.name"],
    [{ name: "__Host-id", secure: false }, "cookie.secure"],
    [{ name: "__Secure-id", secure: false }, "cookie.secure"],
    [{ sameSite: "none", secure: false }, "cookie.secure"],
    [{ partitioned: true, secure: false }, "cookie.secure"],
  ])("%o is refused for %s", (cookie, option) => {
    expect(refuse({ store: memoryStore(), cookie }).message).toContain(`The option ${option} takes `);
  });

  it.each([
    { name: "__Host-id" },
    { name: "__Secure-id", domain: "example.com", path: "/shop" },
    { domain: ".example.com" },
    { sameSite: "none", partitioned: true },
    { domain: undefined },
  ] as Options["cookie"][])("%o is taken", (cookie) => {
    expect(() => createSessions({ store: memoryStore(), ...(cookie && { cookie }) })).not.toThrow();
  });
});

it("an option that is undefined has its default", async () => {
  const sessions = createSessions({ store: memoryStore(), cookieAge: undefined } as unknown as Options);
  const session = await sessions.open(null, { secure: false });
  expect(session.getExpiryAge()).toBe(1_209_600);
});

/** Every way to give options, with its refusal of those that it is given. */
const adapters: Record<string, (options: never) => unknown> = {
  createSessions,
  "coatcheck/express": express,
  "coatcheck/fastify": async (options) => {
    const app = createFastify();
    await app.register(fastify, options);
  },
  "coatcheck/fetch": (options) => withSession(options, () => new Response()),
  "coatcheck/hono": (options) => hono(options),
  "coatcheck/koa": koa,
  "coatcheck/node": (options) => node(options, () => {}),
};

/** The error with which an adapter refuses options; each has its own way to fail. */
async function refusal(adapter: string, options: unknown): Promise<SettingsError> {
  const take = adapters[adapter] as (options: unknown) => unknown;
  const outcome = await (async () => take(options))().then(
    () => null,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(SettingsError);
  return outcome as SettingsError;
}

describe.each(Object.keys(adapters))("%s refuses what is no object of options", (adapter) => {
  // Fastify calls a function itself, and takes the result for the options.
  const isFastify = adapter === "coatcheck/fastify";

  it.each([
    ["a promise", Promise.resolve({ store: memoryStore() }), "await"],
    ["a list", [{ store: memoryStore() }], "one object"],
    ["true", true, "an object"],
    ["a path", "./sessions.sqlite3", "{ store: sqliteStore(path) }"],
    ["a store", memoryStore(), "{ store }"],
    ["a factory that was not called", memoryStore, "call it"],
    ["a request", { headers: {}, method: "GET", url: "/" }, "app.use(session())"],
    ["a Sessions of another release", { open() {}, commit() {}, close() {} }, "one copy"],
  ])("%s", async (_what, options, cure) => {
    if (isFastify && typeof options === "function") return;
    const { message } = await refusal(adapter, options);
    expect(message).toMatch(/^The option options takes an object/);
    expect(message).toContain(cure);
    expect(message).not.toContain("sessions.sqlite3");
  });
});

describe.each(Object.keys(adapters))(
  "%s says what takes the place of an option that others have",
  (adapter) => {
    it.each([
      ["secret", "no secret"],
      ["resave", "changed"],
      ["saveUninitialized", "created"],
      ["rolling", "saveEveryRequest"],
      ["name", "cookie: { name }"],
      ["maxAge", "cookieAge"],
      ["ttl", "cookieAge"],
      ["unset", "session.flush()"],
      ["genid", "random"],
      ["proxy", "trust"],
    ])("%s", async (name, cure) => {
      const { message } = await refusal(adapter, { store: memoryStore(), [name]: "hunter2" });
      expect(message).toMatch(new RegExp(`^The option ${name} takes no value: there is no such option\\.`));
      expect(message).toContain(cure);
      expect(message).not.toContain("hunter2");
    });

    it.each([
      ["maxAge", "cookieAge"],
      ["expires", "setExpiry"],
      ["signed", "signedCookieStore"],
    ])("cookie.%s", async (name, cure) => {
      const { message } = await refusal(adapter, { store: memoryStore(), cookie: { [name]: 1 } });
      expect(message).toMatch(
        new RegExp(`^The option cookie\\.${name} takes no value: there is no such option\\.`),
      );
      expect(message).toContain(cure);
    });
  },
);

describe("an age that may be in milliseconds is warned about", () => {
  it.each(["cookieAge", "idleTimeout", "absoluteTimeout"])("%s of more than 400 days", async (name) => {
    const warned = overhearWarnings();
    createSessions({ store: memoryStore(), [name]: 400 * 86_400 });
    createSessions({ store: memoryStore(), [name]: 400 * 86_400 + 1 });
    const warnings = await warned();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toMatch(new RegExp(`^The option ${name} is in seconds`));
  });
});

it("the default clock is the Date.now of the moment, so that fake time reaches it", async () => {
  const sessions = createSessions({ store: memoryStore() });
  const later = Date.now() + 86_400_000;
  const original = Date.now;
  Date.now = () => later;
  try {
    const session = await sessions.open(null, { secure: false });
    session.login("ada");
    expect(session.authenticatedAt?.getTime()).toBe(later);
  } finally {
    Date.now = original;
  }
});
