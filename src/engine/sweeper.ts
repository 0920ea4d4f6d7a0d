/** Clears expired sessions in batches: on demand, and in the background where the store does not forget them by itself. */

import type { Store, StoreCall, StoreStats } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { tell } from "../events.ts";
import { wait } from "../wait.ts";
import type { GuardedStore } from "./guarded-store.ts";

export interface ClearOptions {
  /** The number of sessions that one step deletes at most. Default 1000. */
  batchSize?: number;
  /** Aborting it stops the clearing after the step under way. */
  signal?: AbortSignal;
  /** Called after each step with the number of sessions deleted so far. */
  onProgress?: (progress: { deleted: number }) => void;
  /** Counts the expired sessions, and deletes none. Default false. */
  dryRun?: boolean;
}

/** The longest time that a timer can wait, milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Asks a store for its counts. Rejects with SettingsError when it has none. */
export async function countSessions(store: GuardedStore): Promise<StoreStats> {
  if (store.given.stats === undefined) throw new SettingsError("store", "a store that has stats, for this");
  const isStats = (answer: unknown) => typeof answer === "object" && answer !== null;
  const run = async (given: Store, { signal, now }: StoreCall, onStep: () => void) =>
    given.stats?.({ signal, now, onStep }) as never;
  return store.ask("count its sessions", store.deadline(), isStats, run);
}

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

  async clear({ batchSize = 1000, signal, onProgress, dryRun = false }: ClearOptions): Promise<number> {
    if (!(Number.isSafeInteger(batchSize) && batchSize > 0))
      throw new SettingsError("batchSize", "a whole number above 0", batchSize);
    if (dryRun) return (await countSessions(this.#store)).expired ?? 0;
    let deleted = 0;
    while (!signal?.aborted) {
      const batch = await this.#batch(batchSize);
      deleted += batch;
      tell("cleared", () => ({ deleted: batch }));
      onProgress?.({ deleted });
      if (batch < batchSize) break;
      // A store in this process may clear without ever waiting, so requests are let in between.
      await wait(0);
    }
    return deleted;
  }

  async #batch(limit: number): Promise<number> {
    const isCount = (answer: unknown) => Number.isSafeInteger(answer);
    return this.#store.ask("clear expired sessions", this.#store.deadline(), isCount, async (store, call) => {
      return store.clearExpired?.({ now: call.now, signal: call.signal, limit }) ?? 0;
    });
  }
}
