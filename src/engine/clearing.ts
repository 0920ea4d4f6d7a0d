/** Clears expired sessions in batches, and counts sessions. Loaded when it is asked for, or when the sweeper's first round comes. */

import type { StoreStats } from "../contract/store.ts";
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

/** Asks a store for its counts. Rejects with SettingsError when it has none. */
export async function countSessions(store: GuardedStore): Promise<StoreStats> {
  if (store.given.stats === undefined) throw new SettingsError("store", "a store that has stats, for this");
  const isStats = (answer: unknown) => typeof answer === "object" && answer !== null;
  return store.ask("stats", store.deadline(), isStats, async (given, { signal, now }, waiting) => {
    const onStep = () => waiting.beginAnew(store.deadline());
    return given.stats?.({ signal, now, onStep }) as never;
  });
}

/** Deletes expired sessions in batches until there are no more; resolves to their number. */
export async function clearExpired(
  store: GuardedStore,
  { batchSize = 1000, signal, onProgress, dryRun = false }: ClearOptions,
): Promise<number> {
  if (!(Number.isSafeInteger(batchSize) && batchSize > 0))
    throw new SettingsError("batchSize", "a whole number above 0", batchSize);
  if (dryRun) return (await countSessions(store)).expired ?? 0;
  let deleted = 0;
  while (!signal?.aborted) {
    const batch = await clearBatch(store, batchSize);
    deleted += batch;
    tell("cleared", () => ({ deleted: batch }));
    onProgress?.({ deleted });
    if (batch < batchSize) break;
    // A store in this process may clear without ever waiting, so requests are let in between.
    await wait(0);
  }
  return deleted;
}

function clearBatch(store: GuardedStore, limit: number): Promise<number> {
  const isCount = (answer: unknown) => Number.isSafeInteger(answer);
  return store.ask("clearExpired", store.deadline(), isCount, async (given, { now, signal }) => {
    return given.clearExpired?.({ now, signal, limit }) ?? 0;
  });
}
