import {
  createSessions,
  memoryStore,
  type Options,
  SettingsError,
  type Store,
  StoreUnavailableError,
} from "coatcheck";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { MovedClock } from "../instruments/moved-clock.ts";

let clock: MovedClock;
let store: Store;
const sessionsWith = (options: Options = {}) => createSessions({ store, clock: clock.read, ...options });

/** Sessions that have expired, and one that has not. */
async function withExpired(count: number) {
  const sessions = sessionsWith();
  for (let n = 0; n < count; n++) {
    await new Browser(sessions).visit((session) => session.set("n", n).setExpiry(10));
  }
  const live = new Browser(sessions);
  await live.visit((session) => session.set("a", 1).login("u1"));
  clock.pass(11);
  return { sessions, live };
}

/** The timers that were started while `run` ran. */
async function timersOf(run: () => unknown) {
  const set = vi.spyOn(globalThis, "setTimeout");
  const random = vi.spyOn(Math, "random");
  await run();
  const timers = set.mock.results.map(({ value }) => value as NodeJS.Timeout);
  return { timers, waits: set.mock.calls.map(([, wait]) => wait ?? 0), randoms: random.mock.calls.length };
}

beforeEach(() => {
  clock = new MovedClock();
  // memoryStore removes a few expired sessions at each write; in this test only clearExpired may remove any.
  store = { ...memoryStore() };
});
afterEach(() => void vi.restoreAllMocks());

describe("clearExpired", () => {
  it("deletes what has expired in batches, tells how far it is, and resolves to the number", async () => {
    const { sessions, live } = await withExpired(7);
    const progress: number[] = [];
    const onProgress = ({ deleted }: { deleted: number }) => void progress.push(deleted);
    expect(await sessions.clearExpired({ batchSize: 3, onProgress })).toBe(7);
    expect(progress).toEqual([3, 6, 7]);
    expect(await live.sees()).toEqual({ a: 1 });
    expect(await sessions.clearExpired()).toBe(0);
  });

  it("with dryRun only counts", async () => {
    const { sessions } = await withExpired(3);
    expect(await sessions.clearExpired({ dryRun: true })).toBe(3);
    expect(await sessions.clearExpired({ dryRun: true })).toBe(3);
    expect(await sessions.clearExpired()).toBe(3);
  });

  it("stops at the signal, after the batch under way", async () => {
    const { sessions } = await withExpired(7);
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    expect(await sessions.clearExpired({ batchSize: 3, signal: stop.signal, onProgress })).toBe(3);
    expect(await sessions.clearExpired({ signal: AbortSignal.abort() })).toBe(0);
    expect(await sessions.clearExpired()).toBe(4);
  });

  it.each([0, -1, 1.5, Number.NaN, "10"])("refuses a batchSize of %o", async (batchSize) => {
    await expect(sessionsWith().clearExpired({ batchSize: batchSize as number })).rejects.toBeInstanceOf(
      SettingsError,
    );
  });

  it("has nothing to do for a store that forgets by itself", async () => {
    const { clearExpired: _, ...native } = store;
    const sessions = createSessions({ store: { ...native, capabilities: { expiresNatively: true } } });
    expect(await sessions.clearExpired()).toBe(0);
  });

  it("fails with 503 when the store does", async () => {
    store = { ...store, clearExpired: () => Promise.reject(new Error("no")) };
    await expect(sessionsWith().clearExpired()).rejects.toMatchObject({ status: 503 });
  });
});

