/**
 * Sessions in any storage that unstorage has a driver for. Each session is one item of JSON:
 *
 *   coatcheck:<id>      { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format }
 *   coatcheck:<old id>  { movedTo, expiresAt }          the mark of a session that was rotated
 *
 * unstorage can read and write, but not compare and set. So this store keeps its promises within one process, where calls on
 * one session run one after the other. Of two servers that write one session at once, one can lose its change, and a slow
 * write can bring back a session that the other deleted. The store says so (`compareAndSet: false`), and the core warns.
 *
 * A rotation writes the new record before the mark. After a crash in between the old session goes on, and no browser has the
 * key of the new one. A delete first writes a record that is over, because some drivers do not tell when they cannot remove.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import {
  MOVED_MARK_MS,
  type Moved,
  type StatsCall,
  type Store,
  type StoreCall,
  type StoreStats,
  type WriteOutcome,
} from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { PerKeyQueue } from "./calls/per-key-queue.ts";
import { untilAborted } from "./calls/until-aborted.ts";

/** The part of a `Storage` of unstorage that the store uses. */
export interface UnstorageStorage {
  getItem(key: string): Promise<unknown>;
  setItem(key: string, value: Readonly<Record<string, unknown>>, options: { ttl: number }): Promise<void>;
  removeItem(key: string): Promise<void>;
  getKeys(base: string): Promise<string[]>;
}

export interface UnstorageStoreOptions {
  /** Your own storage, from `createStorage`. The store never disposes of it. */
  readonly storage: UnstorageStorage;
  /** The text before every key: letters, digits, `_`, `-` and `:`. Default is `coatcheck:`. */
  readonly prefix?: string;
}

export interface UnstorageStore extends Store {
  clearExpired: NonNullable<Store["clearExpired"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
}

/** How many items are read at once when all are looked at. */
const AT_ONCE = 32;

/** How many expired items one look at all items remembers, so that the next batches need not look again. */
const REMEMBERED = 10_000;

/** How often an item that cannot be read is tried: another process may be in the middle of writing it. */
const TRIES = 4;

/**
 * A store in a storage of unstorage, with any driver. It keeps no index of users, so `listUserSessions` and `revokeUser` do
 * not work on it: the list of keys that a driver gives need not be complete. Throws a SettingsError for options that cannot work.
 */
export function unstorageStore({ storage, prefix = "coatcheck:" }: UnstorageStoreOptions): UnstorageStore {
  const words = ["getItem", "setItem", "removeItem", "getKeys"] as const;
  if (!words.every((word) => typeof storage?.[word] === "function")) {
    throw new SettingsError("storage", "a storage of unstorage");
  }
  if (typeof prefix !== "string" || !/^(\w[\w:-]*)?$/.test(prefix)) {
    throw new SettingsError("prefix", "letters, digits, _, - and :", prefix);
  }
  const queue = new PerKeyQueue();
  let expired: Aged[] = [];

  const keyOf = (id: StoreId) => prefix + id;

  async function load(id: StoreId, { signal }: Pick<StoreCall, "signal">): Promise<Item | null> {
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      const value = await storage.getItem(keyOf(id));
      // The driver of the file system returns some of its faults as values.
      if (value instanceof Error) throw value;
      if (value === null || value === undefined) return null;
      if (isItem(value)) return value;
      // The item stays half written, so its writer died. It is no session any more.
      if (tries === TRIES) return { movedTo: null, expiresAt: 0 };
      await sleep(10 * tries, undefined, { signal });
    }
  }

  async function save(id: StoreId, item: Item, { signal, now }: StoreCall): Promise<void> {
    signal.throwIfAborted();
    const ttl = Math.max(1, Math.ceil((item.expiresAt - now) / 1000) + 1);
    await storage.setItem(keyOf(id), { ...item }, { ttl });
  }

  /** Finds the live record or the mark under an id. */
  async function find(id: StoreId, call: StoreCall): Promise<StoredRecord | Moved | null> {
    const item = await load(id, call);
    if (item === null || item.expiresAt <= call.now) return null;
    if (!("movedTo" in item)) return item;
    return item.movedTo === null ? null : { movedTo: item.movedTo };
  }

  /** Runs `write` on the live record if it has the expected version; otherwise answers what is there. */
  async function change(
    id: StoreId,
    expected: number,
    call: StoreCall,
    write: (record: StoredRecord) => Promise<void>,
  ): Promise<WriteOutcome> {
    const found = await find(id, call);
    if (found === null) return "gone";
    if ("movedTo" in found) return { movedTo: found.movedTo };
    if (found.version !== expected) return "conflict";
    await write(found);
    return "saved";
  }

  async function remove(id: StoreId, call: StoreCall): Promise<void> {
    await save(id, { movedTo: null, expiresAt: 0 }, call);
    await storage.removeItem(keyOf(id));
  }

  /** Runs the calls on one session one after the other. A call rejects as soon as its signal aborts; its work is waited for. */
  async function inOrder<T>(id: StoreId, call: StoreCall, work: () => Promise<T>): Promise<T> {
    const { signal } = call;
    signal.throwIfAborted();
    const done = queue.run(id, async () => {
      signal.throwIfAborted();
      return await work();
    });
    return await untilAborted(signal, done);
  }

