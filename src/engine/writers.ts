/**
 * The writers of one session in this process stand in line. The first one writes. Those that come meanwhile share the next
 * write, on the record that the first one hands on, so they never race each other at the store. Deletes do not stand in
 * line. On workerd writers take leases instead, and share nothing.
 */

import type { StoreId } from "../contract/record.ts";
import { ticketOf } from "../cookie/key.ts";
import { isWorkerd } from "../workerd.ts";
import { pause, type Stores, tooBusy, type Write, type Writer, type Written, writeBatch } from "./attempt.ts";
import type { Deadline } from "./guarded-store.ts";

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

  /** Resolves when the write is stored or can no longer be. Rejects with any error of `next`, and StoreUnavailableError. */
  write(id: StoreId, write: Write): Promise<Written> {
    if (isWorkerd) return this.#writeUnderLease(id, write);
    return new Promise((resolve, reject) => {
      const writer = new WaitingWriter(write, resolve, reject);
      const line = this.#lines.get(id);
      if (line !== undefined) {
        writer.queue(line);
        return;
      }
      this.#lines.set(id, []);
      void this.#serve(id, writer);
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
        void this.#serve(id, new WaitingWriter(write, resolve, reject));
      });
    } finally {
      if (this.#leases.get(id) === end) this.#leases.delete(id);
    }
  }

  /** Serves the line of a session until it is empty. */
  async #serve(id: StoreId, first: WaitingWriter): Promise<void> {
    const line = this.#lines.get(id) ?? [];
    const canHandOn = this.#canHandOn();
    let batch = [first];
    let current = canHandOn ? first.write.known : null;
    while (batch.length > 0) {
      try {
        const end = await writeBatch(this.#stores, id, batch, current);
        if (end === null) current = null;
        else if (typeof end === "object" && "record" in end) current = canHandOn ? end.record : null;
        else {
          for (const writer of line.splice(0)) writer.settle(end);
        }
      } catch (error) {
        for (const writer of batch) writer.fail(error);
        current = null;
      }
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
