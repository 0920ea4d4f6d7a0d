/**
 * Sessions in a store, with copies in a faster one before it: Django's cached_db, without its stale reads.
 *
 *   cache  <id> → a copy: the record, and until when the copy counts (`cacheAge`)
 *          <id> → a blank: there is no copy, ask the store. It goes by itself after 60 s
 *   store  <id> → the record, which alone decides
 *
 *   read                a copy from the cache; else  blank · store.read · blank → copy
 *   create              blank · store.create · blank → copy
 *   update              copy → blank · store.update · blank → copy, or drop
 *   rotate              both ids as in update and create
 *   touch               store.touch · cache.touch, or drop
 *   delete              copy → blank · store.delete · drop
 *
 * The cache is written only by `create` and by compare-and-set. Each blank has a random version of its own. So only the call
 * that made a blank can replace it by a copy, and only while no other call has replaced or dropped it. A reader makes its
 * blank BEFORE it asks the store. If it is slow, and the session is written or deleted meanwhile, its blank is gone, and the
 * record that it has read cannot get into the cache. (A plain "create if absent" after the read would put that record back
 * as soon as the cache has evicted the mark of the delete.)
 *
 * Why a write that was answered leaves no older copy: after the store has changed, the writer either replaces its own blank,
 * and then no other call came between; or it drops whatever is there. Copies that come later replace blanks that were made
 * later, by calls that asked the store later. This holds for any order of servers, for blanks that are evicted at any moment
 * and for clocks that disagree. A writer that crashes leaves its blank, so that the store is asked; its write was not answered.
 *
 * When the cache fails, reads ask the store and creates go without a copy. Update, rotate and delete reject before they ask
 * the store, because the cache may come back with the old copy. A touch goes on: then the copy only ends too early.
 */

import { signalOf } from "../contract/call.ts";
import type { StoredRecord, StoreId } from "../contract/record.ts";
import { type Saved, type Store, type StoreCall, storedBy, type WriteOutcome } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { copyOf, type Entry, isBlank, newBlank, recordOf } from "./cached/copy.ts";
import { within } from "./calls/within.ts";

export interface CachedStoreOptions {
  /**
   * The store of the copies. All servers that share `store` must share the cache too: `memoryStore` is one only for a site
   * of one process.
   */
  readonly cache: Store;
  /** The store of the sessions. A change that is made past the cached store (by SQL, by a tool) is seen after `cacheAge`. */
  readonly store: Store;
  /** How long a copy counts before the store is asked again, seconds. Default is 300. */
  readonly cacheAge?: number;
  /** How long a read waits for the cache before it asks the store, seconds. Default is 0.5. */
  readonly cacheTimeout?: number;
}

/** A SQL store, whose table has to be created once. */
interface StoreWithTable extends Store {
  createTable(): Promise<void>;
}

export interface CachedStore extends Store {
  check: NonNullable<Store["check"]>;
  close: NonNullable<Store["close"]>;
  /** Creates the tables of `store` and `cache` where they are missing. Only there where one of the two has a table. */
  createTable?(): Promise<void>;
}

/**
 * A store with a cache before it: Django's cached_db. It keeps the promises of `store`. Throws a SettingsError for options that
 * cannot work.
 */