describe("in the background", () => {
  it("createSessions starts no timer and draws no random number: some platforms forbid both", async () => {
    const { timers, randoms } = await timersOf(() => sessionsWith());
    expect([timers.length, randoms]).toEqual([0, 0]);
  });

  it("the first request starts one timer, which does not keep the process alive", async () => {
    const sessions = sessionsWith({ clearExpiredEvery: 100 });
    const { timers, waits } = await timersOf(async () => {
      await sessions.open(null, { secure: false });
      await sessions.open(null, { secure: false });
    });
    expect(timers).toHaveLength(1);
    expect(timers[0]?.hasRef()).toBe(false);
    expect(waits[0]).toBeGreaterThanOrEqual(75_000);
    expect(waits[0]).toBeLessThanOrEqual(125_000);
    await sessions.close();
  });

  // Reports: voxpelli/node-connect-pg-simple#49.
  it("waits for weeks where it is told to, and never less because a timer cannot count so far", async () => {
    const sessions = sessionsWith({ clearExpiredEvery: 90 * 86_400 });
    const { waits } = await timersOf(() => sessions.open(null, { secure: false }));
    expect(waits[0]).toBeGreaterThan(20 * 86_400_000);
    expect(waits[0]).toBeLessThan(2 ** 31);
    await sessions.close();
  });

  it.each([
    ["with clearExpiredEvery: 0", { clearExpiredEvery: 0 }, {}],
    [
      "for a store that forgets by itself",
      {},
      { capabilities: { expiresNatively: true }, clearExpired: undefined },
    ],
  ])("nothing runs %s", async (_when, options, changes) => {
    store = { ...store, ...changes } as Store;
    const { timers } = await timersOf(() => sessionsWith(options).open(null, { secure: false }));
    expect(timers).toEqual([]);
  });

  it("expired sessions are cleared again and again, until close()", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const rounds = vi.fn(store.clearExpired);
      store = { ...store, clearExpired: rounds as NonNullable<Store["clearExpired"]> };
      const sessions = sessionsWith({ clearExpiredEvery: 100 });
      await sessions.open(null, { secure: false });
      expect(rounds).toHaveBeenCalledTimes(0);
      await vi.advanceTimersByTimeAsync(126_000);
      expect(rounds).toHaveBeenCalledTimes(1);
      await vi.advanceTimersByTimeAsync(126_000);
      expect(rounds.mock.calls.length).toBeGreaterThan(1);
      const before = rounds.mock.calls.length;
      await sessions.close();
      await sessions.open(null, { secure: false });
      await vi.advanceTimersByTimeAsync(1_000_000);
      expect(rounds).toHaveBeenCalledTimes(before);
    } finally {
      vi.useRealTimers();
    }
  });

  it("a round that fails is followed by another", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const rounds = vi.fn(() => Promise.reject(new Error("no")));
      store = { ...store, clearExpired: rounds };
      const sessions = sessionsWith({ clearExpiredEvery: 100 });
      await sessions.open(null, { secure: false });
      await vi.advanceTimersByTimeAsync(500_000);
      expect(rounds.mock.calls.length).toBeGreaterThan(2);
      await sessions.close();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("stats and close", () => {
  it("stats counts", async () => {
    const began = clock.now;
    const { sessions } = await withExpired(2);
    expect(await sessions.stats()).toEqual({
      live: 1,
      expired: 2,
      authenticated: 1,
      oldest: began,
      bytes: expect.any(Number),
    });
  });

  it("stats may take longer than storeTimeout, as long as each of its steps does not", async () => {
    const counted = { live: 1, expired: 0, authenticated: 0, oldest: null, bytes: 0 };
    const pause = () => new Promise((resolve) => setTimeout(resolve, 60));
    const inSteps = (steps: number): Store => ({
      ...store,
      async stats({ onStep }) {
        for (let step = 0; step < steps; step++) {
          await pause();
          onStep?.();
        }
        await pause();
        return counted;
      },
    });
    const slow = (store: Store) => createSessions({ store, storeTimeout: 0.15 }).stats();
    expect(await slow(inSteps(5))).toEqual(counted);
    const stuck: Store = { ...store, stats: ({ onStep }) => new Promise(() => onStep?.()) };
    await expect(slow(stuck)).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it("stats says what is missing where the store cannot count", async () => {
    const { stats: _, ...plain } = store;
    await expect(createSessions({ store: plain }).stats()).rejects.toBeInstanceOf(SettingsError);
  });

  it("close closes what the store opened, once asked", async () => {
    const close = vi.fn(async () => {});
    store = { ...store, close };
    await sessionsWith().close();
    expect(close).toHaveBeenCalledTimes(1);
  });
});
