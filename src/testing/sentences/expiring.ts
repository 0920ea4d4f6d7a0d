import assert from "node:assert/strict";
import type { Sentence } from "../sentence.ts";

const LIFE = 600_000;

export const expiring: Sentence[] = [
  {
    says: "a record is live until the millisecond before expiresAt, and absent from expiresAt on",
    async holds(t) {
      const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
      t.pass(LIFE - 1);
      await t.isLive(id, record, "a millisecond before");
      t.pass(1);
      await t.isAbsent(id, "at expiresAt");
      t.pass(LIFE);
      await t.isAbsent(id, "later");
    },
  },
  {
    says: "update never revives an expired record",
    async holds(t) {
      const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
      t.pass(LIFE);
      assert.equal(await t.store.update(id, t.record(), record.version, t.call), "gone", "expected version");
      assert.equal(await t.store.update(id, t.record(), t.version(), t.call), "gone", "another version");
      await t.isAbsent(id);
    },
  },
  {
    says: "touch never revives an expired record",
    async holds(t) {
      const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
      t.pass(LIFE);
      assert.equal(await t.store.touch(id, t.now + LIFE, record.version, t.call), false);
      await t.isAbsent(id);
    },
  },
  {
    says: "rotate never revives an expired record, and leaves no mark of it",
    async holds(t) {
      const { id, record } = await t.keep({ expiresAt: t.now + LIFE });
      const to = t.id();
      t.pass(LIFE);
      assert.equal(await t.store.rotate(id, to, t.record(), record.version, t.call), "gone");
      await t.isAbsent(to, "the new id");
      await t.isAbsent(id, "the old id");
    },
  },
  {
    says: "deleting an expired session is a success",
    async holds(t) {
      const { id } = await t.keep({ expiresAt: t.now + LIFE });
      t.pass(LIFE);
      assert.equal(await t.store.delete(id, t.call), undefined);
      await t.isAbsent(id);
    },
  },
];
