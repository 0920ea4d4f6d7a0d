import { createHash } from "node:crypto";
import { access, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isStoreId, type StoreId } from "../../contract/record.ts";
import { enter, flush, list, remove, removeFolder } from "./disk.ts";

/** How much time one folder of the register of ends covers, milliseconds. */
const SLOT_MS = 600_000;

const slotOf = (moment: number) => String(Math.max(0, Math.floor(moment / SLOT_MS))).padStart(12, "0");
const digits = (moment: number) => String(Math.max(0, Math.floor(moment))).padStart(16, "0");

/** An entry of the register of ends: the session may have ended at this moment. */
export interface Due {
  readonly id: StoreId;
  readonly moment: number;
}

/** The entry of a name, or none for the file of another program. */
function dueOf(name: string): Due[] {
  const [, moment, id] = /^(\d{16,})_([0-9a-f]{64})$/.exec(name) ?? [];
  return isStoreId(id) ? [{ id, moment: Number(moment) }] : [];
}

/**
 * Two registers: the sessions of each user, and when sessions end. An entry is an empty file. It is made before its session:
 * a register may name a session that is gone, and never misses one that lives.
 */
export class Registers {
  readonly #root: string;
  readonly #isFlushed: boolean;

  constructor(root: string, isFlushed: boolean) {
    this.#root = root;
    this.#isFlushed = isFlushed;
  }

  /** Makes the entry of a user's session. */
  async enlist(userId: string | null, id: StoreId): Promise<void> {
    if (userId !== null) await this.#enter(join(this.#user(userId), id), 2);
  }

  /** Removes the entry of a user's session. */
  async unlist(userId: string | null, id: StoreId): Promise<void> {
    if (userId === null) return;
    await remove(join(this.#user(userId), id));
    await removeFolder(this.#user(userId));
  }

  /** The ids of a user's entries. Rejects where the register itself is missing. */
  async listed(userId: string): Promise<StoreId[]> {
    const ids = await list(this.#user(userId));
    // A user has no sessions only where the register is there: its disk may not be mounted.
    if (ids === null) await access(join(this.#root, "users"));
    return (ids ?? []).filter(isStoreId);
  }

  /** Makes the entry of an end. It may be of an earlier moment: a session that is prolonged needs no other entry. */
  async schedule({ id, moment }: Due): Promise<void> {
    await this.#enter(this.#due({ id, moment }), 1);
  }

  /** Removes the entry of an end. */
  async unschedule(due: Due): Promise<void> {
    await remove(this.#due(due));
  }

  /** Yields the sessions that may have ended by now, the oldest first, a folder of them at a time. */
  async *due(now: number): AsyncGenerator<Due[]> {
    const ends = join(this.#root, "ends");
    const isDue = (slot: string) => /^\d{12,}$/.test(slot) && slot <= slotOf(now);
    const slots = (await readdir(ends)).filter(isDue).sort();
    for (const slot of slots) {
      const entries = ((await list(join(ends, slot))) ?? []).sort().flatMap(dueOf);
      yield entries.filter(({ moment }) => moment <= now);
      if (slot < slotOf(now)) await removeFolder(join(ends, slot));
    }
  }

  /** How long ago the entry was made, by the clock of this machine, milliseconds. */
  async age(due: Due): Promise<number> {
    const made = await stat(this.#due(due)).catch(() => null);
    return made === null ? 0 : Date.now() - made.mtimeMs;
  }

  async #enter(file: string, depth: number): Promise<void> {
    await enter(file, depth);
    if (this.#isFlushed) await flush(dirname(file), depth);
  }

  /** The folder of a user. A user id may have any characters and any length, a file name may not: so it is hashed. */
  #user(userId: string): string {
    const name = createHash("sha256").update(userId).digest("hex");
    return join(this.#root, "users", name.slice(0, 2), name);
  }

  #due({ id, moment }: Due): string {
    return join(this.#root, "ends", slotOf(moment), `${digits(moment)}_${id}`);
  }
}
