import assert from "node:assert/strict";
import type { Sentence } from "../sentence.ts";

export const deleting: Sentence[] = [
  {
    says: "a deleted session is absent everywhere, leaves no mark, and takes no other with it",
    async holds(t) {
      const { id, record } = await t.keep();
      const bystander = await t.keep();
      assert.equal(await t.store.delete(id, t.call), undefined);
      await t.isAbsent(id);
      assert.equal(await t.store.touch(id, t.now + 7_200_000, record.version, t.call), false, "touch");
      await t.isAbsent(id, "after touch");
      await t.isLive(bystander.id, bystander.record, "the other session");
    },
  },
  {
    says: "deleting what is absent is a success, as often as it is asked for",
    async holds(t) {
      assert.equal(await t.store.delete(t.id(), t.call), undefined, "never stored");
      const { id } = await t.keep();
      for (const store of [t.store, t.store, t.other])
        assert.equal(await store.delete(id, t.call), undefined);
    },
  },
  {
    says: "a deleted session stays deleted when a slower request writes it, and the writer is told",
    async holds(t) {
      const { id, record } = await t.keep();
      await t.other.delete(id, t.call);
      assert.equal(await t.store.update(id, t.record(), record.version, t.call), "gone", "expected version");
      assert.equal(await t.store.update(id, t.record(), t.version(), t.call), "gone", "another version");
      await t.isAbsent(id);
    },
  },
  {
    says: "of an update and a delete at once, in either order, nothing is left",
    needs: ["compareAndSet"],
    async holds(t) {
      for (let round = 0; round < 10; round++) {
        const { id, record } = await t.keep();
        const update = () => t.store.update(id, t.record(), record.version, t.call);
        const remove = () => t.other.delete(id, t.call);
        if (round % 2 === 0) await Promise.all([update(), remove()]);
        else await Promise.all([remove(), update()]);
        await t.isAbsent(id, `round ${round}`);
      }
    },
  },
  {
    says: "of a touch and a delete at once, in either order, nothing is left",
    needs: ["compareAndSet"],
    async holds(t) {
      for (let round = 0; round < 10; round++) {
        const { id, record } = await t.keep();
        const touch = () => t.store.touch(id, record.expiresAt + 1000, record.version, t.call);
        const remove = () => t.other.delete(id, t.call);
        if (round % 2 === 0) await Promise.all([touch(), remove()]);
        else await Promise.all([remove(), touch()]);
        await t.isAbsent(id, `round ${round}`);
      }
    },
  },
];
