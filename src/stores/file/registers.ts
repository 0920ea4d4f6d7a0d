import { createHash } from "node:crypto";
import { access, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StoreId } from "../../contract/record.ts";
import { enter, flush, list, remove, removeFolder } from "./disk.ts";

/** How much time one folder of the register of ends covers. */
const SLOT_MS = 600_000;

const slotOf = (moment: number) => String(Math.max(0, Math.floor(moment / SLOT_MS))).padStart(12, "0");
const digits = (moment: number) => String(Math.max(0, Math.floor(moment))).padStart(16, "0");

/** An entry of the register of ends: the session may have ended at this moment. */
export interface Due {
  readonly id: StoreId;
  readonly moment: number;
}

/**
 * Who has which sessions, and when they end. An entry is an empty file, made before what it is about: a register may name
 * what is not there, and misses nothing that is.
 */
export class Registers {
  readonly #root: string;
  readonly #isFlushed: boolean;

  constructor(root: string, isFlushed: boolean) {
    this.#root = root;
    this.#isFlushed = isFlushed;
  }

  async enlist(userId: string | null, id: StoreId): Promise<void> {
    if (userId !== null) await this.#enter(join(this.#user(userId), id), 2);
  }

  async unlist(userId: string | null, id: StoreId): Promise<void> {
    if (userId === null) return;
    await remove(join(this.#user(userId), id));
    await removeFolder(this.#user(userId));
  }

  async listed(userId: string): Promise<StoreId[]> {
    const ids = await list(this.#user(userId));
    // Nothing is not "could not ask".
    if (ids === null) await access(join(this.#root, "users"));
    return (ids ?? []) as StoreId[];
  }

  /** A session has an entry for its end or an earlier moment: one that is prolonged needs no other. */
  async schedule({ id, moment }: Due): Promise<void> {
    await this.#enter(this.#due({ id, moment }), 1);
  }

  async unschedule(due: Due): Promise<void> {
    await remove(this.#due(due));
  }

  /** What may have ended by now, the oldest first, a folder at a time. */
  async *due(now: number): AsyncGenerator<Due[]> {
    const ends = join(this.#root, "ends");
    const slots = (await readdir(ends)).filter((slot) => slot <= slotOf(now)).sort();
    for (const slot of slots) {
      const entries = ((await list(join(ends, slot))) ?? []).sort().map((name) => {
        const [moment, id] = name.split("_") as [string, StoreId];
        return { id, moment: Number(moment) };
      });
      yield entries.filter(({ moment }) => moment <= now);
      if (slot < slotOf(now)) await removeFolder(join(ends, slot));
    }
  }

  /** How long ago the entry was made by this machine's clock, milliseconds. */
  async age(due: Due): Promise<number> {
    const made = await stat(this.#due(due)).catch(() => null);
    return made === null ? 0 : Date.now() - made.mtimeMs;
  }

  async #enter(file: string, depth: number): Promise<void> {
    await enter(file, depth);
    if (this.#isFlushed) await flush(dirname(file), depth);
  }

  /** User ids have any characters and any length, file names do not. */
  #user(userId: string): string {
    const name = createHash("sha256").update(userId).digest("hex");
    return join(this.#root, "users", name.slice(0, 2), name);
  }

  #due({ id, moment }: Due): string {
    return join(this.#root, "ends", slotOf(moment), `${digits(moment)}_${id}`);
  }
}