  /** Calls `see` with every item. */
  async function lookAtAll(call: StatsCall, see: (id: StoreId, item: Item) => void): Promise<void> {
    const keys = await untilAborted(call.signal, storage.getKeys(prefix));
    const ids = keys.map((key) => key.slice(prefix.length)).filter(isStoreId);
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      call.signal.throwIfAborted();
      const some = ids.slice(at, at + AT_ONCE);
      const items = await untilAborted(call.signal, Promise.all(some.map((id) => load(id, call))));
      for (const [n, item] of items.entries()) if (item !== null) see(some[n] as StoreId, item);
      call.onStep?.();
    }
  }

  /** Looks for expired items and remembers the oldest of them. True when it could remember all. */
  async function findExpired(call: StoreCall): Promise<boolean> {
    let found: Aged[] = [];
    let isAll = true;
    const keepOldest = () => {
      if (found.length > REMEMBERED) isAll = false;
      found = found.sort((a, b) => a.expiresAt - b.expiresAt).slice(0, REMEMBERED);
    };
    await lookAtAll(call, (id, { expiresAt }) => {
      if (expiresAt <= call.now) found.push({ id, expiresAt });
      if (found.length >= 2 * REMEMBERED) keepOldest();
    });
    keepOldest();
    expired = found;
    return isAll;
  }

  /** Removes an item if it has expired. True when it did. */
  async function clear(id: StoreId, call: StoreCall): Promise<boolean> {
    const item = await load(id, call);
    if (item === null || item.expiresAt > call.now) return false;
    await storage.removeItem(keyOf(id));
    if ((await storage.getItem(keyOf(id))) === null) return true;
    throw new Error(
      "The driver of unstorage did not remove an expired session. Look at what it may write to.",
    );
  }

  return {
    name: "unstorage",
    capabilities: { compareAndSet: false },

    read: (id, call) =>
      inOrder(id, call, async () => {
        const found = await find(id, call);
        return found !== null && "movedTo" in found ? "moved" : found;
      }),

    create: (id, record, call) =>
      inOrder(id, call, async () => {
        if ((await find(id, call)) !== null) return false;
        await save(id, record, call);
        return true;
      }),

    update: (id, record, expected, call) =>
      inOrder(id, call, () => change(id, expected, call, () => save(id, record, call))),

    rotate: (oldId, newId, record, expected, call) =>
      inOrder(oldId, call, () =>
        change(oldId, expected, call, async () => {
          await save(newId, record, call);
          await save(oldId, { movedTo: newId, expiresAt: call.now + MOVED_MARK_MS }, call);
        }),
      ),

    touch: (id, expiresAt, version, call) =>
      inOrder(id, call, async () => {
        const outcome = await change(id, version, call, async (record) => {
          if (expiresAt > record.expiresAt) await save(id, { ...record, expiresAt }, call);
        });
        return outcome === "saved";
      }),

    delete: (id, call) =>
      inOrder(id, call, async () => {
        const found = await find(id, call);
        if (found === null) return undefined;
        if ("movedTo" in found) return found;
        await remove(id, call);
        return undefined;
      }),

    async clearExpired(call) {
      call.signal.throwIfAborted();
      let cleared = 0;
      for (let isAll = false; cleared < call.limit; ) {
        if (expired.length === 0) {
          if (isAll) break;
          isAll = await findExpired(call);
        }
        const some = expired.splice(0, Math.min(AT_ONCE, call.limit - cleared));
        const gone = await Promise.all(some.map(({ id }) => inOrder(id, call, () => clear(id, call))));
        cleared += gone.filter(Boolean).length;
      }
      return cleared;
    },

    /** Reads every session: for a command, not for a page. */
    async stats(call) {
      call.signal.throwIfAborted();
      const stats = { live: 0, expired: 0, authenticated: 0, oldest: null as number | null, bytes: 0 };
      await lookAtAll(call, (_id, item) => {
        if (item.expiresAt <= call.now) stats.expired++;
        else if (!("movedTo" in item)) {
          stats.live++;
          stats.bytes += Buffer.byteLength(item.data);
          if (item.userId !== null) stats.authenticated++;
          stats.oldest = Math.min(stats.oldest ?? item.createdAt, item.createdAt);
        }
      });
      return stats satisfies StoreStats;
    },

    async check(call) {
      call.signal.throwIfAborted();
      const key = `${prefix}check`;
      const work = async () => {
        await storage.setItem(key, { expiresAt: 0 }, { ttl: 60 });
        await storage.removeItem(key);
      };
      await untilAborted(call.signal, work());
    },
  };
}

interface Aged {
  readonly id: StoreId;
  readonly expiresAt: number;
}

type Item = StoredRecord | { readonly movedTo: StoreId | null; readonly expiresAt: number };

function isItem(value: unknown): value is Item {
  const item = value as Partial<StoredRecord> & { movedTo?: unknown };
  if (typeof item !== "object" || typeof item.expiresAt !== "number") return false;
  return "movedTo" in item ? item.movedTo === null || isStoreId(item.movedTo) : typeof item.data === "string";
}
