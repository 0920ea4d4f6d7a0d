import assert from "node:assert/strict";
import type { StoreId } from "../../contract/record.ts";
import { MOVED_MARK_MS } from "../../contract/store.ts";
import type { Sentence } from "../sentence.ts";
import type { Trial } from "../trial.ts";

const LIFE = 120_000;
const LONG = 7_200_000;

async function clear(t: Trial, limit: number, store = t.store): Promise<number> {
  assert.ok(store.clearExpired, "clearExpired");
  return await store.clearExpired({ ...t.call, limit });
}

/** True while an expired record is stored: then a server whose clock is behind can still write it. */
async function isStored(t: Trial, id: StoreId, version: number, before: number): Promise<boolean> {
  const outcome = await t.store.update(
    id,
    t.record({ version, expiresAt: before + 1 }),
    version,
    t.callAt(before),
  );
  assert.ok(
    outcome === "saved" || outcome === "gone",
    `update by a server whose clock is behind: ${String(outcome)}`,
  );
  return outcome === "saved";
}

export const clearing: Sentence[] = [
  {
    says: "clearExpired removes what has expired, at most `limit` at a time, and tells how many went",
    needs: ["clearExpired"],
    async holds(t) {
      const expired: { id: StoreId; version: number }[] = [];
      for (let n = 0; n < 7; n++) {
        const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
        expired.push({ id, version: record.version });
      }
      const live = await t.keep({ expiresAt: t.now + LIFE + 1 });
      const before = t.now;
      t.pass(LIFE);
      const counts = [await clear(t, 3), await clear(t, 3, t.other), await clear(t, 3), await clear(t, 3)];
      assert.deepEqual(counts, [3, 3, 1, 0]);
      for (const { id, version } of expired)
        assert.equal(await isStored(t, id, version, before), false, "still stored");
      await t.isLive(live.id, live.record, "the session that expires a millisecond later");
    },
  },
  {
    says: "the oldest go first",
    needs: ["clearExpired"],
    async holds(t) {
      const ages = [4, 0, 5, 2, 1, 3];
      const before = t.now;
      const expired = [];
      for (const age of ages) expired.push(await t.keep({ expiresAt: t.now + LIFE + age }));
      t.pass(LIFE + 10);
      assert.equal(await clear(t, 3), 3);
      for (const [n, { id, record }] of expired.entries()) {
        const age = ages[n] ?? 0;
        assert.equal(
          await isStored(t, id, record.version, before),
          age >= 3,
          `number ${age} of 6 by age is stored`,
        );
      }
    },
  },
  {
    says: "a mark is cleared when its minute is over, and not before",
    needs: ["clearExpired"],
    async holds(t) {
      const { from, to, record } = await t.move({ expiresAt: t.now + LONG });
      t.pass(MOVED_MARK_MS - 1);
      assert.equal(await clear(t, 10), 0, "a millisecond before");
      await t.isMoved(from);
      t.pass(1);
      assert.equal(await clear(t, 10), 1, "60 s after");
      await t.isAbsent(from);
      await t.isLive(to, record);
    },
  },
  {
    says: "what was touched or updated in time is spared",
    needs: ["clearExpired"],
    async holds(t) {
      const touched = await t.keep({ expiresAt: t.now + LIFE });
      const updated = await t.keep({ expiresAt: t.now + LIFE });
      await t.store.touch(touched.id, t.now + LONG, touched.record.version, t.call);
      const next = t.record({ expiresAt: t.now + LONG });
      await t.store.update(updated.id, next, updated.record.version, t.call);
      t.pass(LIFE);
      assert.equal(await clear(t, 10), 0);
      await t.isLive(touched.id, { ...touched.record, expiresAt: t.now - LIFE + LONG });
      await t.isLive(updated.id, next);
    },
  },
  {
    says: "each record is checked again as it goes: what is touched or updated while a sweep runs is spared",
    needs: ["clearExpired"],
    async holds(t) {
      for (let round = 0; round < 5; round++) {
        const records = [];
        for (let n = 0; n < 12; n++) records.push(await t.keep({ expiresAt: t.now + LIFE }));
        // The sweeper's clock is ahead of the servers': to them these sessions live.
        const servers = t.callAt(t.now);
        const end = t.now + LONG;
        t.pass(LIFE);
        const sweep = clear(t, 100);
        const kept = await Promise.all(
          records.map(async ({ id, record }, n) => {
            if (n % 2 === 0) return await t.other.touch(id, end, record.version, servers);
            return (
              (await t.other.update(id, { ...record, expiresAt: end }, record.version, servers)) === "saved"
            );
          }),
        );
        await sweep;
        for (const [n, { id, record }] of records.entries()) {
          if (kept[n]) await t.isLive(id, { ...record, expiresAt: end }, "said to be kept");
          else await t.isAbsent(id, "said to be gone");
        }
      }
    },
  },
  {
    says: "two sweepers at once never fail, and clear each record once",
    needs: ["clearExpired"],
    async holds(t) {
      for (let n = 0; n < 60; n++) await t.keep({ expiresAt: t.now + LIFE });
      const live = await t.keep({ expiresAt: t.now + LONG });
      t.pass(LIFE);
      const sweep = async (store = t.store) => {
        let cleared = 0;
        // A sweeper that finds its batch taken by the other may answer less than there is, so both come back a few times.
        for (let idle = 0; idle < 3; ) {
          const count = await clear(t, 7, store);
          cleared += count;
          idle = count === 0 ? idle + 1 : 0;
        }
        return cleared;
      };
      const [here, elsewhere] = await Promise.all([sweep(t.store), sweep(t.other)]);
      assert.equal(here + elsewhere, 60);
      await t.isLive(live.id, live.record);
    },
  },
];
