/**
 * A store for the model checker: the contract in its plainest form, in which each call waits until the scheduler applies it and
 * waits again until the scheduler answers it. It remembers every version of every record, and where each session went.
 */

import type { Store, StoreCall, StoredRecord, StoreId } from "coatcheck";
import type { Verb } from "../instruments/wrapped-store.ts";

/** The life of the mark of a rotated id, milliseconds, as the contract says it. */
const MARK = 60_000;

type Row = { readonly record: StoredRecord } | { readonly movedTo: StoreId; readonly until: number };

/** A call that the engine made. */
export interface ShelfCall {
  readonly verb: Verb | "listUser" | "clearExpired";
  readonly id: string;
  readonly isApplied: boolean;
  /** The store does its work. */
  apply(): void;
  /** The engine gets the answer; the work is done now if it was not. */
  answer(): void;
  /** The engine gets an error, whether the work was done or not. */
  fail(): void;
}

/** A record that a write has left, and the one that it replaced; null where there was none. */
export interface Write {
  readonly id: StoreId;
  readonly from: StoreId | null;
  readonly before: StoredRecord | null;
  readonly after: StoredRecord;
}

export class Shelf {
  readonly store: Store;
  /** The calls that wait, the oldest first. */
  readonly waiting = new Set<ShelfCall>();
  readonly #rows = new Map<StoreId, Row>();
  /** Where each session went, also when its mark is gone. */
  readonly #next = new Map<StoreId, StoreId>();
  readonly #cameFrom = new Map<StoreId, StoreId>();
  readonly #versions = new Map<StoreId, StoredRecord[]>();
  readonly #deletedAt = new Map<StoreId, number>();
  readonly #movedAt = new Map<StoreId, number>();
  readonly #isVersionMaker: boolean;
  readonly #wrote: (write: Write) => void;
  #version = 1;
  /** Counts the calls that were applied. */
  step = 0;

  /** `wrote` is called with each write that the store has done. */
  constructor(isVersionMaker: boolean, wrote: (write: Write) => void) {
    this.#isVersionMaker = isVersionMaker;
    this.#wrote = wrote;
    this.store = {
      read: (id, call) => this.#wait("read", id, () => this.#read(id, call)),
      create: (id, record, call) => this.#wait("create", id, () => this.#create(id, record, call)),
      update: (id, record, expected, call) =>
        this.#wait("update", id, () => this.#update(id, record, expected, call)),
      rotate: (id, to, record, expected, call) =>
        this.#wait("rotate", id, () => this.#rotate(id, to, record, expected, call)),
      touch: (id, end, version, call) => this.#wait("touch", id, () => this.#touch(id, end, version, call)),
      delete: (id, call) => this.#wait("delete", id, () => this.#delete(id, call)),
      listUser: (user, call) => this.#wait("listUser", user, () => this.#listUser(user, call)),
      clearExpired: (call) => this.#wait("clearExpired", "", () => this.#clearExpired(call)),
    };
  }

