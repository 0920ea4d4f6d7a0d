import { inspect } from "node:util";
import { createSessions, memoryStore, type Store } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { overhear } from "../instruments/overheard.ts";

const now = Date.UTC(2030, 0, 1);

let store: Store;
let browser: Browser;
beforeEach(async () => {
  store = memoryStore();
  browser = new Browser(createSessions({ store, clock: () => now }));
  await browser.visit((session) => session.assign({ visits: 3, car: { wheels: ["steel"] } }).login("ada"));
});

describe("console.log(session)", () => {
  it("shows data, user and expiry", async () => {
    const session = await browser.open();
    const shown = inspect(session);
    expect(shown).toMatch(/^Session \{/);
    expect(shown).toContain("userId: 'ada'");
    expect(shown).toContain("visits: 3");
    expect(shown).toContain("wheels: [ 'steel' ]");
    expect(shown).toContain("expiresAt: 2030-01-15T00:00:00.000Z");
  });

  it("never shows the key, its hash or the cookie", async () => {
    const session = await browser.open();
    const shown = inspect(session, { depth: Number.POSITIVE_INFINITY, showHidden: true });
    expect(shown).not.toContain(session.key);
    expect(shown).not.toContain(session.handle);
  });

  it("is no look at the session: nothing is noted, and nothing changes", async () => {
    const events = overhear();
    const session = await browser.open();
    inspect(session);
    expect([session.accessed, session.modified]).toEqual([false, false]);
    expect(events.heard).toEqual([]);
  });

  it("follows the depth that was asked for", async () => {
    const session = await browser.open();
    expect(inspect({ a: { b: session } }, { depth: 0 })).toBe("{ a: [Object] }");
    expect(inspect({ session }, { depth: 0 })).toBe("{ session: [Session] }");
  });

  it("says that a lazy session was not loaded", async () => {
    const lazy = new Browser(createSessions({ store, lazy: true, clock: () => now }));
    const session = await lazy.open();
    expect(inspect(session)).toBe("Session { not loaded }");
    await session.load();
    expect(inspect(session)).toMatch(/^Session \{\s+userId: null/);
  });
});

it("JSON.stringify gives {}, as for a Map: toObject() is the data", async () => {
  const session = await browser.open();
  expect(JSON.stringify(session)).toBe("{}");
});
