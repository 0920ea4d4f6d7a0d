/**
 * Sessions in this process's memory: for tests, development and a single server that may forget.
 *
 * Nothing survives a restart, and no other process sees it. Each write removes a few expired sessions, and a full store
 * removes all of them. If it is still full, it forgets the sessions that were least recently used.
 */

import { signalOf } from "../contract/call.ts";
import type { StoreId } from "../contract/record.ts";
import { MOVED_MARK_MS, type Store, type StoreCall, type WriteOutcome } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { wait } from "../wait.ts";
import { warn } from "../warn.ts";
import { type Peg, Rack } from "./memory/rack.ts";

export interface MemoryStoreOptions {
  /**
   * The largest number of sessions, marks of rotated ids included. Default is 100,000: about 20 MB, and the data. It
   * bounds the memory that strangers can fill; raise it when more visitors than that come in two weeks.
   */
  readonly maxSessions?: number;
}

/** The number of records that each write looks at for expiry: more than one write can add. */
const LOOKED_AT = 4;

/** The sessions that `stats` counts before it lets the server go on: a few milliseconds. */
const COUNTED_AT_ONCE = 10_000;

/** A store in memory. Throws a SettingsError for a `maxSessions` that is not a whole number from 1 up. */
export function memoryStore({ maxSessions = 100_000 }: MemoryStoreOptions = {}): Store {
  if (!Number.isSafeInteger(maxSessions) || maxSessions < 1) {
    throw new SettingsError("maxSessions", "a whole number from 1 up");
  }
  const rack = new Rack();
  /** No record expires before this moment, so until then a full store need not look for expired records. */
  let quietUntil = Number.POSITIVE_INFINITY;
  let lookedAt: Peg = 0;
  const warned = { production: false, full: false };

  function begin(call: StoreCall): void {
    signalOf(call).throwIfAborted();
    if (!warned.production) warnInProduction();
  }

  function warnInProduction(): void {
    warned.production = true;
    if (globalThis.process?.env?.NODE_ENV !== "production") return;
    warn(
      "COATCHECK_MEMORY_STORE",
      "memoryStore forgets every session when the process ends, and each process has its own. " +
        "In production give a store that lasts: sqliteStore from coatcheck/sqlite needs no server.",
    );
  }

  /** The peg of a session or mark that has not expired; 0 where there is neither. */
  function find(id: StoreId, now: number): Peg {
    const peg = rack.find(id);
    return peg !== 0 && rack.expiresAt(peg) > now ? peg : 0;
  }

  /** The peg of the session with this version, or the reason why it cannot be written. */
  function findVersion(id: StoreId, expected: number, now: number): Peg | Exclude<WriteOutcome, "saved"> {
    const peg = find(id, now);
    if (peg === 0) return "gone";
    const movedTo = rack.movedTo(peg);
    if (movedTo !== null) return { movedTo };
    return rack.versionAt(peg) === expected ? peg : "conflict";
  }

  function add(id: StoreId, now: number): Peg {
    if (rack.size >= maxSessions && quietUntil <= now) removeExpired(now);
    while (rack.size >= maxSessions) {
      if (!warned.full) warnFull();
      rack.remove(rack.leastRecentlyUsed);
    }
    return rack.add(id);
  }

  function warnFull(): void {
    warned.full = true;
    warn(
      "COATCHECK_MEMORY_STORE_FULL",
      `memoryStore holds ${maxSessions} sessions, its bound, and begins to forget the least recently used. ` +
        "Raise maxSessions, or give a store that is not bounded by memory.",
    );
  }

  function removeExpired(now: number): void {
    quietUntil = Number.POSITIVE_INFINITY;
    rack.forEach((peg) => {
      if (rack.expiresAt(peg) <= now) rack.remove(peg);
      else quietUntil = Math.min(quietUntil, rack.expiresAt(peg));
    });
  }

  function removeSomeExpired(now: number): void {
    for (let n = 0; n < LOOKED_AT; n++) {
      lookedAt = rack.after(lookedAt);
      if (lookedAt !== 0 && rack.expiresAt(lookedAt) <= now) rack.remove(lookedAt);
    }
  }

  function wrote(expiresAt: number, now: number): void {
    quietUntil = Math.min(quietUntil, expiresAt);
    removeSomeExpired(now);
  }

  return {
    name: "memory",
    async read(id, call) {
      begin(call);
      const peg = find(id, call.now);
      if (peg === 0) return null;
      if (rack.movedTo(peg) !== null) return "moved";
      rack.use(peg);
      return rack.recordAt(peg);
    },

    async create(id, record, call) {
      begin(call);
      if (find(id, call.now) !== 0) return false;
      const expired = rack.find(id);
      if (expired !== 0) rack.remove(expired);
      rack.put(add(id, call.now), record);
      wrote(record.expiresAt, call.now);
      return true;
    },

    async update(id, record, expected, call) {
      begin(call);
      const found = findVersion(id, expected, call.now);
      if (typeof found !== "number") return found;
      rack.put(found, record);
      rack.use(found);
      wrote(record.expiresAt, call.now);
      return "saved";
    },

    async rotate(oldId, newId, record, expected, call) {
      begin(call);
      const found = findVersion(oldId, expected, call.now);
      if (typeof found !== "number") return found;
      if (rack.find(newId) !== 0)
        throw new Error("The session cannot move to an id that is taken. Make a new one.");
      const markEnds = call.now + MOVED_MARK_MS;
      rack.putMark(found, newId, markEnds);
      rack.put(add(newId, call.now), record);
      wrote(Math.min(record.expiresAt, markEnds), call.now);
      return "saved";
    },

    async touch(id, expiresAt, version, call) {
      begin(call);
      const found = findVersion(id, version, call.now);
      if (typeof found !== "number") return false;
      rack.prolong(found, Math.max(expiresAt, rack.expiresAt(found)));
      rack.use(found);
      return true;
    },

    async delete(id, call) {
      begin(call);
      const peg = find(id, call.now);
      if (peg === 0) return undefined;
      const movedTo = rack.movedTo(peg);
      if (movedTo !== null) return { movedTo };
      rack.remove(peg);
      return undefined;
    },

    async clearExpired(call) {
      begin(call);
      const expired: Peg[] = [];
      rack.forEach((peg) => {
        if (rack.expiresAt(peg) <= call.now) expired.push(peg);
      });
      expired.sort((a, b) => rack.expiresAt(a) - rack.expiresAt(b));
      const oldest = expired.slice(0, call.limit);
      for (const peg of oldest) rack.remove(peg);
      return oldest.length;
    },

    /** Looks at every session: that takes some milliseconds for 100,000, and an index would take memory. */
    async listUser(userId, call) {
      begin(call);
      const ids: StoreId[] = [];
      rack.forEach((peg) => {
        if (rack.userIdAt(peg) === userId && rack.expiresAt(peg) > call.now) ids.push(rack.idAt(peg));
      });
      return ids;
    },

    async stats(call) {
      begin(call);
      const stats = { live: 0, expired: 0, authenticated: 0, oldest: null as number | null, bytes: 0 };
      for (let peg = rack.after(0), n = 1; peg !== 0; peg = rack.after(peg), n++) {
        if (rack.expiresAt(peg) <= call.now) stats.expired++;
        else if (rack.movedTo(peg) === null) {
          const { data, userId, createdAt } = rack.recordAt(peg);
          stats.live++;
          stats.bytes += data.length;
          if (userId !== null) stats.authenticated++;
          stats.oldest = Math.min(stats.oldest ?? createdAt, createdAt);
        }
        if (n % COUNTED_AT_ONCE === 0) {
          await wait(0);
          signalOf(call).throwIfAborted();
          call.onStep?.();
        }
      }
      return stats;
    },
  };
}
