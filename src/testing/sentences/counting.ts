import assert from "node:assert/strict";
import type { StoreStats } from "../../contract/store.ts";
import type { Sentence } from "../sentence.ts";
import type { Trial } from "../trial.ts";

/** Holds when every count that the store can tell is this one. */
async function counts(t: Trial, expected: Partial<StoreStats>, why: string): Promise<void> {
  assert.ok(t.store.stats, "stats");
  const stats = await t.store.stats(t.call);
  assert.deepEqual(Object.keys(stats).sort(), ["authenticated", "bytes", "expired", "live", "oldest"], why);
  for (const [name, count] of Object.entries(expected) as [keyof StoreStats, number | null][]) {
    if (stats[name] !== null) assert.equal(stats[name], count, `${name}, ${why}`);
  }
}

export const counting: Sentence[] = [
  {
    says: "stats counts what can be read, what waits to be cleared, who is signed in and the oldest; null is not told",
    needs: ["stats"],
    async holds(t) {
      await counts(t, { live: 0, expired: 0, authenticated: 0, oldest: null, bytes: 0 }, "of nothing");
      const born = t.now - 5000;
      await t.keep({ createdAt: born - 1, expiresAt: t.now + 60_000, userId: "ann" });
      await t.keep({ createdAt: born, userId: "ann" });
      await t.keep();
      await counts(t, { live: 3, expired: 0, authenticated: 2, oldest: born - 1 }, "before one expires");
      t.pass(60_000);
      await counts(t, { live: 2, authenticated: 1, oldest: born }, "after one expired");
    },
  },
  {
    says: "stats does not count a mark as a session",
    needs: ["stats"],
    async holds(t) {
      await t.move({ userId: "ann" });
      await counts(t, { live: 1, expired: 0, authenticated: 1 }, "after a rotation");
    },
  },
  {
    says: "stats counts the same when it is asked to tell of its steps",
    needs: ["stats"],
    async holds(t) {
      for (let n = 0; n < 40; n++) await t.keep({ userId: n % 2 === 0 ? "ann" : null });
      let steps = 0;
      const told = await t.store.stats?.({ ...t.call, onStep: () => void steps++ });
      assert.deepEqual(told, await t.store.stats?.(t.call), `after ${steps} steps`);
    },
  },
  {
    says: "check resolves while the store can serve, on new data and on old",
    needs: ["check"],
    async holds(t) {
      await t.store.check?.(t.call);
      const { id, record } = await t.keep();
      await t.other.check?.(t.call);
      await t.isLive(id, record);
    },
  },
];
