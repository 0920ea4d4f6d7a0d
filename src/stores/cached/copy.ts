import { FORMAT, newVersion, type StoredRecord } from "../../contract/record.ts";
import { MOVED_MARK_MS } from "../../contract/store.ts";

/**
 * An entry of the cache: a copy of the record, or a blank, which says "ask the store". Both are records of the cache. A copy has
 * the version and the end of its record, so that compare-and-set and touch of the cache fit. The user is in its data, since
 * the cache needs no index of users.
 */
export type Entry = StoredRecord;

/** The first line of a copy's data. */
interface Head {
  readonly userId: string | null;
  /** From this moment on the store is asked, epoch milliseconds. */
  readonly until: number;
}

export function copyOf(record: StoredRecord, until: number): Entry {
  const head: Head = { userId: record.userId, until: Math.min(until, record.expiresAt) };
  return { ...record, userId: null, data: `${JSON.stringify(head)}\n${record.data}` };
}

/** The record of a copy; null for a blank, for a copy that is too old, and for any other text. */
export function recordOf(entry: Entry, now: number): StoredRecord | null {
  const end = entry.data.indexOf("\n");
  try {
    const { userId, until } = JSON.parse(entry.data.slice(0, end)) as Head;
    return now < until ? { ...entry, userId, data: entry.data.slice(end + 1) } : null;
  } catch {
    return null;
  }
}

export const isBlank = (entry: Entry) => entry.data === "";

/** A blank with a version of its own. It expires, in case the process that made it crashes. */
export function newBlank(now: number): Entry {
  const nothing = { userId: null, createdAt: now, authenticatedAt: null, expiry: null, format: FORMAT };
  return { ...nothing, data: "", version: newVersion(), expiresAt: now + MOVED_MARK_MS };
}
