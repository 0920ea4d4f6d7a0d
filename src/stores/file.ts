/**
 * Sessions in files: one folder, several processes of one machine, no database.
 *
 *   sessions/3f/3fa9…/                            a session: the folder's name is the id
 *     live_<version>_<expiresAt>_9c01f2ab55de0417   an empty file; its name is the state, and names the record
 *     9c01f2ab55de0417.json                         {"data":"…","userId":…,…}, written once and never changed
 *   sessions/81/81d4…/
 *     moved_3fa9…_<until>                           the mark of a session that was rotated
 *   unfinished/3fa9…_9c01f2ab55de0417/              a new session: made here, whole, then renamed to its place in sessions/
 *   users/e0/e0c3…/3fa9…                            an empty file: the user with this SHA-256 has that session
 *   ends/000002945376/0001767225600000_3fa9…        an empty file: that session ends at this moment or later
 *
 * Node has no flock, and a lock file outlives its owner or is broken while its owner sleeps. So there are no locks. A writer
 * writes the new record beside the old one and then renames the state file, from the very name that it read to the new one.
 * The kernel lets only one rename of a name succeed, and a name never comes back: that is the compare-and-set. `touch` is a
 * rename too; `delete` and the sweep remove the state file by its name. So of any two of these one wins and the other finds
 * nothing to rename or remove. `create` renames a whole folder to its place, which the kernel refuses where a folder with
 * something in it is there already.
 * A reader lists the folder, and opens the record that the state names. When that record is gone, the state has changed, and
 * the reader looks again. A writer that is killed leaves the old state or the new one, and at most a record that no state
 * names. That record goes with the next write or with the session.
 *
 * A rotation prepares the new folder with a state that is no session yet, pending_<version>_<expiresAt>_<record>_<old id>.
 * Then it renames the old live_… to moved_…, and this step decides. Then it renames pending_… to live_…. A call that meets a
 * pending state looks for the mark: if the mark names this id, the call finishes the rotation; otherwise there is no session.
 *
 * An entry of users/ or ends/ is made before its session, and removed after it. So an entry may name a session that is gone,
 * and a session always has its entry. The sweep looks at the entries of ends/ whose time has come; for a session that was
 * prolonged it makes a new entry.
 */
import { resolve } from "node:path";
import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import {
  MOVED_MARK_MS,
  type StatsCall,
  type Store,
  type StoreCall,
  type StoreStats,
  type WriteOutcome,
} from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { warn } from "../warn.ts";
import { prepare, probe } from "./file/disk.ts";
import { type Folder, Folders } from "./file/folders.ts";
import { type Live, liveName, movedName, pendingName } from "./file/names.ts";
import { type Due, Registers } from "./file/registers.ts";

export interface FileStoreOptions {
  /**
   * `"normal"`, the default, loses nothing when the process crashes, but a power cut may end the sessions that were written
   * in the last half minute, and undo a logout. `"full"` waits for the disk at each write, and loses nothing then either.
   */
  readonly synchronous?: "normal" | "full";
}

