import assert from "node:assert/strict";
import type { StoredRecord } from "../../contract/record.ts";
import type { Sentence } from "../sentence.ts";
import type { Trial } from "../trial.ts";

const LARGEST = Number.MAX_SAFE_INTEGER;

const texts = {
  "nothing at all": "",
  JSON: '{"a":[1,2.5,null,true,"x"],"b":{"c":""}}',
  quotes: `'"\`\\ '' "" \\' %s $1 ? :a @b {{c}} ; -- /* */`,
  "line ends": "\r\n one \n two \r three \n\n",
  "white space at both ends": " \t text \t ",
  "a byte order mark": "\uFEFFtext\uFEFF",
  "every alphabet": "Zoë Ωmega Жуков עברית العربية हिन्दी 日本語 한국어 ไทย",
  "beyond 16 bits": "😀👩‍👩‍👧‍👦🇩🇪𝒳\u{10FFFF}",
  "accents composed and decomposed": "é e\u0301 Å A\u030A",
  "what looks like something else": "0123 1e3 null NaN true <b>&amp;</b> %00 \\u0000 \\x41",
  "control characters": "\u0001\u0008\u000b\u001b\u007f\u0085\u2028\u2029\uFFFD\uFFFF",
};

const fields: Partial<StoredRecord>[] = [
  { version: 0 },
  { version: LARGEST },
  { format: 2 },
  { format: LARGEST },
  { expiry: 0 },
  { expiry: 1800 },
  { expiry: -60 },
  { expiry: 0.25 },
  { expiry: 4_102_444_800_000 },
  { authenticatedAt: 0 },
  { createdAt: 1 },
  { expiresAt: 253_402_300_799_999 },
  { userId: "1", authenticatedAt: 1_700_000_000_001, createdAt: 1_600_000_000_001, expiry: 60, format: 3 },
  { userId: "\r\n \t'\"\\%\u007f\u0085\u2028\u2029\uFEFF😀", authenticatedAt: 1_700_000_000_001 },
];

/** Holds when create, update and rotate keep the record as it was given. */
async function isKept(t: Trial, changes: Partial<StoredRecord>, why: string): Promise<void> {
  const created = await t.keep(changes);
  await t.isLive(created.id, created.record, `create: ${why}`);

  const updated = t.record(changes);
  const before = await t.keep({ userId: updated.userId });
  assert.equal(
    await t.store.update(before.id, updated, before.record.version, t.call),
    "saved",
    `update: ${why}`,
  );
  await t.isLive(before.id, updated, `update: ${why}`);

  const rotated = await t.move(changes);
  await t.isLive(rotated.to, rotated.record, `rotate: ${why}`);
}

export const keeping: Sentence[] = [
  {
    says: "data is kept byte for byte",
    async holds(t) {
      for (const [name, data] of Object.entries(texts)) await isKept(t, { data }, name);
    },
  },
  {
    says: "data of 256 KiB is kept whole",
    async holds(t) {
      await isKept(t, { data: "x".repeat(262_144) }, "one byte a character");
      await isKept(t, { data: "€".repeat(87_381) }, "three bytes a character");
    },
  },
  {
    says: "every field is kept as it was given: null is not 0, and no number is rounded",
    async holds(t) {
      for (const changes of fields) await isKept(t, changes, JSON.stringify(changes));
    },
  },
  {
    says: "two versions that differ in the last of 53 bits are not the same",
    async holds(t) {
      const { id, record } = await t.keep({ version: LARGEST });
      const next = t.record({ version: 0 });
      assert.equal(await t.store.update(id, next, LARGEST - 1, t.call), "conflict", "update");
      assert.equal(await t.store.touch(id, record.expiresAt + 1, LARGEST - 1, t.call), false, "touch");
      assert.equal(await t.store.rotate(id, t.id(), next, LARGEST - 1, t.call), "conflict", "rotate");
      await t.isLive(id, record);
      assert.equal(await t.store.update(id, next, LARGEST, t.call), "saved", "update");
      await t.isLive(id, next);
    },
  },
  {
    says: "a record is kept by value: changing the object given or the object read changes nothing stored",
    async holds(t) {
      const id = t.id();
      const record = t.record();
      const given = { ...record };
      await t.store.create(id, given, t.call);
      given.data = "changed by the giver";
      const found = await t.store.read(id, t.call);
      assert.ok(found !== null && found !== "moved");
      Reflect.set(found, "data", "changed by the reader");
      await t.isLive(id, record);
    },
  },
];
