import assert from "node:assert/strict";
import type { Store } from "../../contract/store.ts";
import type { Sentence } from "../sentence.ts";

export const plainness: Sentence[] = [
  {
    says: "the verbs need no `this`: a store can be spread, inherited from and taken apart",
    async holds(t) {
      const inherited: Store = Object.create(t.store);
      for (const store of [{ ...t.store }, inherited]) {
        const {
          read,
          create,
          update,
          touch,
          rotate,
          delete: remove,
          listUser,
          stats,
          check,
          clearExpired,
        } = store;
        const id = t.id();
        const to = t.id();
        const record = t.record();
        const next = t.record();
        assert.equal(await create(id, record, t.call), true, "create");
        assert.deepEqual({ ...((await read(id, t.call)) as object) }, record, "read");
        assert.equal(await touch(id, record.expiresAt, record.version, t.call), true, "touch");
        assert.equal(await update(id, next, record.version, t.call), "saved", "update");
        assert.equal(await rotate(id, to, record, next.version, t.call), "saved", "rotate");
        assert.equal(await remove(to, t.call), undefined, "delete");
        await listUser?.("ann", t.call);
        await stats?.(t.call);
        await check?.(t.call);
        await clearExpired?.({ ...t.call, limit: 1 });
      }
    },
  },
  {
    says: "a store is not frozen: a verb can be replaced, and what is not replaced goes on",
    async holds(t) {
      const { id, record } = await t.keep();
      const read = t.store.read;
      let asked = 0;
      t.store.read = (...given) => {
        asked++;
        return read(...given);
      };
      await t.isLive(id, record);
      assert.ok(asked > 0, "the new verb was asked");
      Object.assign(t.store, { mine: true });
      assert.equal(Reflect.get(t.store, "mine"), true, "a new member");
    },
  },
  {
    says: "two stores that were made separately share no session",
    async holds(t) {
      const another = await t.another();
      try {
        const { id, record } = await t.keep({ userId: "ann" });
        assert.equal(await another.store.read(id, t.call), null, "read");
        assert.equal(await another.store.update(id, t.record(), record.version, t.call), "gone", "update");
        await another.store.delete(id, t.call);
        await t.isLive(id, record);
        assert.deepEqual((await another.store.listUser?.("ann", t.call)) ?? [], [], "listUser");
      } finally {
        await another.dispose?.();
      }
    },
  },
];
