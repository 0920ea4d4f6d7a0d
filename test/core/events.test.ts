import { createSessions, memoryStore, type Options, type Session } from "coatcheck";
import { expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { faultyStore } from "../instruments/faulty-store.ts";
import { overhear, overhearWarnings } from "../instruments/overheard.ts";

const logId = expect.stringMatching(/^[0-9a-f]{12}$/);

function site(options: Options = {}) {
  const faulty = faultyStore(memoryStore());
  const sessions = createSessions({ store: faulty.store, ...options });
  return { ...faulty, sessions, browser: new Browser(sessions) };
}

it("created, rotated and ended tell the life of a session", async () => {
  const { browser } = site();
  const { heard } = overhear();
  await browser.visit((session) => session.set("a", 1));
  await browser.visit((session) => session.login("u1"));
  await browser.visit((session) => session.logout());
  expect(heard).toEqual([
    { event: "created", message: { session: logId, userId: null } },
    { event: "rotated", message: { session: logId, from: logId, userId: "u1" } },
    { event: "ended", message: { session: logId } },
  ]);
  const [created, rotated, ended] = heard.map(({ message }) => message as Record<string, string>);
  expect(rotated?.from).toBe(created?.session);
  expect(rotated?.session).not.toBe(created?.session);
  expect(ended?.session).toBe(rotated?.session);
});

it("a request that reads tells nothing", async () => {
  const { browser } = site();
  await browser.visit((session) => session.set("a", 1));
  const { heard } = overhear();
  await browser.visit((session) => session.get("a"));
  expect(heard).toEqual([]);
});

it("unknown, malformed and duplicated tell of strange cookies", async () => {
  const { sessions } = site();
  const { of } = overhear();
  const key = "a".repeat(32);
  await sessions.open(`sessionid=${key}; sessionid=short`, { secure: false });
  expect(of("unknown")).toEqual([{ session: logId }]);
  expect(of("malformed")).toEqual([{ length: 5 }]);
  expect(of("duplicated")).toEqual([{ values: 2 }]);
});

it("conflict and interrupted tell of requests that met", async () => {
  const { browser } = site();
  await browser.visit((session) => session.set("a", 1));
  const { of } = overhear();
  const [one, two] = [await browser.open(), await browser.open()];
  await browser.copy().visit((session) => session.set("b", 1));
  one.set("c", 1);
  await browser.copy().respond(one);
  await browser.copy().visit((session) => session.logout());
  two.set("d", 1);
  await browser.respond(two);
  expect(of("conflict")).toEqual([{ session: logId, attempt: 1 }]);
  expect(of("interrupted")).toEqual([{ session: logId }]);
});

it("cleared tells of each batch", async () => {
  let now = 0;
  const { browser, sessions } = site({ clock: () => now });
  for (let n = 0; n < 3; n++) {
    browser.jar.clear();
    await browser.visit((session) => session.set("a", 1).setExpiry(10));
  }
  now = 20_000;
  const { of } = overhear();
  await sessions.clearExpired({ batchSize: 2 });
  expect(of("cleared")).toEqual([{ deleted: 2 }, { deleted: 1 }]);
});

// Reports: CVE-2023-20866.
it("no key and no cookie value is in any event, error or warning", async () => {
  const secrets = new Set<string>();
  const { heard } = overhear();
  const warnings = overhearWarnings();
  const errors: unknown[] = [];

  /** A visit in which anything may go wrong; notes every secret that it meets. */
  async function visit(browser: Browser, act: (session: Session) => unknown, status = 200) {
    for (const value of browser.jar.values()) secrets.add(value);
    try {
      const session = await browser.open();
      if (session.key !== null) secrets.add(session.key);
      await act(session);
      await browser.respond(session, status);
      if (session.key !== null) secrets.add(session.key);
    } catch (error) {
      errors.push(error);
    }
    for (const value of browser.jar.values()) secrets.add(value);
  }

  const { browser, breaks, mended, sessions } = site({ onInterrupted: "error", onConflict: "error" });
  await visit(browser, (session) => session.set("a", 1));
  await visit(browser, (session) => session.login("u1"));
  for (const verb of ["read", "update", "rotate", "delete"] as const) {
    breaks(verb);
    await visit(browser, (session) => session.set("a", 2).cycleKey());
    await visit(browser, (session) => session.set("a", 3));
    await visit(browser, (session) => session.logout());
    mended();
  }
  const late = browser.copy();
  await visit(late, async (session) => {
    await visit(browser.copy(), (other) => other.set("a", 4));
    session.set("a", 5);
  });
  await visit(late, async (session) => {
    await visit(browser, (other) => other.logout());
    session.set("a", 6);
  });
  for (const value of ["z".repeat(32), "not a key but still secret", '"quoted-secret-value"']) {
    browser.jar.clear();
    browser.jar.set("sessionid", value);
    await visit(browser, (session) => session.require("absent"));
    await visit(browser, (session) => session.set("a", 1));
  }
  await visit(browser, (session) => Object.assign(session, { user: 1 }));
  const finished = await browser.open();
  await browser.respond(finished);
  finished.set("a", 9);
  sessions.finish(finished);
  const withheld = new Browser(createSessions({ store: memoryStore(), cookie: { secure: true } }));
  await visit(withheld, (session) => session.set("a", 1));

  const told = [
    ...heard.map(({ message }) => message),
    ...(await warnings()),
    ...errors.flatMap((error) => {
      const { message, stack, cause, headers } = error as Error & { headers?: unknown };
      return [message, stack, headers, String(cause), (cause as Error | undefined)?.stack];
    }),
  ].map((one) => JSON.stringify(one) ?? "");
  expect(secrets.size).toBeGreaterThan(8);
  expect(errors.length).toBeGreaterThan(8);
  expect(new Set(heard.map(({ event }) => event)).size).toBeGreaterThan(8);
  for (const secret of secrets) {
    expect(
      told.filter((text) => text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1))),
    ).toEqual([]);
  }
});
