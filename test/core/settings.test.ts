import { createSessions, memoryStore, type Options, SettingsError } from "coatcheck";
import { describe, expect, it } from "vitest";

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
  cookieAge: [0, -1, "3600", Number.NaN, Number.POSITIVE_INFINITY],
  expireAtBrowserClose: ["yes", 1],
  saveEveryRequest: ["yes", null],
  idleTimeout: [0, -1, "60", null],
  absoluteTimeout: [0, Number.NaN],
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
