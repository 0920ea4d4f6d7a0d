/**
 * Sessions in memcached: fast, and forgetful. Memcached drops what it has no room for, and everything when it restarts.
 *
 * A session is one key. Its value is a line and, after it, the data:
 *
 *   coatcheck:<id>      r [format, version, expiresAt, createdAt, authenticatedAt, expiry, userId]\n<data>
 *   coatcheck:<old id>  m <until> <new id>              the mark of a session that was rotated
 *
 * A read is `gets`; every write is `gets`, then `cas` with the token that came with it, so nothing is written that was not
 * looked at. A delete is such a `cas` too, with a life that is over: a plain `delete` could remove the mark of a rotation
 * that came in between, and its session would outlive the logout.
 *
 * A rotation has three steps, as the keys may not share one:
 *   1. `add` of "p <old id> [...]\n<data>", a pending record, under the new id. It is no session, and goes after two minutes.
 *   2. `cas` of the mark over the old record. This decides.
 *   3. `cas` of "r ..." over the pending record.
 * Whoever meets a pending record looks at the old id: where a mark names the new one, step 2 was done, and step 3 is done
 * for the one that did not come to it; else the record is absent. So after a crash between 1 and 2 the old session goes on
 * and the new one never was; between 2 and 3 the new one lives, if it is asked for while the mark is there. At no time are
 * both sessions. Where memcached drops one of the two keys early, what is lost is a session; none comes back.
 *
 * Whether a session has expired is decided by `now` alone; the server only removes what has expired anyway.
 */

import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import {
  MOVED_MARK_MS,
  type Moved,
  type Store,
  type StoreCall,
  type WriteOutcome,
} from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { type MemcachedClient, memcachedBy, type Seen } from "./memcached/client.ts";

export type { MemcachedClient } from "./memcached/client.ts";

export interface MemcachedStoreOptions {
  /** A `MemcacheClient` of memcache-client, for one server. It stays yours: the store never shuts it down. */
  readonly client: MemcachedClient;
  /** Before every key. Two sites on one server need two. Default is `coatcheck:`. */
  readonly prefix?: string;
}

export interface MemcachedStore extends Store {
  check: NonNullable<Store["check"]>;
}

/** How long a rotation that was cut short can still be finished: the life of the mark that proves it, and some. */
const PENDING_MS = 2 * MOVED_MARK_MS;

/** Beyond this memcached takes a life for a Unix time. */
const THIRTY_DAYS = 30 * 24 * 3600;

/** A life that is over before it begins. */
const OVER = -1;

/**
 * A store in memcached, with your own client of memcache-client. It keeps no index of users, so `listUserSessions` and
 * `revokeUser` do not work on it. Throws a SettingsError for options that cannot work.
 */
