import assert from "node:assert/strict";
import type { StoreId } from "../../contract/record.ts";
import type { Sentence } from "../sentence.ts";

/** User ids that a careless column, key or file name could take for one another. */
const likenesses = [
  ...[
    "a",
    "A",
    "a ",
    " a",
    "ä",
    "a\u0308",
    "á",
    "aa",
    "0",
    "00",
    "1",
    "1.0",
    "-1",
    "null",
    "undefined",
    "__proto__",
  ],
  ...[
    "*",
    "%",
    "_",
    "?",
    "a*",
    "a%",
    "[a]",
    ":",
    "a:b",
    "a/b",
    "../a",
    ".",
    "a\\b",
    "'",
    '"',
    "a'b",
    "\n",
    "\t",
    "a\n",
  ],
  ...[
    "😀",
    "👩‍👩‍👧",
    "ß",
    "ss",
    "ı",
    "i",
    "İ",
    "ﬁ",
    "fi",
    "Ａ",
    "日本",
    "x".repeat(300),
    `${"x".repeat(299)}y`,
    "ж".repeat(300),
  ],
];

export const listing: Sentence[] = [
  {
    says: "listUser names every session of the user, and none of another",
    needs: ["listUser"],
    async holds(t) {
      const anns = new Set<StoreId>();
      for (let n = 0; n < 120; n++) anns.add((await t.keep({ userId: "ann" })).id);
      const bobs = new Set([(await t.keep({ userId: "bob" })).id]);
      for (const store of [t.store, t.other]) {
        assert.deepEqual(await t.listed("ann", store), anns);
        assert.deepEqual(await t.listed("bob", store), bobs);
      }
    },
  },
  {
    says: "a user with no session has an empty list, and anonymous sessions are nobody's",
    needs: ["listUser"],
    async holds(t) {
      await t.keep({ userId: null });
      for (const userId of ["ann", "null", "undefined"]) assert.deepEqual(await t.listed(userId), new Set());
    },
  },
  {
    says: "user ids are compared exactly: case, accents, spaces, and signs that mean something to a store",
    needs: ["listUser"],
    async holds(t) {
      const owned = new Map<string, StoreId>();
      for (const userId of likenesses) {
        const { id, record } = await t.keep({ userId });
        await t.isLive(id, record, JSON.stringify(userId));
        owned.set(userId, id);
      }
      for (const [userId, id] of owned)
        assert.deepEqual(await t.listed(userId), new Set([id]), JSON.stringify(userId));
    },
  },
  {
    says: "a login by rotate lists the new id, and a rotate to another user or none changes the list",
    needs: ["listUser"],
    async holds(t) {
      const { id: anonymous, record: before } = await t.keep({ userId: null });
      const ids = [anonymous];
      let expected = before.version;
      for (const userId of ["ann", "ann", "bob", null]) {
        const from = ids.at(-1) ?? anonymous;
        const to = t.id();
        const record = t.record({ userId });
        assert.equal(await t.store.rotate(from, to, record, expected, t.call), "saved");
        assert.deepEqual(
          await t.listed("ann", t.other),
          new Set(userId === "ann" ? [to] : []),
          `ann, after ${userId}`,
        );
        assert.deepEqual(
          await t.listed("bob", t.other),
          new Set(userId === "bob" ? [to] : []),
          `bob, after ${userId}`,
        );
        expected = record.version;
        ids.push(to);
      }
    },
  },
  {
    says: "delete takes the session out of its user's list, and no other",
    needs: ["listUser"],
    async holds(t) {
      const { id } = await t.keep({ userId: "ann" });
      const stays = await t.keep({ userId: "ann" });
      await t.store.delete(id, t.call);
      assert.deepEqual(await t.listed("ann"), new Set([stays.id]));
    },
  },
  {
    says: "a session that is updated or touched stays in the list for as long as it lives",
    needs: ["listUser"],
    async holds(t) {
      const touched = await t.keep({ userId: "ann", expiresAt: t.now + 60_000 });
      const updated = await t.keep({ userId: "ann", expiresAt: t.now + 60_000 });
      const end = t.now + 86_400_000;
      assert.equal(await t.store.touch(touched.id, end, touched.record.version, t.call), true);
      const next = t.record({ userId: "ann", expiresAt: end });
      assert.equal(await t.store.update(updated.id, next, updated.record.version, t.call), "saved");
      t.pass(3_600_000);
      // A new login is when a store is tempted to tidy the list.
      const { id } = await t.keep({ userId: "ann" });
      assert.deepEqual(await t.listed("ann"), new Set([touched.id, updated.id, id]));
    },
  },
  {
    says: "a write that was refused takes nobody off the list",
    needs: ["listUser"],
    async holds(t) {
      const { id, record } = await t.keep({ userId: "ann" });
      assert.equal(await t.store.create(id, t.record({ userId: "ann" }), t.call), false);
      assert.equal(await t.store.update(id, t.record({ userId: "ann" }), t.version(), t.call), "conflict");
      assert.equal(
        await t.store.rotate(id, t.id(), t.record({ userId: "ann" }), t.version(), t.call),
        "conflict",
      );
      assert.equal(await t.store.touch(id, record.expiresAt + 1, t.version(), t.call), false);
      const { from, to } = await t.move({ userId: "ann" });
      assert.deepEqual(await t.store.delete(from, t.call), { movedTo: to });
      const listed = await t.listed("ann");
      assert.ok(listed.has(id), "after refused writes");
      assert.ok(listed.has(to), "after the delete of an id that moved");
    },
  },
  {
    says: "of many logins of one user at once all are listed",
    needs: ["listUser"],
    async holds(t) {
      const ids = await t.atOnce(60, async (store, n) => {
        const id = t.id();
        if (n % 3 > 0) {
          assert.equal(await store.create(id, t.record({ userId: "ann" }), t.call), true);
          return id;
        }
        const { id: from, record } = await t.keep({ userId: null });
        assert.equal(
          await store.rotate(from, id, t.record({ userId: "ann" }), record.version, t.call),
          "saved",
        );
        return id;
      });
      assert.deepEqual(await t.listed("ann"), new Set(ids));
    },
  },
  {
    says: "a session that can be read is listed, at every moment of its creation and its rotation",
    needs: ["listUser"],
    async holds(t) {
      const logins: { id: StoreId; login: () => Promise<unknown> }[] = [];
      for (let n = 0; n < 20; n++) {
        const id = t.id();
        const record = t.record({ userId: "ann" });
        if (n % 2 === 0) logins.push({ id, login: () => t.store.create(id, record, t.call) });
        else {
          const before = await t.keep({ userId: null });
          logins.push({
            id,
            login: () => t.store.rotate(before.id, id, record, before.record.version, t.call),
          });
        }
      }
      let running = true;
      const stored = Promise.all(logins.map(({ login }) => login())).finally(() => {
        running = false;
      });
      const watch = async () => {
        do {
          const found = await Promise.all(logins.map(({ id }) => t.other.read(id, t.call)));
          const listed = await t.listed("ann", t.other);
          for (const [n, { id }] of logins.entries()) {
            assert.ok(found[n] === null || listed.has(id), "read, and not listed");
          }
          // A store that reads at once would else keep the event loop from a write that waits for it.
          await new Promise((resolve) => setTimeout(resolve));
        } while (running);
      };
      await Promise.all([watch(), stored]);
      assert.equal((await t.listed("ann")).size, logins.length);
    },
  },
];
