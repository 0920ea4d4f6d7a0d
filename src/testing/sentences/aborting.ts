import assert from "node:assert/strict";
import type { StoredRecord, StoreId } from "../../contract/record.ts";
import { type StoreCall, VERBS } from "../../contract/store.ts";
import type { Sentence } from "../sentence.ts";
import type { Trial } from "../trial.ts";

/** Every verb of the store, called on one session. */
function verbs(t: Trial, id: StoreId, record: StoredRecord, fresh: StoreId) {
  const { store } = t;
  const next = t.record({ userId: record.userId });
  const all: Record<string, ((call: StoreCall) => Promise<unknown>) | undefined> = {
    read: (call) => store.read(id, call),
    create: (call) => store.create(fresh, next, call),
    update: (call) => store.update(id, next, record.version, call),
    rotate: (call) => store.rotate(id, fresh, next, record.version, call),
    touch: (call) => store.touch(id, record.expiresAt + 60_000, record.version, call),
    delete: (call) => store.delete(id, call),
    clearExpired:
      store.clearExpired && ((call) => Promise.resolve(store.clearExpired?.({ ...call, limit: 10 }))),
    listUser: store.listUser && ((call) => Promise.resolve(store.listUser?.(record.userId ?? "", call))),
    stats: store.stats && ((call) => Promise.resolve(store.stats?.(call))),
    check: store.check && ((call) => Promise.resolve(store.check?.(call))),
  };
  return Object.entries(all).filter(
    (verb): verb is [string, (call: StoreCall) => Promise<unknown>] => verb[1] !== undefined,
  );
}

export const aborting: Sentence[] = [
  {
    says: "a call whose signal is already aborted rejects, never throws, and does no work",
    async holds(t) {
      const { id, record } = await t.keep({ userId: "ann" });
      const fresh = t.id();
      const call = { signal: AbortSignal.abort(new Error("too late")), now: t.now };
      for (const [verb, run] of verbs(t, id, record, fresh)) {
        const answer = run(call);
        assert.ok(answer instanceof Promise, `${verb} answers with a promise`);
        await assert.rejects(answer, `${verb} with an aborted signal`);
        await t.isLive(id, record, verb);
        await t.isAbsent(fresh, verb);
      }
    },
  },
  {
    says: "a call that is aborted while it runs rejects or tells the truth, and never says absent of what is there",
    async holds(t) {
      const truth: Record<string, unknown> = {
        create: true,
        update: "saved",
        rotate: "saved",
        touch: true,
        delete: undefined,
      };
      for (const verb of [...VERBS, "listUser"] as const) {
        const { id, record } = await t.keep({ userId: "ann" });
        const fresh = t.id();
        const run = verbs(t, id, record, fresh).find(([name]) => name === verb)?.[1];
        if (run === undefined) continue;
        const controller = new AbortController();
        const running = run({ signal: controller.signal, now: t.now });
        controller.abort(new Error("no longer waited for"));
        const [answer] = await Promise.allSettled([running]);
        if (answer.status === "rejected") continue;
        if (verb === "read") assert.deepEqual({ ...(answer.value as StoredRecord) }, record, verb);
        else if (verb === "listUser") assert.ok((answer.value as StoreId[]).includes(id), verb);
        else assert.deepEqual(answer.value, truth[verb], verb);
      }
    },
  },
];
