/**
 * The changes of key that this process has made within the last minute. No mark stands in Django's table, because Django would
 * save onto it and bring the old key back. So other processes find a moved session gone.
 */
import type { StoreId } from "../../contract/record.ts";
import { MOVED_MARK_MS } from "../../contract/store.ts";

/** The oldest moves are forgotten when there are more. */
const MOST = 100_000;

interface Move {
  readonly to: StoreId;
  /** Epoch milliseconds, by the clock of the calls. */
  readonly until: number;
}

export class Moves {
  /** The earliest first. */
  readonly #moves = new Map<StoreId, Move>();
  readonly #underWay = new Map<StoreId, Promise<unknown>>();

  /** The id to which a session was moved less than a minute ago; else null. */
  find(id: StoreId, now: number): StoreId | null {
    const move = this.#moves.get(id);
    return move !== undefined && move.until > now ? move.to : null;
  }

  /** The same for a session that the database does not have: waits for a change of its key whose answer is under way. */
  async findLater(id: StoreId, now: number): Promise<StoreId | null> {
    await this.#underWay.get(id);
    return this.find(id, now);
  }

  /** Makes a change of key, and remembers it if `change` resolves to a truthy value. */
  async make<T>(from: StoreId, to: StoreId, now: number, change: () => Promise<T>): Promise<T> {
    const changing = change();
    const settled = changing.catch(() => {});
    this.#underWay.set(from, settled);
    try {
      const made = await changing;
      if (made) this.#remember(from, { to, until: now + MOVED_MARK_MS }, now);
      return made;
    } finally {
      if (this.#underWay.get(from) === settled) this.#underWay.delete(from);
    }
  }

  #remember(from: StoreId, move: Move, now: number): void {
    this.#moves.delete(from);
    this.#moves.set(from, move);
    for (const [other, { until }] of this.#moves) {
      if (until > now && this.#moves.size <= MOST) break;
      this.#moves.delete(other);
    }
  }
}