export interface FileStore extends Store {
  clearExpired: NonNullable<Store["clearExpired"]>;
  listUser: NonNullable<Store["listUser"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
}

const FOLDERS = ["sessions", "users", "ends", "unfinished"];

/** How long a rotation may take, milliseconds. The sweep removes one that is not decided by then. */
const PENDING_MS = 2 * MOVED_MARK_MS;

/** How long a folder without a live state is taken for the work of a writer that still runs, milliseconds. */
const UNFINISHED_MS = 60_000;

/** How many sessions a sweep or a count looks at at once. */
const AT_ONCE = 16;

/**
 * A store in a folder. The first call makes the folder where it is missing; the one above must exist. Only its owner may read
 * what is in it. Several processes of one machine may share it. Throws a SettingsError for options that cannot work.
 */
export function fileStore(directory: string, { synchronous = "normal" }: FileStoreOptions = {}): FileStore {
  if (typeof directory !== "string" || directory === "") {
    throw new SettingsError("store", "fileStore with the path of a folder");
  }
  if (!["normal", "full"].includes(synchronous)) throw new SettingsError("synchronous", '"normal" or "full"');
  const root = resolve(directory);
  const registers = new Registers(root, synchronous === "full");
  const folders = new Folders(root, registers, synchronous === "full");
  let ready: Promise<void> | undefined;
  let isDamageTold = false;

  /** Makes the folders, once. A folder that goes away later may be on a disk that is not mounted: it is not made again. */
  async function begin({ signal }: StoreCall, ...ids: StoreId[]): Promise<void> {
    signal.throwIfAborted();
    if (!ids.every(isStoreId)) throw new TypeError("A session id is 64 lower-case hexadecimal digits.");
    ready ??= prepare(root, FOLDERS);
    try {
      await ready;
    } catch (error) {
      ready = undefined;
      throw error;
    }
    signal.throwIfAborted();
  }

  function tellDamage(): null {
    if (!isDamageTold) {
      isDamageTold = true;
      warn(
        "COATCHECK_FILE_STORE_DAMAGED",
        `A session in ${root} is damaged, as after a power cut, and counts as ended. With synchronous: "full" none would be.`,
      );
    }
    return null;
  }

  async function read(id: StoreId, { now }: StoreCall): Promise<StoredRecord | "moved" | null> {
    for (let before = ""; ; ) {
      const { state } = await folders.find(id);
      if (state === undefined || state.kind === "pending" || state.expiresAt <= now) return null;
      if (state.kind === "moved") return "moved";
      const record = await folders.record(id, state);
      if (record !== undefined) return record ?? tellDamage();
      // The state is as before, so no writer has replaced the record: it is missing.
      if (state.name === before) return tellDamage();
      before = state.name;
    }
  }

  async function create(id: StoreId, record: StoredRecord, { signal }: StoreCall): Promise<boolean> {
    await registers.schedule({ id, moment: record.expiresAt });
    return await folders.open(id, record, (content) => liveName(record, content), signal);
  }

  async function update(id: StoreId, record: StoredRecord, expected: number, call: StoreCall) {
    for (;;) {
      const folder = await folders.find(id);
      const state = writable(folder, expected, call.now);
      if (!isLive(state)) return state;
      if (record.expiresAt < state.expiresAt) await registers.schedule({ id, moment: record.expiresAt });
      const content = await folders.put(id, record);
      if (content === null) continue;
      let isSaved = false;
      try {
        call.signal.throwIfAborted();
        isSaved = await folders.swap(id, state, liveName(record, content));
      } finally {
        // The other records belong to writers that read this state or an earlier one, and so can no longer win.
        await quietly(isSaved ? folders.removeRecords(id, folder.names) : folders.takeBack(id, content));
      }
      if (isSaved) return "saved";
    }
  }

  async function rotate(from: StoreId, to: StoreId, record: StoredRecord, expected: number, call: StoreCall) {
    let folder = await folders.find(from);
    let state = writable(folder, expected, call.now);
    if (!isLive(state)) return state;
    const until = call.now + MOVED_MARK_MS;
    await registers.schedule({ id: from, moment: until });
    await registers.schedule({ id: to, moment: Math.min(record.expiresAt, call.now + PENDING_MS) });
    if (!(await folders.open(to, record, (content) => pendingName(record, content, from), call.signal))) {
      throw new Error("The session cannot move to an id that is taken. Make a new one.");
    }
    // After a fault from here on the rotation may have been decided. The next call that meets the pending state finds out.
    call.signal.throwIfAborted();
    while (!(await folders.swap(from, state, movedName(to, until)))) {
      folder = await folders.find(from);
      state = writable(folder, expected, call.now);
      if (!isLive(state)) {
        await quietly(end(to));
        return state;
      }
      call.signal.throwIfAborted();
    }
    const arrived = await folders.arrive(to);
    await quietly(folders.strip(from, folder), registers.unschedule({ id: from, moment: state.expiresAt }));
    return arrived ? "saved" : "gone";
  }

  async function touch(id: StoreId, expiresAt: number, version: number, call: StoreCall): Promise<boolean> {
    for (;;) {
      const state = writable(await folders.find(id), version, call.now);
      if (!isLive(state)) return false;
      if (expiresAt <= state.expiresAt) return true;
      call.signal.throwIfAborted();
      if (await folders.swap(id, state, liveName({ version, expiresAt }, state.content))) return true;
    }
  }

  /** Ends the session under an id. Resolves to the mark where the session has moved. */
  async function end(id: StoreId, call?: StoreCall) {
    for (;;) {
      const folder = await folders.look(id);
      const { state } = folder;
      if (state === undefined || state.kind === "moved") return state;
      call?.signal.throwIfAborted();
      if (await folders.take(id, state)) {
        await quietly(clear({ id, moment: state.expiresAt }, folder));
        return undefined;
      }
    }
  }

  /** Removes the rest of a session whose state is gone. Its entry goes last, because the sweep finds by it what this leaves. */
  async function clear(due: Due, folder: Folder): Promise<void> {
    if (await folders.clear(due.id, folder)) await registers.unschedule(due);
  }

  /** Looks at an entry whose time has come. True when it removed a session or a mark. */
  async function sweep(due: Due, now: number): Promise<boolean> {
    const { id } = due;
    const folder = await folders.find(id);
    const { state } = folder;
    const isUnfinished = state === undefined || state.kind === "pending";
    if (isUnfinished && (await registers.age(due)) < UNFINISHED_MS) return false;
    if (state !== undefined) {
      if (state.expiresAt > now && !isUnfinished) {
        await registers.schedule({ id, moment: state.expiresAt });
        await registers.unschedule(due);
        return false;
      }
      // Another call has changed the state meanwhile. The entry stays, and the next sweep looks again.
      if (!(await folders.take(id, state))) return false;
    }
    if (await folders.clear(id, folder)) {
      await registers.unschedule(due);
      if (state !== undefined && state.expiresAt !== due.moment) {
        await registers.unschedule({ id, moment: state.expiresAt });
      }
    }
    return state !== undefined && !isUnfinished;
  }

  async function clearExpired({
    limit,
    now,
    signal,
  }: StoreCall & { readonly limit: number }): Promise<number> {
    let cleared = 0;
    for await (const dues of registers.due(now)) {
      while (dues.length > 0) {
        if (cleared >= limit) return cleared;
        signal.throwIfAborted();
        const batch = dues.splice(0, Math.min(AT_ONCE, limit - cleared));
        const went = await Promise.all(batch.map((due) => sweep(due, now)));
        cleared += went.filter(Boolean).length;
      }
    }
    await folders.clearUnfinished(UNFINISHED_MS);
    return cleared;
  }

  /** Reads every session, a few at a time. */
  async function stats({ now, signal, onStep }: StatsCall): Promise<StoreStats> {
    const stats = { live: 0, expired: 0, authenticated: 0, oldest: null as number | null, bytes: 0 };
    const count = async (id: StoreId) => {
      const { state } = await folders.find(id);
      if (state === undefined || state.kind === "pending") return;
      if (state.expiresAt <= now) stats.expired++;
      if (state.expiresAt <= now || state.kind === "moved") return;
      const record = await folders.record(id, state);
      if (!record) return;
      stats.live++;
      stats.bytes += Buffer.byteLength(record.data);
      if (record.userId !== null) stats.authenticated++;
      stats.oldest = Math.min(stats.oldest ?? record.createdAt, record.createdAt);
    };
    for await (const ids of folders.all()) {
      while (ids.length > 0) {
        signal.throwIfAborted();
        await Promise.all(ids.splice(0, AT_ONCE).map(count));
        onStep?.();
      }
    }
    return stats;
  }

  return {
    name: "file",
    read: (id, call) => begin(call, id).then(() => read(id, call)),
    create: (id, record, call) => begin(call, id).then(() => create(id, record, call)),
    update: (id, record, expected, call) => begin(call, id).then(() => update(id, record, expected, call)),
    rotate: (oldId, newId, record, expected, call) =>
      begin(call, oldId, newId).then(() => rotate(oldId, newId, record, expected, call)),
    touch: (id, expiresAt, version, call) => begin(call, id).then(() => touch(id, expiresAt, version, call)),
    async delete(id, call) {
      await begin(call, id);
      const mark = await end(id, call);
      return mark !== undefined && mark.expiresAt > call.now ? { movedTo: mark.to } : undefined;
    },
    clearExpired: (call) => begin(call).then(() => clearExpired(call)),
    listUser: (userId, call) => begin(call).then(() => registers.listed(userId)),
    stats: (call) => begin(call).then(() => stats(call)),
    check: (call) => begin(call).then(() => probe(root, FOLDERS)),
  };
}

/** The state that a conditional write may replace, or why there is none. */
function writable({ state }: Folder, expected: number, now: number): Live | Exclude<WriteOutcome, "saved"> {
  if (state === undefined || state.kind === "pending" || state.expiresAt <= now) return "gone";
  if (state.kind === "moved") return { movedTo: state.to };
  return state.version === expected ? state : "conflict";
}

const isLive = (found: ReturnType<typeof writable>): found is Live =>
  typeof found === "object" && "content" in found;

/** Waits for work whose failure does no harm: the sweep does it later. */
async function quietly(...work: Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
}
