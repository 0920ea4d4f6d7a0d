import type { StoredRecord } from "../../contract/record.ts";
import { MOVED_MARK_MS } from "../../contract/store.ts";

/**
 * What the cache holds under an id: a copy of the record, or a blank, which says "ask the store". Both are records of the
 * cache. A copy has the version and the end of what it is a copy of, so that the cache's own compare-and-set and touch fit;
 * the user is in its data, since the cache needs no index of users.
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

/** The record that an entry is a copy of; null of a blank, of a copy too old to be believed, and of what is no copy. */
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

/** A blank like no other. It goes by itself, should its owner crash. */
export function newBlank(now: number): Entry {
  const nothing = { userId: null, createdAt: now, authenticatedAt: null, expiry: null, format: 1 };
  const version = Math.floor(Math.random() * 2 ** 53);
  return { ...nothing, data: "", version, expiresAt: now + MOVED_MARK_MS };
}
