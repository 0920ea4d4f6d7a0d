import assert from "node:assert/strict";
import type { Sentence } from "../sentence.ts";

export const updating: Sentence[] = [
  {
    says: "update with the expected version replaces the record whole, and no other",
    async holds(t) {
      const { id, record: first } = await t.keep({ userId: "ann", authenticatedAt: t.now, expiry: 60 });
      const bystander = await t.keep({ version: first.version });
      const second = t.record({ userId: "ann", createdAt: 5, expiresAt: t.now + 7_200_000, format: 2 });
      assert.equal(await t.store.update(id, second, first.version, t.call), "saved");
      await t.isLive(id, second);
      await t.isLive(bystander.id, bystander.record, "the other session");
    },
  },
  {
    says: "update with another version is a conflict, and changes nothing",
    async holds(t) {
      const { id, record: first } = await t.keep();
      assert.equal(await t.store.update(id, t.record(), t.version(), t.call), "conflict", "never stored");
      await t.isLive(id, first);
      const second = t.record();
      assert.equal(await t.store.update(id, second, first.version, t.call), "saved", "the current one");
      assert.equal(await t.other.update(id, t.record(), first.version, t.call), "conflict", "the one before");
      await t.isLive(id, second);
    },
  },
  {
    says: "update never creates: what is not there is gone",
    async holds(t) {
      const id = t.id();
      const record = t.record();
      assert.equal(await t.store.update(id, record, record.version, t.call), "gone");
      await t.isAbsent(id);
      assert.equal(await t.store.update(id, record, 0, t.call), "gone", "expecting version 0");
      await t.isAbsent(id);
    },
  },
  {
    says: "update may bring the end nearer",
    async holds(t) {
      const { id, record } = await t.keep();
      const sooner = t.record({ expiresAt: t.now + 120_000 });
      assert.equal(await t.store.update(id, sooner, record.version, t.call), "saved");
      await t.isLive(id, sooner);
      t.pass(120_000);
      await t.isAbsent(id);
    },
  },
  {
    says: "of 50 updates at once that expect one version exactly one is saved, and its record is the one stored",
    needs: ["compareAndSet"],
    async holds(t) {
      const { id, record } = await t.keep();
      const records = Array.from({ length: 50 }, () => t.record());
      const outcomes = await t.atOnce(50, (store, n) =>
        store.update(id, records[n] ?? t.record(), record.version, t.call),
      );
      const winners = records.filter((_, n) => outcomes[n] === "saved");
      assert.equal(winners.length, 1, "updates that were saved");
      assert.equal(outcomes.filter((outcome) => outcome === "conflict").length, 49, "updates in conflict");
      await t.isLive(id, winners[0] ?? record);
    },
  },
  {
    says: "a counter that many raise at once, reading again on conflict, comes out exact",
    needs: ["compareAndSet"],
    async holds(t) {
      const { id } = await t.keep({ data: "0" });
      await t.atOnce(6, async (store) => {
        for (let raised = 0; raised < 5; ) {
          const found = await store.read(id, t.call);
          assert.ok(found !== null && found !== "moved", "read");
          const next = { ...found, data: String(Number(found.data) + 1), version: t.version() };
          if ((await store.update(id, next, found.version, t.call)) === "saved") raised++;
          else await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
        }
      });
      const found = await t.other.read(id, t.call);
      assert.equal(found !== null && found !== "moved" && found.data, "30");
    },
  },
];
