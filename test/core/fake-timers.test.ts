import { createSessions, memoryStore } from "coatcheck";
import { afterEach, expect, test, vi } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { heldStore } from "../instruments/held-store.ts";
import { MovedClock } from "../instruments/moved-clock.ts";

afterEach(() => void vi.useRealTimers());

/** Each of these waits in between. With all timers faked, as test runners do by default, they must end all the same. */
// Reports: jestjs/jest#9430.
test("a write that meets others again and again is stored while all timers are faked", async () => {
  const held = heldStore(memoryStore());
  const browser = new Browser(createSessions({ store: held.store }));
  await browser.visit((session) => session.set("n", 1));
  for (let times = 0; times < 4; times++) held.answer("update", async () => "conflict");
  vi.useFakeTimers();
  await browser.visit((session) => session.update("n", (n = 0) => n + 1));
  expect(await browser.sees()).toEqual({ n: 2 });
});

test("the many sessions of a user are listed, revoked and cleared while all timers are faked", async () => {
  const clock = new MovedClock();
  const sessions = createSessions({ store: memoryStore(), clock: clock.read });
  for (let device = 0; device < 100; device++) {
    await new Browser(sessions).visit((session) => session.login("ada"));
  }
  vi.useFakeTimers();
  const [first, ...others] = await sessions.listUserSessions("ada");
  expect(others).toHaveLength(99);
  expect(await sessions.revokeUser("ada", { except: first?.handle ?? null })).toBe(99);
  clock.pass(1_209_601);
  expect(await sessions.clearExpired({ batchSize: 1 })).toBe(1);
});
