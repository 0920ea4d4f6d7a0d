/**
 * The writers of one session in this process stand in line. The first writes; those that came meanwhile share the next
 * write, on the record that it hands on, so that they never race each other at the store. Deletes do not stand in line.
 * On workerd they take turns, and share nothing.
 */

import type { StoredRecord, StoreId } from "../contract/record.ts";
import { newVersion } from "../contract/record.ts";
import type { Moved, WriteOutcome } from "../contract/store.ts";
import { logIdOf } from "../cookie/key.ts";
import { StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import { isWorkerd } from "../workerd.ts";
import type { Deadline, GuardedStore } from "./guarded-store.ts";
import { isUsable } from "./usable.ts";

/** What one request wants written. */
export interface Write {
  /** The record that the request knows. */
  readonly known: StoredRecord;
  /** The record to be stored, made from the one that is there; run again when that has changed. Its version is not used. */
  next(current: StoredRecord): StoredRecord;
  /** The new id, where the key changes: such a write is not shared. */
  readonly rotateTo?: StoreId;
  readonly deadline: Deadline;
}

/** How it went: the record as stored, or why there was none to write on. */
export type Written = { readonly record: StoredRecord } | "gone" | Moved;

/** A write and who waits for it. */
class Waiting {
  readonly write: Write;
  /** It was told that it is too late. */
  hasLeft = false;
  readonly #resolve: (written: Written) => void;
  readonly #reject: (error: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(write: Write, resolve: (written: Written) => void, reject: (error: unknown) => void) {
    this.write = write;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Stands in line, until it is served or its deadline comes. */
  queue(line: Waiting[]): void {
    line.push(this);
    const leave = () => {
      const place = line.indexOf(this);
      if (place !== -1) line.splice(place, 1);
      this.hasLeft = true;
      this.#reject(tooBusy());
    };
    this.#timer = setTimeout(leave, Math.max(0, this.write.deadline - performance.now()));
  }

  settle(written: Written): void {
    clearTimeout(this.#timer);
    this.#resolve(written);
  }

  fail(error: unknown): void {
    clearTimeout(this.#timer);
    this.#reject(error);
  }
}

const tooBusy = () =>
  new StoreUnavailableError("write", new Error("others were writing to the session all the time"));

const isRecord = (seen: StoredRecord | "gone" | Moved): seen is StoredRecord =>
  typeof seen === "object" && "data" in seen;

const isMovedTo = (outcome: WriteOutcome, id: StoreId | undefined): boolean =>
  typeof outcome === "object" && outcome.movedTo === id;

/** How long a turn lasts at most, milliseconds: whoever has it may be gone. */
const TURN_MS = 250;

/** Full jitter that grows: up to 4, 8, 16 … 250 ms. */
const pause = (attempt: number) =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(250, 2 ** (attempt + 1))));

export class Writers {
  readonly #store: GuardedStore;
  readonly #lines = new Map<StoreId, Waiting[]>();
  /** When the turn of who is writing ends, at the latest; the earliest first. Only on workerd. */
  readonly #turns = new Map<StoreId, Deadline>();

  constructor(store: GuardedStore) {
    this.#store = store;
  }

  /** Resolves when the write is stored or can no longer be; rejects with what `next` throws, and StoreUnavailableError. */
  write(id: StoreId, write: Write): Promise<Written> {
    if (isWorkerd) return this.#writeInTurn(id, write);
    return new Promise((resolve, reject) => {
      const waiting = new Waiting(write, resolve, reject);
      const line = this.#lines.get(id);
      if (line !== undefined) {
        waiting.queue(line);
        return;
      }
      this.#lines.set(id, []);
      void this.#serve(id, waiting);
    });
  }

  /**
   * What a request on workerd has begun ends with its response or its client, so nobody there may wait for another's work:
   * each looks for itself when its turn has come. Turns spare conflicts, which the store decides all the same.
   */
  async #writeInTurn(id: StoreId, write: Write): Promise<Written> {
    for (let attempt = 1; (this.#turns.get(id) ?? 0) > performance.now(); attempt++) {
      if (performance.now() >= write.deadline) throw tooBusy();
      await pause(attempt);
    }
    const now = performance.now();
    for (const [other, end] of this.#turns) {
      if (end > now) break;
      this.#turns.delete(other);
    }
    const end = now + TURN_MS;
    this.#turns.set(id, end);
    try {
      return await new Promise((resolve, reject) => {
        void this.#serve(id, new Waiting(write, resolve, reject));
      });
    } finally {
      if (this.#turns.get(id) === end) this.#turns.delete(id);
    }
  }

  /** Serves the line of a session until nobody waits. */
  async #serve(id: StoreId, first: Waiting): Promise<void> {
    const line = this.#lines.get(id) ?? [];
    // A store that cannot compare is read again in each turn: the best that can be done without it. A sealed record came
    // with its request, and is nowhere else to be read.
    const { capabilities, ticket } = this.#store.given;
    const trust = capabilities?.compareAndSet !== false || ticket !== undefined;
    let batch = [first];
    let current = trust ? first.write.known : null;
    while (batch.length > 0) {
      try {
        const end = await this.#attempt(id, batch, current);
        if (typeof end === "object" && "record" in end) {
          current = trust ? end.record : null;
        } else {
          for (const waiting of line.splice(0)) waiting.settle(end);
        }
      } catch (error) {
        for (const waiting of batch) waiting.fail(error);
        current = null;
      }
      batch = takeBatch(line);
    }
    this.#lines.delete(id);
  }

  /**
   * Writes for a batch, and tells each how it went. Resolves to the record to go on from, or to why there is none for
   * anybody in line; rejects when the store could not say. `current` is null when the record must be read first.
   */
  async #attempt(id: StoreId, batch: Waiting[], current: StoredRecord | null): Promise<Written> {
    const deadline = Math.max(...batch.map(({ write }) => write.deadline));
    for (let attempt = 1; ; attempt++) {
      if (current === null) {
        const seen = await this.#reread(id, deadline);
        if (!isRecord(seen)) return settleAll(batch, seen);
        current = seen;
      }
      const { record, writers } = makeRecord(batch, current);
      if (writers.length === 0) return { record: current };
      const rotateTo = (writers[0] as Waiting).write.rotateTo;
      const outcome: WriteOutcome = rotateTo
        ? await this.#store.rotate(id, rotateTo, record, current.version, deadline)
        : await this.#store.update(id, record, current.version, deadline);

      if (outcome === "saved" || isMovedTo(outcome, rotateTo)) return this.#saved(writers, record, rotateTo);
      if (outcome !== "conflict") return settleAll(writers, outcome);

      tell("conflict", () => ({ session: logIdOf(id), attempt }));
      const seen = await this.#reread(id, deadline);
      // Our own version, or our own new id: the write was done, and only its answer was lost.
      const isOurs = isRecord(seen) ? seen.version === record.version : isMovedTo(seen, rotateTo);
      if (isOurs) return this.#saved(writers, record, rotateTo);
      if (!isRecord(seen)) return settleAll(writers, seen);
      current = seen;
      batch = writers;
      if (performance.now() >= deadline) throw tooBusy();
      if (attempt > 1) await pause(attempt);
    }
  }

  /** Reads what another wrote meanwhile. What is no session to us cannot be written on, and is as good as gone. */
  async #reread(id: StoreId, deadline: Deadline): Promise<StoredRecord | "gone" | Moved> {
    const seen = await this.#store.read(id, deadline);
    if (seen !== "moved") return seen !== null && isUsable(id, seen) ? seen : "gone";
    // Of a moved id, delete removes nothing and says where it went.
    const movedTo = await this.#store.delete(id, deadline);
    return movedTo === undefined ? "gone" : { movedTo };
  }

  #saved(writers: Waiting[], record: StoredRecord, rotateTo: StoreId | undefined): Written {
    settleAll(writers, { record });
    return rotateTo ? { movedTo: rotateTo } : { record };
  }
}

/** All that wait, up to the first that changes the key; that one alone. */
function takeBatch(line: Waiting[]): Waiting[] {
  const rotation = line.findIndex(({ write }) => write.rotateTo !== undefined);
  return line.splice(0, rotation === -1 ? line.length : Math.max(1, rotation));
}

/** One record from the changes of all; who throws drops out alone. */
function makeRecord(batch: Waiting[], current: StoredRecord): { record: StoredRecord; writers: Waiting[] } {
  let record = current;
  const writers = batch.filter((waiting) => {
    if (waiting.hasLeft) return false;
    try {
      record = waiting.write.next(record);
      return true;
    } catch (error) {
      waiting.fail(error);
      return false;
    }
  });
  return { record: { ...record, version: newVersion() }, writers };
}

function settleAll(writers: Waiting[], written: Written): Written {
  for (const waiting of writers) waiting.settle(written);
  return written;
}
