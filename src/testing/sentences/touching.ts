import assert from "node:assert/strict";
import type { Sentence } from "../sentence.ts";

const LIFE = 600_000;

export const touching: Sentence[] = [
  {
    says: "touch moves the end later, and nothing else: not even the version",
    async holds(t) {
      const { id, record } = await t.keep({
        expiresAt: t.now + LIFE,
        userId: "ann",
        authenticatedAt: t.now,
        expiry: 60,
      });
      const bystander = await t.keep({ expiresAt: t.now + LIFE, version: record.version });
      const later = t.now + 3 * LIFE;
      assert.equal(await t.store.touch(id, later, record.version, t.call), true);
      await t.isLive(id, { ...record, expiresAt: later });
      t.pass(2 * LIFE);
      await t.isLive(id, { ...record, expiresAt: later }, "after its old end");
      await t.isAbsent(bystander.id, "the other session");
      const next = t.record({ userId: "ann" });
      assert.equal(
        await t.store.update(id, next, record.version, t.call),
        "saved",
        "update of the version touched",
      );
    },
  },
  {
    says: "touch never shortens: a moment that is not later changes nothing and is a success",
    async holds(t) {
      const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
      for (const moment of [record.expiresAt, record.expiresAt - 1, t.now + 1, t.now, 0]) {
        assert.equal(
          await t.store.touch(id, moment, record.version, t.call),
          true,
          `touch to ${moment - t.now} ms from now`,
        );
        await t.isLive(id, record);
      }
    },
  },
  {
    says: "touch extends only the version that was read",
    async holds(t) {
      const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
      const next = t.record({ expiresAt: t.now + LIFE });
      await t.other.update(id, next, record.version, t.call);
      assert.equal(
        await t.store.touch(id, t.now + 2 * LIFE, record.version, t.call),
        false,
        "the version before",
      );
      assert.equal(
        await t.store.touch(id, t.now + 1, record.version, t.call),
        false,
        "the version before, not later",
      );
      await t.isLive(id, next);
    },
  },
  {
    says: "touch never creates: what is not there is false",
    async holds(t) {
      const id = t.id();
      assert.equal(await t.store.touch(id, t.now + LIFE, t.version(), t.call), false);
      assert.equal(await t.store.touch(id, t.now + LIFE, 0, t.call), false, "version 0");
      await t.isAbsent(id);
    },
  },
  {
    says: "of many touches at once the latest moment stays",
    needs: ["compareAndSet"],
    async holds(t) {
      const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
      const moments = [5, 1, 9, 3, 7, 2, 8, 4, 6, 0].map((minutes) => record.expiresAt + minutes * 60_000);
      const touched = await t.atOnce(10, (store, n) =>
        store.touch(id, moments[n] ?? 0, record.version, t.call),
      );
      assert.deepEqual(touched, Array(10).fill(true));
      await t.isLive(id, { ...record, expiresAt: Math.max(...moments) });
    },
  },
  {
    says: "a touch and an update at once: the update is never undone",
    needs: ["compareAndSet"],
    async holds(t) {
      for (let round = 0; round < 10; round++) {
        const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
        const next = t.record({ expiresAt: t.now + 2 * LIFE });
        const update = () => t.store.update(id, next, record.version, t.call);
        const touch = () => t.other.touch(id, t.now + 5 * LIFE, record.version, t.call);
        const [outcome] = await (round % 2 === 0
          ? Promise.all([update(), touch()])
          : Promise.all([touch(), update()]).then(([touched, saved]) => [saved, touched] as const));
        assert.equal(outcome, "saved", `round ${round}: touch does not change the version`);
        await t.isLive(id, next, `round ${round}`);
      }
    },
  },
];
