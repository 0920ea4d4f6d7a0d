/**
 * Sessions in memcached: fast, and forgetful. Memcached drops what it has no room for, and everything when it restarts.
 *
 * A session is one key. Its value is a line and, after it, the data:
 *
 *   coatcheck:<id>      r [format, version, expiresAt, createdAt, authenticatedAt, expiry, userId]\n<data>
 *   coatcheck:<old id>  m <until> <new id>              the mark of a session that was rotated
 *
 * A read is `gets`. A write is `gets`, then `cas` with the token that `gets` gave, so that it replaces only the value that was
 * seen. A delete is such a `cas` too, with a life that is over: a plain `delete` could remove the mark of a rotation that came
 * in between, and the rotated session would outlive the logout.
 *
 * A rotation has three steps, because memcached cannot change two keys in one:
 *   1. `add` of "p <old id> [...]\n<data>", a pending record, under the new id. It is no session, and goes after two minutes.
 *   2. `cas` of the mark over the old record. This step decides.
 *   3. `cas` of "r ..." over the pending record.
 * A call that meets a pending record looks at the old id. If a mark there names the new id, step 2 was done, and the call does
 * step 3; otherwise the record counts as absent. So after a crash between 1 and 2 the old session goes on and the new one
 * never was; after a crash between 2 and 3 the new one lives, if it is asked for while the mark is there. At no time are both
 * sessions. Where memcached drops one of the two keys early, a session is lost; none comes back.
 *
 * `now` alone decides whether a session has expired; the server only removes what has expired anyway.
 */

import { signalOf } from "../contract/call.ts";
import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import {
  MOVED_MARK_MS,
  type Moved,
  type Saved,
  type Store,
  type StoreCall,
  type WriteOutcome,
} from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { warn } from "../warn.ts";
import { type MemcachedClient, memcachedBy, type TokenValue } from "./memcached/client.ts";

export type { MemcachedClient } from "./memcached/client.ts";

export interface MemcachedStoreOptions {
  /** Your own `MemcacheClient` of memcache-client, for one server. The store never shuts it down. */
  readonly client: MemcachedClient;
  /** The text before every key. Two sites on one server need two. Default is `coatcheck:`. */
  readonly prefix?: string;
}

export interface MemcachedStore extends Store {
  check: NonNullable<Store["check"]>;
}

/** How long a rotation that was cut short can still be finished: longer than the mark lives that proves it. */
const PENDING_MS = 2 * MOVED_MARK_MS;

/** The longest life that memcached takes for a number of seconds; it takes a larger number for a Unix time. */
const THIRTY_DAYS = 30 * 24 * 3600;

/** The life of a value that goes at once. */
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

  async function look(id: StoreId, call: StoreCall): Promise<(TokenValue & { entry: Entry }) | null> {
    const seen = await memcached.gets(keyOf(id), signalOf(call));
    return seen && { ...seen, entry: decode(seen.value) };
  }

  /** Finds the live record or the mark under an id. Finishes a rotation that was decided and cut short. */
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
      if (await memcached.cas(keyOf(id), encode(record), life, seen.token, signalOf(call))) return true;
    }
  }

  /** Replaces the live record by what `next` makes of it: a value and its life, or null to leave the record as it is. */
  async function replace(
    id: StoreId,
    expected: number | "any",
    call: StoreCall,
    next: (record: StoredRecord) => readonly [value: string, lifetime: number] | null,
  ): Promise<Exclude<WriteOutcome, Saved>> {
    for (;;) {
      const found = await find(id, call);
      if (found === null) return "gone";
      if ("movedTo" in found) return { movedTo: found.movedTo };
      if (expected !== "any" && found.record.version !== expected) return "conflict";
      const written = next(found.record);
      if (written === null || (await memcached.cas(keyOf(id), ...written, found.token, signalOf(call))))
        return "saved";
      // Another call has changed it meanwhile: look again.
    }
  }

  return {
    name: "memcached",
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
        signalOf(call),
      );
    },

    async update(id, record, expected, call) {
      return await replace(id, expected, call, () => [encode(record), lifetime(record.expiresAt - call.now)]);
    },

    async rotate(oldId, newId, record, expected, call) {
      const pending = encode(record, oldId);
      if (!(await memcached.add(keyOf(newId), pending, lifetime(PENDING_MS), signalOf(call)))) {
        // This very rotation has taken it where its answer was lost and it is asked for again: then the old id has moved.
        return await replace(oldId, expected, call, () => {
          throw new Error("The session cannot move to an id that is taken. Make a new one.");
        });
      }
      const mark = `m ${call.now + MOVED_MARK_MS} ${newId}`;
      const outcome = await replace(oldId, expected, call, () => [mark, lifetime(MOVED_MARK_MS)]);
      if (outcome === "saved") return (await arrive(newId, record, call)) ? "saved" : "gone";
      // Without a mark the pending record is no session. If this fails, memcached removes it in time.
      const seen = await look(newId, call).catch(() => null);
      if (seen !== null)
        await memcached.cas(keyOf(newId), "", OVER, seen.token, signalOf(call)).catch(() => {});
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

    async check(call) {
      const signal = signalOf(call);
      await memcached.gets(`${prefix}check`, signal);
      const evicted = Number((await memcached.stats(signal)).get("evictions") ?? 0);
      if (evicted > 0) {
        warn(
          "COATCHECK_MEMCACHED_EVICTION",
          `Memcached has thrown out ${evicted} items for want of room: if those were sessions, their users were signed out. ` +
            "Give it more memory (-m), and sessions a server of their own.",
        );
      }
    },
  };
}

type Entry =
  | { readonly kind: "record"; readonly record: StoredRecord }
  | { readonly kind: "pending"; readonly record: StoredRecord; readonly from: StoreId }
  | { readonly kind: "moved"; readonly until: number; readonly to: StoreId };

type Found = Moved | { readonly record: StoredRecord; readonly token: string };

/** The value of a record; with `from`, that of a pending one. */
function encode(record: StoredRecord, from?: StoreId): string {
  const { data, format, version, expiresAt, createdAt, authenticatedAt, expiry, userId } = record;
  const line = JSON.stringify([format, version, expiresAt, createdAt, authenticatedAt, expiry, userId]);
  return `${from === undefined ? "r" : `p ${from}`} ${line}\n${data}`;
}

function decode(value: string): Entry {
  const end = value.indexOf("\n");
  const [, kind, first, rest] =
    /^([rpm]) (?:(\w+) )?(.+)$/s.exec(end === -1 ? value : value.slice(0, end)) ?? [];
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

/** A life as memcached takes it: seconds, beyond thirty days a Unix time, and 0 (no end) where that exceeds 32 bits. */
function lifetime(milliseconds: number): number {
  // The clock of memcached ticks once a second, so a life ends up to a second early.
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000) + 1);
  if (seconds <= THIRTY_DAYS) return seconds;
  const end = Math.floor(Date.now() / 1000) + seconds;
  return end < 2 ** 31 ? end : 0;
}