export function memcachedStore({ client, prefix = "coatcheck:" }: MemcachedStoreOptions): MemcachedStore {
  const memcached = memcachedBy(client);
  if (typeof prefix !== "string" || !/^[!-~]{0,186}$/.test(prefix)) {
    throw new SettingsError(
      "prefix",
      "at most 186 visible ASCII characters, as a key of memcached has 250 and an id takes 64",
      prefix,
    );
  }
  const keyOf = (id: StoreId) => prefix + id;

  async function look(id: StoreId, { signal }: StoreCall): Promise<(Seen & { entry: Entry }) | null> {
    const seen = await memcached.gets(keyOf(id), signal);
    return seen && { ...seen, entry: decode(seen.value) };
  }

  /** The live record or the mark under an id. Finishes a rotation that was decided and cut short. */
  async function find(id: StoreId, call: StoreCall): Promise<Found | null> {
    for (;;) {
      const seen = await look(id, call);
      if (seen === null) return null;
      const { entry, token } = seen;
      if (entry.kind === "moved") return entry.until > call.now ? { movedTo: entry.to } : null;
      if (entry.record.expiresAt <= call.now) return null;
      if (entry.kind === "record") return { record: entry.record, token };
      const old = (await look(entry.from, call))?.entry;
      if (old?.kind !== "moved" || old.to !== id) return null;
      await arrive(id, entry.record, call);
    }
  }

  /** The last step of a rotation. False when the record is gone. */
  async function arrive(id: StoreId, record: StoredRecord, call: StoreCall): Promise<boolean> {
    for (;;) {
      const seen = await look(id, call);
      if (seen === null) return false;
      if (seen.entry.kind !== "pending") return true;
      const life = lifetime(record.expiresAt - call.now);
      if (await memcached.cas(keyOf(id), encode(record), life, seen.token, call.signal)) return true;
    }
  }

  /** Writes over the live record what `next` makes of it: a value and its life, or nothing to leave it as it is. */
  async function replace(
    id: StoreId,
    expected: number | "any",
    call: StoreCall,
    next: (record: StoredRecord) => readonly [value: string, lifetime: number] | null,
  ): Promise<WriteOutcome> {
    for (;;) {
      const found = await find(id, call);
      if (found === null) return "gone";
      if ("movedTo" in found) return { movedTo: found.movedTo };
      if (expected !== "any" && found.record.version !== expected) return "conflict";
      const written = next(found.record);
      if (written === null || (await memcached.cas(keyOf(id), ...written, found.token, call.signal)))
        return "saved";
      // Somebody was quicker: look again.
    }
  }

  return {
    capabilities: { expiresNatively: true },

    async read(id, call) {
      const found = await find(id, call);
      if (found === null) return null;
      return "movedTo" in found ? "moved" : found.record;
    },

    async create(id, record, call) {
      return await memcached.add(
        keyOf(id),
        encode(record),
        lifetime(record.expiresAt - call.now),
        call.signal,
      );
    },

    async update(id, record, expected, call) {
      return await replace(id, expected, call, () => [encode(record), lifetime(record.expiresAt - call.now)]);
    },

    async rotate(oldId, newId, record, expected, call) {
      const pending = encode(record, oldId);
      if (!(await memcached.add(keyOf(newId), pending, lifetime(PENDING_MS), call.signal))) {
        // Taken by this very rotation, where it is asked for again because its answer was lost.
        return await replace(oldId, expected, call, () => {
          throw new Error("The session cannot move to an id that is taken. Make a new one.");
        });
      }
      const mark = `m ${call.now + MOVED_MARK_MS} ${newId}`;
      const outcome = await replace(oldId, expected, call, () => [mark, lifetime(MOVED_MARK_MS)]);
      if (outcome === "saved") return (await arrive(newId, record, call)) ? "saved" : "gone";
      // It is nothing to anybody, and goes by itself if this fails.
      const seen = await look(newId, call).catch(() => null);
      if (seen !== null) await memcached.cas(keyOf(newId), "", OVER, seen.token, call.signal).catch(() => {});
      return outcome;
    },

    async touch(id, expiresAt, version, call) {
      const outcome = await replace(id, version, call, (record) =>
        expiresAt <= record.expiresAt
          ? null
          : [encode({ ...record, expiresAt }), lifetime(expiresAt - call.now)],
      );
      return outcome === "saved";
    },

    async delete(id, call) {
      const outcome = await replace(id, "any", call, () => ["", OVER]);
      return typeof outcome === "object" ? outcome : undefined;
    },

    async check({ signal }) {
      await memcached.gets(`${prefix}check`, signal);
      const evicted = Number((await memcached.stats(signal)).get("evictions") ?? 0);
      if (evicted > 0) warn(evicted);
    },
  };
}

type Entry =
  | { readonly kind: "record"; readonly record: StoredRecord }
  | { readonly kind: "pending"; readonly record: StoredRecord; readonly from: StoreId }
  | { readonly kind: "moved"; readonly until: number; readonly to: StoreId };

type Found = Moved | { readonly record: StoredRecord; readonly token: string };

/** A record as it is stored; with `from`, as one that is pending. */
function encode(record: StoredRecord, from?: StoreId): string {
  const { data, format, version, expiresAt, createdAt, authenticatedAt, expiry, userId } = record;
  const line = JSON.stringify([format, version, expiresAt, createdAt, authenticatedAt, expiry, userId]);
  return `${from === undefined ? "r" : `p ${from}`} ${line}\n${data}`;
}

function decode(value: string): Entry {
  const end = value.indexOf("\n");
  const [, kind, first, rest] =
    /^([rpm]) (?:(\w+) )?(.+)$/.exec(end === -1 ? value : value.slice(0, end)) ?? [];
  if (kind === "m" && isStoreId(rest)) return { kind: "moved", until: Number(first), to: rest };
  if (rest === undefined || end === -1) {
    throw new Error(
      "Memcached has something else under a session's key: another program uses the same prefix.",
    );
  }
  const [format, version, expiresAt, createdAt, authenticatedAt, expiry, userId] = JSON.parse(rest);
  const data = value.slice(end + 1);
  const record = { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format };
  return isStoreId(first) ? { kind: "pending", record, from: first } : { kind: "record", record };
}

/** A life as memcached reads it: seconds, beyond thirty days a Unix time, and 0 (no end) where 32 bits cannot say it. */
function lifetime(milliseconds: number): number {
  // Its clock ticks once a second, so it ends a life up to a second early.
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000) + 1);
  if (seconds <= THIRTY_DAYS) return seconds;
  const end = Math.floor(Date.now() / 1000) + seconds;
  return end < 2 ** 31 ? end : 0;
}

function warn(evicted: number): void {
  globalThis.process?.emitWarning?.(
    `Memcached has thrown out ${evicted} items for want of room: users were signed out, if those were sessions. Give it more ` +
      "memory (-m), and sessions a server of their own.",
    { type: "CoatcheckWarning", code: "COATCHECK_MEMCACHED_EVICTION" },
  );
}
