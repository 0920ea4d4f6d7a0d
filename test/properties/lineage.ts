/** A store that writes down what became of each session: where it moved, and whether it was deleted. */
import { memoryStore, type Store, type StoredRecord, type StoreId } from "coatcheck";
import type { Scheduler } from "fast-check";

export class Lineage {
  readonly store: Store;
  readonly #movedTo = new Map<StoreId, StoreId>();
  readonly #deleted = new Set<StoreId>();
  readonly #inner = memoryStore();

  /** Each call waits before the store carries it out, and its answer waits again; the scheduler chooses which one goes on. */
  constructor(scheduler: Scheduler) {
    const inner = this.#inner;
    async function inTurn<T>(label: string, run: () => Promise<T>): Promise<T> {
      await scheduler.schedule(Promise.resolve(), label);
      const answer = await run();
      await scheduler.schedule(Promise.resolve(), `${label} is answered`);
      return answer;
    }
    this.store = {
      read: (id, call) => inTurn("read", () => inner.read(id, call)),
      create: (id, record, call) => inTurn("create", () => inner.create(id, record, call)),
      update: (id, record, expected, call) =>
        inTurn("update", () => inner.update(id, record, expected, call)),
      touch: (id, expiresAt, version, call) =>
        inTurn("touch", () => inner.touch(id, expiresAt, version, call)),
      rotate: (from, to, record, expected, call) =>
        inTurn("rotate", async () => {
          const outcome = await inner.rotate(from, to, record, expected, call);
          if (outcome === "saved") this.#movedTo.set(from, to);
          return outcome;
        }),
      delete: (id, call) =>
        inTurn("delete", async () => {
          const moved = await inner.delete(id, call);
          if (moved === undefined) this.#deleted.add(id);
          return moved;
        }),
    };
  }

  /** The id under which a session is in the end. */
  #last(id: StoreId): StoreId {
    const next = this.#movedTo.get(id);
    return next === undefined ? id : this.#last(next);
  }

  wasDeleted(id: StoreId): boolean {
    return this.#deleted.has(this.#last(id));
  }

  /** The record of a session, wherever it has moved to; null when it is gone. */
  async record(id: StoreId): Promise<StoredRecord | null> {
    const found = await this.#inner.read(this.#last(id), {
      now: Date.now(),
      signal: new AbortController().signal,
    });
    return found === "moved" ? null : found;
  }

  async data(id: StoreId): Promise<Record<string, unknown> | null> {
    const record = await this.record(id);
    return record === null ? null : JSON.parse(record.data);
  }
}