export function cachedStore(
  options: CachedStoreOptions & { readonly store: StoreWithTable },
): CachedStore & StoreWithTable;
export function cachedStore(options: CachedStoreOptions): CachedStore;
export function cachedStore({
  cache,
  store,
  cacheAge = 300,
  cacheTimeout = 0.5,
}: CachedStoreOptions): CachedStore {
  isStore("cache", cache);
  isStore("store", store);
  if (cache === store) throw new SettingsError("cache", "another store than the option store");
  if (cache.capabilities?.compareAndSet === false) {
    throw new SettingsError(
      "cache",
      "a store that compares and sets: with this one a deleted session could be read",
    );
  }
  isPositive("cacheAge", cacheAge);
  isPositive("cacheTimeout", cacheTimeout);

  const canClear = [cache, store].some((one) => one.clearExpired !== undefined);

  /** Asks the cache where the call can go on without it; undefined when the cache fails or is too late. */
  const tryCache = <T>(call: StoreCall, run: (call: StoreCall) => Promise<T>): Promise<T | undefined> =>
    within(cacheTimeout * 1000, call, run).catch(() => undefined);

  /** Removes the entry of the cache, where it can only be a blank or a true copy. */
  const drop = (id: StoreId, call: StoreCall) => tryCache(call, (call) => cache.delete(id, call));

  /** Replaces the entry that was seen by a blank, and resolves to its version; null where another call was first. */
  async function reserve(id: StoreId, seen: Entry | null, call: StoreCall): Promise<number | null> {
    const blank = newBlank(call.now);
    const isMine = await tryCache(call, async (call) =>
      seen === null
        ? await cache.create(id, blank, call)
        : (await cache.update(id, blank, seen.version, call)) === "saved",
    );
    return isMine ? blank.version : null;
  }

  /** Replaces any entry by a blank, and resolves to its version. Rejects when it cannot. */
  async function block(id: StoreId, call: StoreCall, guess?: number): Promise<number> {
    const blank = newBlank(call.now);
    try {
      for (let version = guess; ; ) {
        call.signal.throwIfAborted();
        if (version !== undefined && (await cache.update(id, blank, version, call)) === "saved") break;
        const seen = await cache.read(id, call);
        if (seen === "moved")
          throw new Error("The cache holds sessions of its own. It must hold nothing but copies.");
        version = seen?.version;
        if (seen !== null) continue;
        if (await cache.create(id, blank, call)) break;
        // An expired entry of the cache may be in the way.
        await cache.delete(id, call);
      }
    } catch (cause) {
      throw new Error(
        "The cache could not be told of the change, so nothing was changed: it might come back with the session as it was. " +
          "Look at the cache; the cause says what it answered.",
        { cause },
      );
    }
    return blank.version;
  }

  /** Replaces a blank by a copy. False where another call came between, or the cache has failed. */
  async function fill(id: StoreId, record: StoredRecord, blank: number, call: StoreCall): Promise<boolean> {
    const copy = copyOf(record, call.now + cacheAge * 1000);
    return (await tryCache(call, (call) => cache.update(id, copy, blank, call))) === "saved";
  }

  async function read(id: StoreId, call: StoreCall): Promise<StoredRecord | "moved" | null> {
    const seen = await tryCache(call, (call) => cache.read(id, call));
    // The cache has failed, or another call has a blank there and fills it.
    if (seen === undefined || seen === "moved" || (seen !== null && isBlank(seen))) {
      return await store.read(id, call);
    }
    const copied = seen === null ? null : recordOf(seen, call.now);
    if (copied !== null) return copied;

    const blank = await reserve(id, seen, call);
    const record = await store.read(id, call);
    if (blank !== null) {
      await (record === null || record === "moved" ? drop(id, call) : fill(id, record, blank, call));
    }
    return record;
  }

  async function create(id: StoreId, record: StoredRecord, call: StoreCall): Promise<boolean | Saved> {
    const blank = await reserve(id, null, call);
    const outcome = await store.create(id, record, call);
    const stored = storedBy(outcome, record);
    if (blank !== null) await (stored === null ? drop(id, call) : fill(id, stored, blank, call));
    return outcome;
  }

  async function update(id: StoreId, record: StoredRecord, expected: number, call: StoreCall) {
    const blank = await block(id, call, expected);
    const outcome = await store.update(id, record, expected, call);
    const stored = storedBy(outcome, record);
    if (stored === null) await drop(id, call);
    else if (!(await fill(id, stored, blank, call))) await cache.delete(id, call);
    return outcome;
  }

  async function rotate(
    oldId: StoreId,
    newId: StoreId,
    record: StoredRecord,
    expected: number,
    call: StoreCall,
  ): Promise<WriteOutcome> {
    const [, blank] = await Promise.all([block(oldId, call, expected), reserve(newId, null, call)]);
    const outcome = await store.rotate(oldId, newId, record, expected, call);
    const stored = storedBy(outcome, record);
    await Promise.all([
      stored === null ? drop(oldId, call) : cache.delete(oldId, call),
      blank !== null && (stored === null ? drop(newId, call) : fill(newId, stored, blank, call)),
    ]);
    return outcome;
  }

  async function touch(id: StoreId, expiresAt: number, version: number, call: StoreCall): Promise<boolean> {
    const isTouched = await store.touch(id, expiresAt, version, call);
    const isCopyTouched =
      isTouched && (await tryCache(call, (call) => cache.touch(id, expiresAt, version, call)));
    if (!isCopyTouched) await drop(id, call);
    return isTouched;
  }

  async function remove(id: StoreId, call: StoreCall) {
    await block(id, call);
    const moved = await store.delete(id, call);
    await cache.delete(id, call);
    return moved;
  }

  async function clearExpired(call: StoreCall & { readonly limit: number }): Promise<number> {
    const cleared = (await store.clearExpired?.(call)) ?? 0;
    // Expired entries of the cache are no sessions: they go with the last batch, and are not counted.
    if (cleared < call.limit && cache.clearExpired !== undefined) {
      const clear = (quick: StoreCall) =>
        cache.clearExpired?.({ ...quick, limit: call.limit }) ?? Promise.resolve(0);
      for (let removed: number | undefined = call.limit; removed === call.limit; )
        removed = await tryCache(call, clear);
    }
    return cleared;
  }

  /** Rejects when the cache cannot take a blank. It may evict what it likes, so its own `check` would ask too much of it. */
  async function checkCache(call: StoreCall): Promise<void> {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;
    await cache.create(id, newBlank(call.now), call);
    await cache.delete(id, call);
  }

  function begin<T>(call: StoreCall, work: () => Promise<T>): Promise<T> {
    const signal = signalOf(call);
    return signal.aborted ? Promise.reject(signal.reason) : work();
  }

  const made: CachedStore = {
    name: "cached",
    capabilities: { ...store.capabilities, expiresNatively: !canClear },
    read: (id, call) => begin(call, () => read(id, call)),
    create: (id, record, call) => begin(call, () => create(id, record, call)),
    update: (id, record, expected, call) => begin(call, () => update(id, record, expected, call)),
    rotate: (oldId, newId, record, expected, call) =>
      begin(call, () => rotate(oldId, newId, record, expected, call)),
    touch: (id, expiresAt, version, call) => begin(call, () => touch(id, expiresAt, version, call)),
    delete: (id, call) => begin(call, () => remove(id, call)),
    check: (call) =>
      begin(call, async () => {
        await store.check?.(call);
        await checkCache(call);
      }),
    async close() {
      await Promise.all([cache.close?.(), store.close?.()]);
    },
  };
  if (canClear) made.clearExpired = (call) => begin(call, () => clearExpired(call));
  // The cache has no part in these. They are there where the store has them.
  if (store.listUser) made.listUser = (...given) => (store as Required<Store>).listUser(...given);
  const tables = [store, cache].filter((one): one is StoreWithTable => "createTable" in one);
  if (tables.length > 0) {
    made.createTable = async () => {
      for (const one of tables) await one.createTable();
    };
  }
  if (store.stats) made.stats = (...given) => (store as Required<Store>).stats(...given);
  return made;
}

function isStore(option: string, given: Store): void {
  if (typeof given?.read !== "function" || (given.ticket?.kind ?? "keyed") !== "keyed") {
    throw new SettingsError(option, "a store on the server, such as redisStore or postgresStore makes");
  }
  if (given.capabilities?.encryptsData) {
    throw new SettingsError(
      option,
      "a store that does not encrypt: the copies would not be encrypted. Put the cache inside: " +
        "encryptedStore({ store: cachedStore({ cache, store }), secrets })",
    );
  }
}

function isPositive(option: string, seconds: number): void {
  if (!(typeof seconds === "number" && seconds > 0)) {
    throw new SettingsError(option, "a number of seconds above 0", seconds);
  }
}
