/** The changes that a request wants of its session. */

import type { StoreId } from "../contract/record.ts";
import type { ExtrasChange } from "../contract/record-data.ts";
import type { StoredSession } from "../contract/ticket.ts";
import type { Dictionary } from "../data/dictionary.ts";
import type { Snapshot } from "../data/snapshot.ts";

export interface Login {
  readonly userId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Everything that a request wants done beside changing its data. */
export interface Intent {
  /** Write even where nothing has changed: `modified = true`. */
  isForced: boolean;
  /** The argument of `setExpiry`; undefined where it was not called. */
  expiry: number | null | undefined;
  login: Login | null;
  /** Changes of the framework's part of the record, in their order. */
  extrasChanges: readonly ExtrasChange[];
  /** Change the key. */
  rotate: boolean;
  /** The user shows who it is, by a login or a confirmation. */
  proves: boolean;
  /** The call that ended the session, if any. The handler's own flush holds even when the response is an error. */
  flushedBy: "handler" | "login" | null;
  /** The sessions that a flush deletes. */
  toDelete: ReadonlySet<StoreId>;
}

const NO_IDS: ReadonlySet<StoreId> = new Set();
const NO_CHANGES: readonly ExtrasChange[] = [];

/** Nothing is wanted yet. */
export const noIntent = (): Intent => ({
  isForced: false,
  expiry: undefined,
  login: null,
  extrasChanges: NO_CHANGES,
  rotate: false,
  proves: false,
  flushedBy: null,
  toDelete: NO_IDS,
});

/** One write of a draft: intent and data as they stood when it began. */
export interface Pending {
  readonly intent: Intent;
  /** null where `modified = false` forbids to save data. */
  readonly data: Snapshot | null;
  readonly isChanged: boolean;
  readonly isEmpty: boolean;
  /** The stored session at that time. */
  readonly stored: StoredSession | null;
  /** The dictionary at that time. A flush makes another, so comparing them tells whether there was one since. */
  readonly dictionary: Dictionary;
}
