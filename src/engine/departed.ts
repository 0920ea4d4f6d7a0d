/**
 * The ids that this process has ended or rotated within the last minute. Browsers keep the cookie that arrives last, so a
 * response must not renew the cookie of a session that another response has just replaced or removed.
 */
import type { StoreId } from "../contract/record.ts";

/** Milliseconds: as long as the mark of a rotated id. */
const REMEMBERED = 60_000;
/** The oldest ids are forgotten when there are more. */
const MOST = 100_000;

export class Departed {
  /** The time of each, the earliest first. */
  readonly #since = new Map<StoreId, number>();

  add(id: StoreId): void {
    const now = performance.now();
    this.#since.delete(id);
    this.#since.set(id, now);
    for (const [other, since] of this.#since) {
      if (since > now - REMEMBERED && this.#since.size <= MOST) break;
      this.#since.delete(other);
    }
  }

  has(id: StoreId): boolean {
    const since = this.#since.get(id);
    return since !== undefined && since > performance.now() - REMEMBERED;
  }
}
