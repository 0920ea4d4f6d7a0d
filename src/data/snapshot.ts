/** Changes as they stood when a write took them, and the same changes made again on newer data. */
import type { Settings } from "../settings/settings.ts";
import { type Changes, replay } from "./changes.ts";

export interface Snapshot {
  readonly changes: Changes;
  /** The text that the changes were made on. */
  readonly base: string;
  /** The text that they led to. */
  readonly mine: string;
  /** What this request failed to store before, where it did: `base` is the text that this led to. */
  readonly earlier: Snapshot | null;
  /** The versions under which the changes were given to the store. A record that has one of them holds the changes. */
  readonly versions: number[];
}

/** The dictionary of a record that is there now; `version` is null where it is of no record. */
export interface Present {
  readonly text: string;
  readonly version: number | null;
}

/**
 * Makes the changes of a snapshot again on what is there, but for those that it holds already: their write was told as failed,
 * and stored all the same. Throws SessionConflictError, and any error of an updater.
 */
export function madeAgain(snapshot: Snapshot, there: Present, onConflict: Settings["onConflict"]): Snapshot {
  const { changes, versions } = snapshot;
  const isNeeded = snapshot.earlier !== null && !changes.cleared && !holds(there, snapshot.earlier);
  const earlier = isNeeded ? madeAgain(snapshot.earlier as Snapshot, there, onConflict) : null;
  const base = earlier === null ? there.text : earlier.mine;
  const mine =
    base === snapshot.base
      ? snapshot.mine
      : replay(changes, { base: snapshot.base, mine: snapshot.mine, theirs: base }, onConflict);
  return { changes, base, mine, earlier, versions };
}

const holds = ({ version }: Present, { versions }: Snapshot): boolean =>
  version !== null && versions.includes(version);

/** Whether a snapshot, or what failed before it, has changed a key. */
export function hasChanged(snapshot: Snapshot | null, key: string): boolean {
  if (snapshot === null) return false;
  const { changes, earlier } = snapshot;
  return changes.cleared || changes.keys.has(key) || hasChanged(earlier, key);
}
