// Every public entry imports this file, and this line brings the package's root into the program: without it,
// `declare module "coatcheck"` does not compile in an application that imports only "coatcheck/express".
/// <reference path="../index.ts" preserve="true" />

/**
 * The contract between the core and a place where sessions are kept.
 *
 * A store is a plain object of closures: it may be wrapped, spread and patched. It knows nothing of HTTP, cookies or
 * keys, and treats `data` as opaque text. Outcomes are values; a store rejects only when it could not do its work, and
 * "absent" is never said for "could not ask". `testStore` in `coatcheck/testing` holds every sentence of this file.
 */

import type { StoredRecord, StoreId } from "./record.ts";
import type { Ticket } from "./ticket.ts";

/**
 * Comes with every call beside its own arguments. Do not spread it: `signal` is a getter and would be lost. To make another
 * call of it, write `{ signal: call.signal, now }`.
 */
export interface StoreCall {
  /** Aborted when the caller no longer waits: reject then, and do no work that has not begun. Made at the first look. */
  readonly signal: AbortSignal;
  /** The time that decides what is expired, epoch milliseconds. */
  readonly now: number;
}

/** A call of `stats`, which may take several steps. */
export interface StatsCall extends StoreCall {
  /** To be called after each step: the deadline of the call then begins anew. A store that counts in one step need not call it. */
  readonly onStep?: () => void;
}

/** The session lives on under another id; follow it there. */
export interface Moved {
  readonly movedTo: StoreId;
}

/** The record is stored whole, under a version that the store made in place of the record's own. */
export interface Saved {
  readonly saved: number;
}

/**
 * The outcome of a conditional write.
 * `"saved"` or `{ saved }`: the stored version was the expected one, and the new record is stored whole.
 * `"conflict"`: there is a live record, of another version; nothing was changed.
 * `"gone"`: there is no live record (deleted, expired, never there); nothing was stored.
 * `{ movedTo }`: the id was rotated away less than a minute ago; nothing was changed.
 */
export type WriteOutcome = "saved" | Saved | "conflict" | "gone" | Moved;

/** The record as a write has stored it, with the version that it has there; null where the write stored nothing. */
export function storedBy(outcome: WriteOutcome | boolean, record: StoredRecord): StoredRecord | null {
  if (outcome === true || outcome === "saved") return record;
  return typeof outcome === "object" && "saved" in outcome ? { ...record, version: outcome.saved } : null;
}

/** The abilities of a store. Anything left out has its default. */
export interface StoreCapabilities {
  /**
   * `update`, `rotate` and `touch` compare the version and write in one step. Default is `true`. If this is `false` the
   * core reads again right before each write, and warns that two servers can still lose an update.
   */
  readonly compareAndSet?: boolean;
  /** The store forgets expired records by itself, so `clearExpired` need not be called. Default is `false`. */
  readonly expiresNatively?: boolean;
  /** The store keeps `createdAt` and `authenticatedAt`. Default is `true`. If this is `false`, `absoluteTimeout` is refused. */
  readonly keepsLoginTime?: boolean;
  /**
   * The store hands only encrypted data on, to a store within it. Default is `false`. If this is `true`, no cache may stand
   * around it: the cache would hold what the store encrypts.
   */
  readonly encryptsData?: boolean;
  /**
   * The store keeps `data` whole. Default is `true`. If this is `false` it keeps the visitor's dictionary alone, the first of the
   * JSON objects in `data`: the core then gives it no other, drops the label of a login, and refuses `confirm` and `requireRecent`.
   */
  readonly keepsExtras?: boolean;
}

/** Whether the store keeps the framework's own part of the data. */
export const keepsExtras = ({ capabilities }: Store): boolean => capabilities?.keepsExtras !== false;

/** The counts of a store. `null` where the store cannot tell. */
export interface StoreStats {
  /** Sessions that can still be read. */
  readonly live: number | null;
  /** Sessions that wait for `clearExpired`. */
  readonly expired: number | null;
  /** Live sessions with a user. */
  readonly authenticated: number | null;
  /** `createdAt` of the oldest live session, epoch milliseconds; null also when there is none. */
  readonly oldest: number | null;
  /** Bytes of data, as near as the store can tell. */
  readonly bytes: number | null;
}

/** The methods that every store has: a request can cost one round trip for each. */
export const VERBS = ["read", "create", "update", "rotate", "touch", "delete"] as const;

export interface Store {
  /** The kind of store, as traces show it: `"redis"`. Default is `"store"`. */
  readonly name?: string;

  readonly capabilities?: StoreCapabilities;

  /** The way from cookie values to sessions. Default is a random key; cookie stores bring their own. */
  readonly ticket?: Ticket;

  /** The live record; `"moved"` for an id rotated away less than a minute ago; else null. Never creates, never expired. */
  read(id: StoreId, call: StoreCall): Promise<StoredRecord | "moved" | null>;

  /**
   * Stores a record that must not exist yet. True, or `{ saved }`; false, and nothing changed, when the id is taken (also by a
   * mark).
   */
  create(id: StoreId, record: StoredRecord, call: StoreCall): Promise<boolean | Saved>;

  /** Replaces the live record iff its version is `expected`. Never creates, never revives an expired record. */
  update(id: StoreId, record: StoredRecord, expected: number, call: StoreCall): Promise<WriteOutcome>;

  /**
   * Replaces the live record under `oldId` by `record` under `newId`, iff its version is `expected`: in one step, or so
   * that a crash after any step leaves a session that works and none that comes back. For 60 s `oldId` holds a mark with
   * `newId` and no data. Marks do not chain: a record that was moved twice is followed step by step.
   */
  rotate(
    oldId: StoreId,
    newId: StoreId,
    record: StoredRecord,
    expected: number,
    call: StoreCall,
  ): Promise<WriteOutcome>;

  /**
   * Moves `expiresAt` later iff the live record still has `version`; a moment that is not later changes nothing and is a
   * success. Does not change the version, never shortens, never revives. False when version or record are not there.
   */
  touch(id: StoreId, expiresAt: number, version: number, call: StoreCall): Promise<boolean>;

  /** Removes the record, leaving no mark; absent is success. Of a moved id it removes nothing and answers `{ movedTo }`. */
  delete(id: StoreId, call: StoreCall): Promise<Moved | undefined>;

  /**
   * Removes at most `limit` records (and marks) that have expired, oldest first, checking each again as it goes, and
   * answers their number: fewer than `limit` means there was no more. Safe with several sweepers. Absent when
   * `expiresNatively`.
   */
  clearExpired?(call: StoreCall & { readonly limit: number }): Promise<number>;

  /**
   * The ids of every live session of a user, at least: the store keeps this index itself inside `create`, `rotate` and
   * `delete`, the entry before the record, so it may name an id that is gone but never miss one that lives.
   */
  listUser?(userId: string, call: StoreCall): Promise<StoreId[]>;

  /** Counts what is stored, in steps that are short enough to hold up nothing else. */
  stats?(call: StatsCall): Promise<StoreStats>;

  /** Rejects, saying what to do, when the store cannot serve: not reachable, no table, the wrong one. */
  check?(call: StoreCall): Promise<void>;

  /** Closes everything that the store itself opened; never a client or handle that it was given. */
  close?(): Promise<void>;
}

/**
 * The life of the mark of a rotated id, milliseconds: long enough for a request in flight to find its way. PHP's RFC on
 * "precise session management" uses the same minute.
 */
export const MOVED_MARK_MS = 60_000;