  #wait<T>(verb: ShelfCall["verb"], id: string, run: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { waiting } = this;
      let outcome: { readonly value: T } | null = null;
      const apply = () => {
        this.step += 1;
        outcome ??= { value: run() };
        return outcome.value;
      };
      const call: ShelfCall = {
        verb,
        id,
        get isApplied() {
          return outcome !== null;
        },
        apply,
        answer() {
          waiting.delete(call);
          resolve(outcome === null ? apply() : outcome.value);
        },
        fail() {
          waiting.delete(call);
          reject(new Error("a fault of the store"));
        },
      };
      waiting.add(call);
    });
  }

  #find(id: StoreId, now: number): Row | null {
    const row = this.#rows.get(id);
    if (row === undefined) return null;
    return ("record" in row ? row.record.expiresAt : row.until) > now ? row : null;
  }

  #read(id: StoreId, { now }: StoreCall) {
    const row = this.#find(id, now);
    if (row === null) return null;
    return "record" in row ? row.record : "moved";
  }

  /** Keeps a record, under a version of its own if this store makes versions; answers what the write must answer. */
  #keep(id: StoreId, from: StoreId | null, before: StoredRecord | null, record: StoredRecord) {
    const after = this.#isVersionMaker ? { ...record, version: this.#version++ } : record;
    this.#rows.set(id, { record: after });
    const versions = this.#versions.get(id) ?? [];
    versions.push(after);
    this.#versions.set(id, versions);
    this.#wrote({ id, from, before, after });
    return this.#isVersionMaker ? { saved: after.version } : null;
  }

  #create(id: StoreId, record: StoredRecord, { now }: StoreCall) {
    if (this.#find(id, now) !== null) return false;
    return this.#keep(id, null, null, record) ?? true;
  }

  #replaceable(id: StoreId, expected: number, now: number) {
    const row = this.#find(id, now);
    if (row === null) return "gone" as const;
    if ("movedTo" in row) return { movedTo: row.movedTo };
    return row.record.version === expected ? row : ("conflict" as const);
  }

  #update(id: StoreId, record: StoredRecord, expected: number, { now }: StoreCall) {
    const there = this.#replaceable(id, expected, now);
    if (typeof there === "string" || "movedTo" in there) return there;
    return this.#keep(id, id, there.record, record) ?? ("saved" as const);
  }

  #rotate(id: StoreId, to: StoreId, record: StoredRecord, expected: number, { now }: StoreCall) {
    const there = this.#replaceable(id, expected, now);
    if (typeof there === "string" || "movedTo" in there) return there;
    this.#rows.set(id, { movedTo: to, until: now + MARK });
    this.#next.set(id, to);
    this.#cameFrom.set(to, id);
    this.#movedAt.set(id, this.step);
    return this.#keep(to, id, there.record, record) ?? ("saved" as const);
  }

  #touch(id: StoreId, end: number, version: number, { now }: StoreCall): boolean {
    const there = this.#replaceable(id, version, now);
    if (typeof there === "string" || "movedTo" in there) return false;
    const { record } = there;
    this.#rows.set(id, { record: { ...record, expiresAt: Math.max(end, record.expiresAt) } });
    return true;
  }

  #delete(id: StoreId, { now }: StoreCall) {
    const row = this.#find(id, now);
    if (row !== null && "movedTo" in row) return { movedTo: row.movedTo };
    if (row !== null) {
      this.#rows.delete(id);
      this.#deletedAt.set(id, this.step);
    }
    return undefined;
  }

  #listUser(user: string, { now }: StoreCall): StoreId[] {
    return [...this.#rows.keys()].filter((id) => {
      const row = this.#find(id, now);
      return row !== null && "record" in row && row.record.userId === user;
    });
  }

  #clearExpired({ now, limit }: StoreCall & { readonly limit: number }): number {
    const over = [...this.#rows.keys()].filter((id) => this.#find(id, now) === null).slice(0, limit);
    for (const id of over) this.#rows.delete(id);
    return over.length;
  }

  /** The id under which a session is in the end. */
  last(id: StoreId): StoreId {
    const next = this.#next.get(id);
    return next === undefined ? id : this.last(next);
  }

  /** Whether all marks on the way of a session are still there: each stays for a minute, and then the old key is unknown. */
  isMarked(id: StoreId, now: number): boolean {
    const next = this.#next.get(id);
    return next === undefined || (this.#find(id, now) !== null && this.isMarked(next, now));
  }

  /** The live record of an id, without following it. */
  record(id: StoreId, now: number): StoredRecord | null {
    const row = this.#find(id, now);
    return row !== null && "record" in row ? row.record : null;
  }

  /** The ids of all live records. */
  live(now: number): StoreId[] {
    return [...this.#rows.keys()].filter((id) => this.record(id, now) !== null);
  }

  /** Every version of a session, under all its ids, the earliest first. */
  versions(id: StoreId): StoredRecord[] {
    const before = this.#cameFrom.get(id);
    const earlier = before === undefined ? [] : this.versions(before);
    return [...earlier, ...(this.#versions.get(id) ?? [])];
  }

  /** Whether the mark of a changed key is there. */
  hasMark(id: StoreId, now: number): boolean {
    const row = this.#find(id, now);
    return row !== null && "movedTo" in row;
  }

  wasMoved(id: StoreId): boolean {
    return this.#next.has(id);
  }

  /** The step at which an id was left for another; null where it was not. */
  movedAt(id: StoreId): number | null {
    return this.#movedAt.get(id) ?? null;
  }

  /** The step at which a session was deleted, wherever it had moved to; null where it was not. */
  deletedAt(id: StoreId): number | null {
    return this.#deletedAt.get(this.last(id)) ?? null;
  }
}
