import assert from "node:assert/strict";
import type { Sentence } from "../sentence.ts";

export const creating: Sentence[] = [
  {
    says: "create refuses an id that is taken, and changes nothing",
    async holds(t) {
      const { id, record } = await t.keep();
      assert.equal(await t.store.create(id, t.record(), t.call), false, "create");
      assert.equal(await t.other.create(id, record, t.call), false, "create of the same again");
      await t.isLive(id, record);
    },
  },
  {
    says: "create refuses the id of a session that moved, and leaves its mark",
    async holds(t) {
      const { from, to, record } = await t.move();
      assert.equal(await t.store.create(from, t.record(), t.call), false);
      await t.isMoved(from);
      await t.isLive(to, record);
    },
  },
  {
    says: "of 20 creates of one id at once exactly one is true, and its record is the one stored",
    needs: ["compareAndSet"],
    async holds(t) {
      const id = t.id();
      const records = Array.from({ length: 20 }, () => t.record());
      const created = await t.atOnce(20, (store, n) => store.create(id, records[n] ?? t.record(), t.call));
      const winners = records.filter((_, n) => created[n]);
      assert.equal(winners.length, 1, "creates that were true");
      await t.isLive(id, winners[0] ?? t.record());
    },
  },
  {
    says: "create on the id of an expired session tells the truth: it is there, or it was refused",
    async holds(t) {
      const { id } = await t.keep({ expiresAt: t.now + 60_000 });
      t.pass(60_000);
      const record = t.record();
      if (await t.store.create(id, record, t.call)) await t.isLive(id, record);
      else await t.isAbsent(id);
    },
  },
  {
    says: "a session that has expired when it is created is never read",
    async holds(t) {
      for (const age of [0, 1, 86_400_000]) {
        const { id } = await t.keep({ expiresAt: t.now - age });
        await t.isAbsent(id);
      }
    },
  },
];
