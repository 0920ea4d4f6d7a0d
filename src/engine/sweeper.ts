/** Clears expired sessions in the background, where the store does not forget them by itself. */

import type { ClearOptions } from "./clearing.ts";
import type { GuardedStore } from "./guarded-store.ts";

/** The longest time that a timer can wait, milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1;

export class Sweeper {
  readonly #store: GuardedStore;
  readonly #every: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isStopped = false;

  /** `every` is the time between two rounds in seconds; 0 = only on demand. */
  constructor(store: GuardedStore, every: number) {
    this.#store = store;
    this.#every = every;
  }

  /** Sets the timer of the next round, up to a quarter earlier or later, so that several servers do not sweep at once. */
  start(): void {
    const { given } = this.#store;
    if (this.#timer !== null || this.#isStopped || this.#every === 0) return;
    if (given.clearExpired === undefined || given.capabilities?.expiresNatively) return;
    const wait = this.#every * 1000 * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#round(), Math.min(wait, LONGEST_WAIT));
    this.#timer.unref?.();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    // If the store fails, an event has told of it, and the next round tries again.
    await this.clear({}).catch(() => {});
    this.#timer = null;
    this.start();
  }

  /** Clears now. */
  async clear(options: ClearOptions): Promise<number> {
    const { clearExpired } = await import("./clearing.ts");
    return clearExpired(this.#store, options);
  }
}
