/** Several servers with their steps in any order, evictions and crashes at any moment: every answer must fit the earlier ones. */
import { memoryStore, type Store, type StoreCall, type StoredRecord, type StoreId } from "coatcheck";
import { cachedStore } from "coatcheck/cached";
import fc from "fast-check";
import { expect, test } from "vitest";
import { wrapStore } from "../instruments/wrapped-store.ts";

const ID = "a".repeat(64) as StoreId;
const MOVED = "b".repeat(64) as StoreId;
const call: StoreCall = { signal: new AbortController().signal, now: 1_000_000 };

const first: StoredRecord = {
  data: "0",
  version: 0,
  userId: "ann",
  createdAt: 0,
  authenticatedAt: null,
  expiresAt: 5_000_000,
  expiry: null,
  format: 1,
};

/** `knows`: the request has read long ago. `steps`: after how many calls of cache and store the server crashes. */
const actor = fc.record({
  knows: fc.boolean(),
  does: fc.constantFrom("read", "read", "update", "update", "delete", "rotate", "touch", "evict"),
  steps: fc.oneof({ weight: 4, arbitrary: fc.constant(Number.POSITIVE_INFINITY) }, fc.nat(6)),
});

/** What has been answered so far; a record's data is how many updates it has seen. */
class Answers {
  atLeast = 0;
  isEnded = false;
  hasMoved = false;

  /** Reads, and checks the answer against all answers from before the read began. */
  async read(store: Store): Promise<StoredRecord | null> {
    const { atLeast, isEnded, hasMoved } = this;
    const seen = await store.read(ID, call);
    if (isEnded) expect(seen, "after an answered delete").toBeNull();
    if (hasMoved) expect(seen === null || seen === "moved", "after an answered rotation").toBe(true);
    if (seen === null) return null;
    if (seen === "moved") return null;
    expect(Number(seen.data), "updates seen, and answered before").toBeGreaterThanOrEqual(atLeast);
    expect(seen.userId).toBe("ann");
    return seen;
  }
}

test("no order of steps, evictions and crashes serves what an answered write has replaced or ended", async () => {
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.array(actor, { minLength: 2, maxLength: 6 }),
    fc.boolean(),
    async (scheduler, actors, isCached) => {
      const [cache, store] = [memoryStore(), memoryStore()];
      await (isCached ? cachedStore({ cache, store }) : store).create(ID, first, call);
      const answers = new Answers();
      let versions = 0;

      const run = async ({ does, knows, steps }: { does: string; knows: boolean; steps: number }) => {
        let left = steps;
        const server = (inner: Store) =>
          wrapStore(inner, async (_verb, run) => {
            await scheduler.schedule(Promise.resolve(), does);
            if (left-- <= 0) return new Promise(() => {});
            const answer = await run();
            await scheduler.schedule(Promise.resolve(), does);
            return answer;
          });
        const mine = cachedStore({ cache: server(cache), store: server(store), cacheTimeout: 1000 });
        if (does === "evict") {
          await scheduler.schedule(Promise.resolve(), "evict");
          await cache.delete(ID, call);
          return;
        }
        if (does === "delete") {
          if ((await mine.delete(ID, call)) === undefined) answers.isEnded = true;
          return;
        }
        const seen = knows && does !== "read" ? first : await answers.read(mine);
        if (seen === null || does === "read") return;
        if (does === "touch") {
          await mine.touch(ID, seen.expiresAt + 1000, seen.version, call);
          return;
        }
        const next = { ...seen, data: String(Number(seen.data) + 1), version: ++versions };
        if (does === "rotate") {
          if ((await mine.rotate(ID, MOVED, next, seen.version, call)) === "saved") answers.hasMoved = true;
        } else if ((await mine.update(ID, next, seen.version, call)) === "saved") {
          answers.atLeast = Math.max(answers.atLeast, Number(next.data));
        }
      };

      const failures: unknown[] = [];
      for (const each of actors) void run(each).catch((error) => failures.push(error));
      do {
        await scheduler.waitIdle();
        await new Promise(setImmediate);
      } while (scheduler.count() > 0);
      expect(failures).toEqual([]);

      const afterwards = cachedStore({ cache, store });
      await answers.read(afterwards);
      // For a call that got no answer, the store alone decides. Only a crash and an eviction together can hide its result for a while.
      const someCrash = actors.some(({ steps }) => steps !== Number.POSITIVE_INFINITY);
      if (someCrash && actors.some(({ does }) => does === "evict")) return;
      for (const id of [ID, MOVED]) {
        const seen = await afterwards.read(id, call);
        // A touch that was cut short leaves a copy that ends too early.
        const ends = seen !== null && seen !== "moved" && someCrash ? { expiresAt: seen.expiresAt } : {};
        const there = await store.read(id, call);
        expect(seen).toEqual(there !== null && there !== "moved" ? { ...there, ...ends } : there);
      }
    },
  );
  await fc.assert(property, { numRuns: Number(process.env.COATCHECK_RUNS ?? 2000) });
}, 60_000);
