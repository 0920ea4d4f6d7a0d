import { access, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isStoreId, type StoredRecord, type StoreId } from "../../contract/record.ts";
import { flush, list, makeFolder, move, moveFolder, read, remove, removeFolder, write } from "./disk.ts";
import {
  contentName,
  decode,
  encode,
  isContentName,
  isOurs,
  type Live,
  liveName,
  type Pending,
  parseState,
  type State,
} from "./names.ts";
import type { Registers } from "./registers.ts";

/** The content of a session's folder. Without a state there is no session. */
export interface Folder {
  readonly names: readonly string[];
  readonly state: State | undefined;
}

/** A random name, so that no name ever comes back. */
const newName = () => Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex");

const NOTHING: Folder = { names: [], state: undefined };

/** The folders of all sessions. */
export class Folders {
  readonly #sessions: string;
  readonly #unfinished: string;
  readonly #registers: Registers;
  readonly #isFlushed: boolean;

  constructor(root: string, registers: Registers, isFlushed: boolean) {
    this.#sessions = join(root, "sessions");
    this.#unfinished = join(root, "unfinished");
    this.#registers = registers;
    this.#isFlushed = isFlushed;
  }

  /** Looks under an id, and finishes a rotation that was decided and cut short. An undecided one stays pending. */
  async find(id: StoreId): Promise<Folder> {
    const folder = await this.look(id);
    if (folder.state?.kind !== "pending") return folder;
    return (await this.#finishRotation(id, folder.state)) ? this.find(id) : folder;
  }

  /** Looks under an id. Rejects where the folder of all sessions is missing. */
  async look(id: StoreId): Promise<Folder> {
    for (let attempt = 1; ; attempt++) {
      const names = await list(this.#folder(id));
      if (names === null) {
        // A session is absent only where the folder of all sessions is there: its disk may not be mounted.
        await access(this.#sessions);
        return NOTHING;
      }
      const state = names.map(parseState).find((state) => state !== undefined);
      // Some file systems list a folder in steps, and can miss a file that is renamed meanwhile.
      if (state !== undefined || attempt === 3) return { names, state };
    }
  }

  /** Reads the record of a state; null where a power cut has damaged it, undefined where the state has changed. */
  async record(id: StoreId, { content, version, expiresAt }: Live): Promise<StoredRecord | null | undefined> {
    const text = await read(this.#path(id, contentName(content)));
    return text === null ? undefined : decode(text, { version, expiresAt });
  }

  /**
   * Puts a new session under an id: makes its folder elsewhere, whole, and then renames it to its place. `name` gives the name
   * of the state. False when the id is taken.
   */
  async open(id: StoreId, record: StoredRecord, name: (content: string) => string, signal: AbortSignal) {
    const content = newName();
    const made = join(this.#unfinished, `${id}_${content}`);
    try {
      await makeFolder(made);
      const isWritten =
        (await write(join(made, contentName(content)), encode(record), this.#isFlushed)) &&
        (await write(join(made, name(content)), "", false));
      if (!isWritten) throw new Error("The folder of a new session was removed while it was written.");
      if (this.#isFlushed) await flush(made);
      await this.#registers.enlist(record.userId, id);
      signal.throwIfAborted();
      const isOpen = await this.#place(made, id);
      if (!isOpen) await this.#discard(made, id);
      else if (this.#isFlushed) await flush(dirname(this.#folder(id)), 1);
      return isOpen;
    } catch (error) {
      await this.#discard(made, id).catch(() => {});
      throw error;
    }
  }

  /** Writes a record that no state names yet, and resolves to its name; null where the folder is gone. */
  async put(id: StoreId, record: StoredRecord): Promise<string | null> {
    const content = newName();
    const isWritten = await write(this.#path(id, contentName(content)), encode(record), this.#isFlushed);
    return isWritten ? content : null;
  }

  /** The compare-and-set: replaces this very state by another. False where another call has replaced or removed it. */
  async swap(id: StoreId, state: State, name: string): Promise<boolean> {
    if (!(await move(this.#path(id, state.name), this.#path(id, name)))) return false;
    if (this.#isFlushed) await flush(this.#folder(id));
    return true;
  }

  /** Removes this very state, which ends the session. False where another call has replaced or removed it. */
  async take(id: StoreId, state: State): Promise<boolean> {
    if (!(await remove(this.#path(id, state.name)))) return false;
    if (this.#isFlushed) await flush(this.#folder(id));
    return true;
  }

  /** The last step of a rotation that was decided: the session lives here. False where another call has ended it meanwhile. */
  async arrive(id: StoreId): Promise<boolean> {
    const { state } = await this.look(id);
    if (state?.kind !== "pending") return state !== undefined;
    return (await this.swap(id, state, liveName(state, state.content))) || (await this.arrive(id));
  }

  /** Removes the record of a write that lost, and the folder where the session has gone meanwhile. */
  async takeBack(id: StoreId, content: string): Promise<void> {
    const { state } = await this.look(id);
    // A rename that reported a fault may still have happened.
    if (state !== undefined && "content" in state && state.content === content) return;
    await remove(this.#path(id, contentName(content)));
    if (state === undefined) await removeFolder(this.#folder(id));
  }

  /** Removes those records among `names`. After a crash before this, the next write or the end of the session does it. */
  async removeRecords(id: StoreId, names: readonly string[]): Promise<void> {
    await Promise.all(names.filter(isContentName).map((name) => remove(this.#path(id, name))));
  }

  /** Removes the records of a session that is gone, each after its user's entry: only the record names the user. */
  strip(id: StoreId, { names }: Folder): Promise<void> {
    return this.#strip(this.#folder(id), names, id);
  }

  /**
   * Removes the folder of a session whose state is gone, unless files of other programs are in it. False where a slow writer
   * has put a record there meanwhile.
   */
  async clear(id: StoreId, folder: Folder): Promise<boolean> {
    await this.strip(id, folder);
    if (await removeFolder(this.#folder(id))) return true;
    return !(await list(this.#folder(id)))?.some(isOurs);
  }

  /** Removes folders that were never put in their place and are older than this, by the clock of this machine. */
  async clearUnfinished(milliseconds: number): Promise<void> {
    for (const name of await readdir(this.#unfinished)) {
      const [id, content = "", ...more] = name.split("_");
      if (!isStoreId(id) || !/^[0-9a-f]{16}$/.test(content) || more.length > 0) continue;
      const made = join(this.#unfinished, name);
      const status = await stat(made).catch(() => null);
      if (status === null || Date.now() - status.mtimeMs < milliseconds) continue;
      await this.#discard(made, id);
    }
  }

  /** Yields all ids, a folder of them at a time. */
  async *all(): AsyncGenerator<StoreId[]> {
    for (const shard of await readdir(this.#sessions)) {
      if (!/^[0-9a-f]{2}$/.test(shard)) continue;
      yield ((await list(join(this.#sessions, shard))) ?? []).filter(isStoreId);
    }
  }

  /** Finishes the rotation that brings a session here. False when the rotation was not decided. */
  async #finishRotation(id: StoreId, state: Pending): Promise<boolean> {
    const old = (await this.look(state.from)).state;
    if (old?.kind !== "moved" || old.to !== id) return false;
    await this.swap(id, state, liveName(state, state.content));
    return true;
  }

  /** Renames a folder to its place. False where a folder with something in it is there already. */
  async #place(made: string, id: StoreId): Promise<boolean> {
    const folder = this.#folder(id);
    const isPlaced = await moveFolder(made, folder);
    if (isPlaced !== null) return isPlaced;
    await makeFolder(dirname(folder));
    const isPlacedNow = await moveFolder(made, folder);
    if (isPlacedNow === null)
      throw new Error("The folder of a new session was removed before it was in its place.");
    return isPlacedNow;
  }

  /** Removes a folder that did not come to its place, and the user's entry unless the id has a session. */
  async #discard(made: string, id: StoreId): Promise<void> {
    const names = await list(made);
    if (names === null) return;
    const taken = await this.look(id);
    if (taken.state === undefined) await this.#strip(made, names, id);
    await Promise.all(names.filter(isOurs).map((name) => remove(join(made, name))));
    await removeFolder(made);
  }

  async #strip(folder: string, names: readonly string[], id: StoreId): Promise<void> {
    for (const name of names.filter(isContentName)) {
      const text = await read(join(folder, name));
      const record = text === null ? null : decode(text, { version: 0, expiresAt: 0 });
      await this.#registers.unlist(record?.userId ?? null, id);
      await remove(join(folder, name));
    }
  }

  #folder(id: StoreId): string {
    return join(this.#sessions, id.slice(0, 2), id);
  }

  #path(id: StoreId, name: string): string {
    return join(this.#folder(id), name);
  }
}
