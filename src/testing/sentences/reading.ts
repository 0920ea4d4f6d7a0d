import assert from "node:assert/strict";
import type { Sentence } from "../sentence.ts";

export const reading: Sentence[] = [
  {
    says: "an id that was never stored is read as null",
    async holds(t) {
      for (let n = 0; n < 3; n++) await t.isAbsent(t.id());
    },
  },
  {
    says: "reading never creates: the id stays free, and is no session to update, touch or rotate",
    async holds(t) {
      const id = t.id();
      await t.isAbsent(id);
      const record = t.record();
      assert.equal(await t.store.update(id, record, record.version, t.call), "gone", "update");
      assert.equal(await t.store.rotate(id, t.id(), record, record.version, t.call), "gone", "rotate");
      assert.equal(await t.store.touch(id, t.now + 1, record.version, t.call), false, "touch");
      assert.equal(await t.store.create(id, record, t.call), true, "create");
      await t.isLive(id, record);
    },
  },
  {
    says: "a live session is read as its record, as often as it is asked for",
    async holds(t) {
      const { id, record } = await t.keep();
      const bystander = await t.keep();
      for (let n = 0; n < 3; n++) await t.isLive(id, record);
      await t.isLive(bystander.id, bystander.record);
    },
  },
  {
    says: "what one process stores, another reads, changes and deletes",
    needs: ["elsewhere"],
    async holds(t) {
      const { id, record: first } = await t.keep();
      const second = t.record();
      assert.equal(await t.other.update(id, second, first.version, t.call), "saved", "update from elsewhere");
      await t.isLive(id, second);
      const third = t.record();
      assert.equal(await t.store.update(id, third, second.version, t.call), "saved", "update from here");
      await t.isLive(id, third);
      assert.equal(await t.other.delete(id, t.call), undefined, "delete from elsewhere");
      await t.isAbsent(id);
    },
  },
];
