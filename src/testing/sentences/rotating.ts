import assert from "node:assert/strict";
import type { StoreId } from "../../contract/record.ts";
import { MOVED_MARK_MS, type WriteOutcome } from "../../contract/store.ts";
import type { Sentence } from "../sentence.ts";

const movedTo = (outcome: WriteOutcome | undefined): StoreId | null =>
  typeof outcome === "object" && "movedTo" in outcome ? outcome.movedTo : null;

export const rotating: Sentence[] = [
  {
    says: "rotate stores the record under the new id and leaves the mark of a move under the old one",
    async holds(t) {
      const { id: from, record: old } = await t.keep({ userId: null });
      const bystander = await t.keep({ version: old.version });
      const to = t.id();
      const record = t.record({ userId: "ann", authenticatedAt: t.now, expiresAt: t.now + 7_200_000 });
      assert.equal(await t.store.rotate(from, to, record, old.version, t.call), "saved");
      await t.isLive(to, record, "the new id");
      await t.isMoved(from, "the old id");
      await t.isLive(bystander.id, bystander.record, "the other session");
    },
  },
  {
    says: "update, rotate and delete of an id that moved answer where to, and change nothing",
    async holds(t) {
      const { from, to, record } = await t.move();
      for (const store of [t.store, t.other]) {
        for (const version of [record.version, t.version()]) {
          const elsewhere = t.id();
          assert.deepEqual(await store.update(from, t.record(), version, t.call), { movedTo: to }, "update");
          assert.deepEqual(
            await store.rotate(from, elsewhere, t.record(), version, t.call),
            { movedTo: to },
            "rotate",
          );
          await t.isAbsent(elsewhere, "where the second rotate would have gone");
        }
        assert.deepEqual(await store.delete(from, t.call), { movedTo: to }, "delete");
      }
      await t.isMoved(from);
      await t.isLive(to, record);
    },
  },
  {
    says: "touch of an id that moved is false, and prolongs neither mark nor session",
    async holds(t) {
      const { id: from, record: old } = await t.keep();
      const record = t.record({ version: old.version });
      const to = t.id();
      assert.equal(await t.store.rotate(from, to, record, old.version, t.call), "saved");
      assert.equal(await t.store.touch(from, t.now + 7_200_000, old.version, t.call), false);
      await t.isLive(to, record);
      t.pass(MOVED_MARK_MS);
      await t.isAbsent(from);
    },
  },
  {
    says: "the mark is there for 60 s, whenever the session itself ends, and then the old id is absent",
    async holds(t) {
      for (const life of [20_000, 600_000]) {
        const { from, to } = await t.move({ expiresAt: t.now + life });
        t.pass(MOVED_MARK_MS - 1);
        await t.isMoved(from, "a millisecond before");
        assert.deepEqual(await t.store.delete(from, t.call), { movedTo: to });
        t.pass(1);
        await t.isAbsent(from, "60 s after");
        assert.equal(await t.store.update(from, t.record(), t.version(), t.call), "gone", "update");
        assert.equal(await t.store.rotate(from, t.id(), t.record(), t.version(), t.call), "gone", "rotate");
        assert.equal(await t.store.delete(from, t.call), undefined, "delete");
      }
    },
  },
  {
    says: "the mark keeps no data and no user",
    needs: ["peek"],
    async holds(t) {
      const { from, to } = await t.move({ data: '"the secret"', userId: "the user" });
      const mark = (await t.peek?.(from)) ?? "";
      assert.ok(mark.includes(to), "peek shows the mark, which names the new id");
      assert.ok(!mark.includes("the secret"), "data in the mark");
      assert.ok(!mark.includes("the user"), "user in the mark");
    },
  },
  {
    says: "rotate with another version is a conflict: the session stays where it is, and nothing is under the new id",
    async holds(t) {
      const { id, record } = await t.keep();
      const to = t.id();
      assert.equal(await t.store.rotate(id, to, t.record(), t.version(), t.call), "conflict");
      await t.isLive(id, record, "the old id");
      await t.isAbsent(to, "the new id");
    },
  },
  {
    says: "rotate never creates, and never brings a deleted session back",
    async holds(t) {
      const to = t.id();
      assert.equal(await t.store.rotate(t.id(), to, t.record(), t.version(), t.call), "gone", "never stored");
      await t.isAbsent(to, "the new id");
      const { id, record } = await t.keep();
      await t.other.delete(id, t.call);
      assert.equal(await t.store.rotate(id, to, t.record(), record.version, t.call), "gone", "deleted");
      await t.isAbsent(to, "the new id");
      await t.isAbsent(id, "the old id");
    },
  },
  {
    says: "a session that moved twice is followed step by step",
    async holds(t) {
      const { from: a, to: b, record } = await t.move();
      const c = t.id();
      const last = t.record();
      assert.equal(await t.other.rotate(b, c, last, record.version, t.call), "saved");
      assert.deepEqual(await t.store.update(a, t.record(), record.version, t.call), { movedTo: b });
      assert.deepEqual(await t.store.update(b, t.record(), record.version, t.call), { movedTo: c });
      await t.isMoved(a);
      await t.isMoved(b);
      await t.isLive(c, last);
    },
  },
  {
    says: "deleting the new id leaves nothing that lives",
    async holds(t) {
      const { from, to } = await t.move();
      assert.equal(await t.other.delete(to, t.call), undefined);
      await t.isAbsent(to);
      assert.deepEqual(
        await t.store.update(from, t.record(), t.version(), t.call),
        { movedTo: to },
        "update of the old id",
      );
      assert.equal(await t.store.update(to, t.record(), t.version(), t.call), "gone", "and of the new one");
    },
  },
  {
    says: "of 20 rotates at once exactly one is saved, the others learn where to, and no second session is left",
    needs: ["compareAndSet"],
    async holds(t) {
      const { id, record } = await t.keep();
      const tries = Array.from({ length: 20 }, () => ({ to: t.id(), record: t.record() }));
      const outcomes = await t.atOnce(20, (store, n) => {
        const { to, record: next } = tries[n] ?? { to: t.id(), record };
        return store.rotate(id, to, next, record.version, t.call);
      });
      const winners = tries.filter((_, n) => outcomes[n] === "saved");
      assert.equal(winners.length, 1, "rotates that were saved");
      for (const [n, { to, record: next }] of tries.entries()) {
        if (outcomes[n] === "saved") await t.isLive(to, next, "the winner");
        else {
          assert.equal(movedTo(outcomes[n]), winners[0]?.to, "what a loser is told");
          await t.isAbsent(to, "the id of a loser");
        }
      }
      await t.isMoved(id);
    },
  },
  {
    says: "of a rotate and an update at once exactly one is saved",
    needs: ["compareAndSet"],
    async holds(t) {
      for (let round = 0; round < 10; round++) {
        const { id, record } = await t.keep();
        const to = t.id();
        const moved = t.record();
        const stayed = t.record();
        const rotate = () => t.store.rotate(id, to, moved, record.version, t.call);
        const update = () => t.other.update(id, stayed, record.version, t.call);
        const outcomes =
          round % 2 === 0
            ? await Promise.all([rotate(), update()])
            : ((await Promise.all([update(), rotate()])).reverse() as WriteOutcome[]);
        if (outcomes[0] === "saved") {
          assert.equal(movedTo(outcomes[1]), to, "what the update is told");
          await t.isMoved(id);
          await t.isLive(to, moved);
        } else {
          assert.deepEqual(outcomes, ["conflict", "saved"]);
          await t.isLive(id, stayed);
          await t.isAbsent(to);
        }
      }
    },
  },
  {
    says: "of a rotate and a delete at once: the session ends, or the one who deletes learns where it went",
    needs: ["compareAndSet"],
    async holds(t) {
      for (let round = 0; round < 10; round++) {
        const { id, record } = await t.keep();
        const to = t.id();
        const rotate = () => t.store.rotate(id, to, t.record(), record.version, t.call);
        const remove = () => t.other.delete(id, t.call);
        const [rotated, removed] =
          round % 2 === 0
            ? await Promise.all([rotate(), remove()])
            : await Promise.all([remove(), rotate()]).then(([second, first]) => [first, second] as const);
        if (rotated === "saved") {
          assert.deepEqual(removed, { movedTo: to }, "what the delete is told");
          await t.isMoved(id);
          await t.store.delete(to, t.call);
        } else {
          assert.equal(rotated, "gone");
          assert.equal(removed, undefined);
          await t.isAbsent(id);
        }
        await t.isAbsent(to, "the session that must end");
      }
    },
  },
];
