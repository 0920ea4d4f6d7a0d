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
 * The kernel lets one rename of a name succeed, and names never come back: that is the compare-and-set. touch is a rename
 * too, delete and the sweep remove the state file by its name; so each of them wins or loses against each other, whole.
 * create renames a whole folder to its place, which the kernel refuses where there is one with something in it.
 * A reader lists the folder, and opens the record that the state names; where it is gone, the state has changed: it looks
 * again. Killed anywhere, a writer leaves the old state or the new one, and at most a record that no state names, which goes
 * with the next write or with the session.
 *
 * A rotation prepares the new folder with a state that is no session yet, pending_<version>_<expiresAt>_<record>_<old id>;
 * then it renames the old live_… to moved_…, which decides; then pending_… to live_…. Whoever meets a pending state looks for
 * the mark: where it names this id, the rotation is finished for the one that did not come to it, else it never was.
 *
 * An entry of users/ or ends/ is made before what it is about, and removed after: so it may be about nothing, and what it
 * is about always has one. The sweep looks at the entries of ends/ whose time has come; one whose session was prolonged is
 * filed anew.
 */
import { resolve } from "node:path";
import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import {
  MOVED_MARK_MS,
  type Store,
  type StoreCall,
  type StoreStats,
  type WriteOutcome,
} from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { prepare, probe } from "./file/disk.ts";
import { type Folder, Folders } from "./file/folders.ts";
import { type Live, liveName, movedName, pendingName } from "./file/names.ts";
import { type Due, Registers } from "./file/registers.ts";

export interface FileStoreOptions {
  /**
   * `"normal"`, the default, keeps everything through a crash of the process, but a power cut may end the sessions that
   * were written in the last half minute, and undo a logout. `"full"` waits for the disk at each write.
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

/** How long a rotation may take, milliseconds: one that is not decided by then is swept. */
const PENDING_MS = 2 * MOVED_MARK_MS;

/** How long what has no state is taken for the work of a writer that still runs, milliseconds. */
const UNFINISHED_MS = 60_000;

/** How many sessions a sweep or a count has in hand at once. */
const AT_ONCE = 16;

/**
 * A store in a folder, which is made where it is missing (the one above must exist); all in it is for its owner's eyes only.
 * Several processes of one machine may share it. Nothing is opened before the first call. Throws a SettingsError for options that cannot work.
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

  /** Makes the folders, once: one that goes away later may be a disk that is not mounted, and is not made again. */
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
      globalThis.process?.emitWarning?.(
        `A session in ${root} is damaged, as after a power cut, and counts as ended. With synchronous: "full" none would be.`,
        { type: "CoatcheckWarning", code: "COATCHECK_FILE_STORE_DAMAGED" },
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
      // The state is as before, so the record was not replaced: it is missing.
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
        isSaved = await folders.turn(id, state, liveName(record, content));
      } finally {
        // The others belong to writers that read this state or an earlier one, and so can no longer win.
        await quietly(isSaved ? folders.tidy(id, folder.names) : folders.giveUp(id, content));
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
    // What fails from here on leaves the pending state to whoever meets it: the decision may have been made.
    call.signal.throwIfAborted();
    while (!(await folders.turn(from, state, movedName(to, until)))) {
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
      if (await folders.turn(id, state, liveName({ version, expiresAt }, state.content))) return true;
    }
  }

  /** Ends what is under an id, and answers with the mark where it has moved. */
  async function end(id: StoreId, call?: StoreCall) {
    for (;;) {
      const folder = await folders.look(id);
      const { state } = folder;
      if (state === undefined || state.kind === "moved") return state;
      call?.signal.throwIfAborted();
      if (await folders.take(id, state)) {
        await quietly(bury({ id, moment: state.expiresAt }, folder));
        return undefined;
      }
    }
  }

  /** Removes what is left of a session whose state was taken; its entry last, by which the sweep finds what this leaves. */
  async function bury(due: Due, folder: Folder): Promise<void> {
    if (await folders.clear(due.id, folder)) await registers.unschedule(due);
  }

  /** Looks at an entry whose time has come. True when a session or a mark went. */
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
      // Turned meanwhile: the entry stays, and the next sweep looks again.
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
        const hand = dues.splice(0, Math.min(AT_ONCE, limit - cleared));
        const went = await Promise.all(hand.map((due) => sweep(due, now)));
        cleared += went.filter(Boolean).length;
      }
    }
    await folders.clearUnfinished(UNFINISHED_MS);
    return cleared;
  }

  /** Reads every session: some seconds for 100,000. */
  async function stats({ now, signal }: StoreCall): Promise<StoreStats> {
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
      }
    }
    return stats;
  }

  return {
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

/** The state that a conditional write may turn, or why there is none. */
function writable({ state }: Folder, expected: number, now: number): Live | Exclude<WriteOutcome, "saved"> {
  if (state === undefined || state.kind === "pending" || state.expiresAt <= now) return "gone";
  if (state.kind === "moved") return { movedTo: state.to };
  return state.version === expected ? state : "conflict";
}

const isLive = (found: ReturnType<typeof writable>): found is Live =>
  typeof found === "object" && "content" in found;

/** For what the sweep does later where it fails now. */
async function quietly(...work: Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
}
