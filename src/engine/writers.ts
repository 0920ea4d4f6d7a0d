/**
 * The writers of one session in this process stand in line. The first one writes. Those that come meanwhile share the next
 * write, on the record that the first one hands on, so they never race each other at the store. Deletes do not stand in
 * line. On workerd writers take leases instead, and share nothing.
 */

import type { StoredRecord, StoreId } from "../contract/record.ts";
import { ticketOf } from "../cookie/key.ts";
import { isWorkerd } from "../workerd.ts";
import {
  type Attempt,
  beginAttempt,
  pause,
  type Stores,
  tooBusy,
  type Write,
  type Writer,
  type Written,
  writeBatch,
} from "./attempt.ts";
import type { Deadline } from "./deadlines.ts";

/** A writer with the promise that its request waits for. */
class WaitingWriter implements Writer {
  readonly write: Write;
  readonly versions: number[];
  hasLeft = false;
  readonly #resolve: (written: Written) => void;
  readonly #reject: (error: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(write: Write, resolve: (written: Written) => void, reject: (error: unknown) => void) {
    this.write = write;
    this.versions = write.versions ?? [];
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Stands in line until it is served, or until its deadline comes. */
  queue(line: WaitingWriter[]): void {
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

/** The longest time that a lease is held, milliseconds: on workerd its holder may have ceased to exist. */
const LEASE_MS = 250;

export class Writers {
  readonly #stores: Stores;
  readonly #lines = new Map<StoreId, WaitingWriter[]>();
  /** The end of the lease on each session that is being written, the earliest first. Only on workerd. */
  readonly #leases = new Map<StoreId, Deadline>();

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /** Whether a write can begin at once: no other write of the session is under way here, and the record is known. */
  canBegin(id: StoreId): boolean {
    return !isWorkerd && !this.#lines.has(id) && this.#canHandOn();
  }

  /**
   * Makes the first call of the store for a write that can begin at once; those that come meanwhile stand in line. `succeeded` or
   * `write` must follow with its answer. Throws what its `next` throws; nothing was begun then.
   */
  begin(id: StoreId, write: Write): Attempt {
    const attempt = beginAttempt(this.#stores, id, write);
    this.#lines.set(id, []);
    return attempt;
  }

  /** What was begun is stored: those in line go on from its record. */
  succeeded(id: StoreId, record: StoredRecord): void {
    const line = this.#lines.get(id) ?? [];
    if (line.length === 0) this.#lines.delete(id);
    else void this.#serve(id, takeBatch(line), record);
  }

  /**
   * Resolves when the write is stored or can no longer be. Rejects with any error of `next`, and StoreUnavailableError. `attempt` is
   * what `begin` gave, where the write was begun by it.
   */
  write(id: StoreId, write: Write, attempt?: Attempt): Promise<Written> {
    if (isWorkerd) return this.#writeUnderLease(id, write);
    return new Promise((resolve, reject) => {
      const writer = new WaitingWriter(write, resolve, reject);
      const line = this.#lines.get(id);
      if (line !== undefined && attempt === undefined) {
        writer.queue(line);
        return;
      }
      if (line === undefined) this.#lines.set(id, []);
      void this.#serve(id, [writer], this.#canHandOn() ? write.known : null, attempt);
    });
  }

  /**
   * On workerd, work that a request has begun ends with its response or its client, so no other request may wait for it.
   * Each looks by its own timer whether the lease is free. Leases only spare conflicts: the store decides all the same.
   */
  async #writeUnderLease(id: StoreId, write: Write): Promise<Written> {
    for (let attempt = 1; (this.#leases.get(id) ?? 0) > performance.now(); attempt++) {
      if (performance.now() >= write.deadline) throw tooBusy();
      await pause(attempt);
    }
    const now = performance.now();
    for (const [other, end] of this.#leases) {
      if (end > now) break;
      this.#leases.delete(other);
    }
    const end = now + LEASE_MS;
    this.#leases.set(id, end);
    try {
      return await new Promise((resolve, reject) => {
        const writer = new WaitingWriter(write, resolve, reject);
        void this.#serve(id, [writer], this.#canHandOn() ? write.known : null);
      });
    } finally {
      if (this.#leases.get(id) === end) this.#leases.delete(id);
    }
  }

  /** Serves writers, and then the line of their session until it is empty. `attempt` is the first call of the store, if it was made. */
  async #serve(
    id: StoreId,
    batch: WaitingWriter[],
    current: StoredRecord | null,
    attempt?: Attempt,
  ): Promise<void> {
    const line = this.#lines.get(id) ?? [];
    const canHandOn = this.#canHandOn();
    while (batch.length > 0) {
      try {
        const end = await writeBatch(this.#stores, id, batch, current, attempt);
        if (end === null) current = null;
        else if (typeof end === "object" && "record" in end) current = canHandOn ? end.record : null;
        else {
          for (const writer of line.splice(0)) writer.settle(end);
        }
      } catch (error) {
        for (const writer of batch) writer.fail(error);
        current = null;
      }
      attempt = undefined;
      batch = takeBatch(line);
    }
    this.#lines.delete(id);
  }

  /**
   * Whether a write can begin from a record that is known already. A store that cannot compare and set is read again before
   * each write, which is the best that can be done without it. A record that the cookie carries cannot be read again.
   */
  #canHandOn(): boolean {
    const { given } = this.#stores.store;
    return given.capabilities?.compareAndSet !== false || ticketOf(given).kind === "carried";
  }
}

/** Takes all writers in line up to the first that changes the key, or that one alone. */
function takeBatch(line: WaitingWriter[]): WaitingWriter[] {
  const rotation = line.findIndex(({ write }) => write.rotateTo !== undefined);
  return line.splice(0, rotation === -1 ? line.length : Math.max(1, rotation));
}
