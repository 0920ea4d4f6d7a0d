/** `open` with `readOnly` and `announce`, for adapters whose response can carry no cookie, or can carry it at once. */
import { createSessions, memoryStore } from "coatcheck";
import { describe, expect, test } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { spyStore } from "../instruments/spy-store.ts";

describe("a session that is opened with readOnly", () => {
  test("stores nothing, also of a change within an object", async () => {
    const { store, took } = spyStore(memoryStore());
    const sessions = createSessions({ store });
    const browser = new Browser(sessions);
    await browser.visit((session) => session.set("cart", ["apple"]));
    took();
    const session = await sessions.open(browser.cookie, { secure: false, readOnly: true });
    session.get("cart").push("pear");
    expect(() => session.set("cart", [])).toThrow(
      /^session\.set was used where the session can only be read/,
    );
    expect(await sessions.commit(session, { status: 200 })).toEqual([["Vary", "Cookie"]]);
    expect(took()).toEqual(["read"]);
    expect(await browser.sees()).toEqual({ cart: ["apple"] });
  });

  test("refuses a flush before it is loaded, too", async () => {
    const sessions = createSessions({ store: memoryStore(), lazy: true });
    const session = await sessions.open(null, { secure: false, readOnly: true });
    expect(() => session.flush()).toThrow("session.flush was used");
    expect(() => session.logout()).toThrow("session.logout was used");
  });

  test("by a function is asked before each save, and stores nothing where it says so", async () => {
    const sessions = createSessions({ store: memoryStore() });
    let hasBegun = false;
    const session = await sessions.open(null, { secure: false, readOnly: async () => hasBegun });
    session.set("a", 1);
    expect(await session.save()).toBe(true);
    hasBegun = true;
    session.set("a", 2);
    await expect(session.save()).rejects.toMatchObject({ name: "SessionReadOnlyError", status: 500 });
    const seen = await sessions.open(`sessionid=${session.key}`, { secure: false });
    expect(seen.toObject()).toEqual({ a: 1 });
  });

  test.each([true, async () => false])(
    "is touched when it is read, where reading is activity",
    async (readOnly) => {
      let now = Date.now();
      const { store, took } = spyStore(memoryStore());
      const sessions = createSessions({ store, clock: () => now, idleTimeout: 86_400 });
      const browser = new Browser(sessions);
      await browser.visit((session) => session.set("a", 1));
      took();
      now += 3_600_000;
      await sessions.open(browser.cookie, { secure: false, readOnly });
      await sessions.open(browser.cookie, { secure: false, readOnly });
      expect(took()).toEqual(["read", "touch", "read"]);
    },
  );
});

test("announce gets the headers of each save, and of no commit", async () => {
  const sessions = createSessions({ store: memoryStore() });
  const announced: string[][] = [];
  const announce = (headers: readonly (readonly [name: string, value: string])[]) =>
    announced.push(headers.map(([name]) => name));
  const session = await sessions.open(null, { secure: false, announce });
  session.set("a", 1);
  await session.save();
  session.set("a", 2);
  await sessions.commit(session, { status: 200 });
  expect(announced).toEqual([["Set-Cookie", "Cache-Control", "Vary"]]);
});
