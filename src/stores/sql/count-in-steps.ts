import type { StatsCall, StoreStats } from "../../contract/store.ts";

/** Some rows of the table, counted. */
export interface StepCount<Place> {
  readonly rows: number;
  readonly live: number;
  readonly expired: number;
  readonly authenticated: number;
  readonly oldest: number | null;
  readonly bytes: number;
  /** The place of the last row. */
  readonly last: Place;
}

/**
 * Counts a table in steps of `size` rows, in the order of their places. Rows that are written meanwhile may or may not be
 * counted.
 */
export async function countInSteps<Place>(
  { signal, onStep }: StatsCall,
  size: number,
  first: Place,
  countAfter: (place: Place) => Promise<StepCount<Place>>,
): Promise<StoreStats> {
  const sum = { live: 0, expired: 0, authenticated: 0, oldest: null as number | null, bytes: 0 };
  for (let place = first; ; ) {
    signal.throwIfAborted();
    const step = await countAfter(place);
    sum.live += step.live;
    sum.expired += step.expired;
    sum.authenticated += step.authenticated;
    sum.bytes += step.bytes;
    if (step.oldest !== null) sum.oldest = Math.min(sum.oldest ?? step.oldest, step.oldest);
    if (step.rows < size) return sum;
    place = step.last;
    onStep?.();
  }
}
