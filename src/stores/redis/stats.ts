import type { StatsCall, StoreStats } from "../../contract/store.ts";
import type { Connection } from "./client.ts";

/** How many keys of a primary one step looks at, about: Redis does nothing else meanwhile. */
const STEP = 100;

/** The sum of what the script `count` answered: live sessions, those with a user, bytes, and the oldest `createdAt`. */
export type Sum = readonly [live: number, authenticated: number, bytes: number, oldest: number];

export const NOTHING: Sum = [0, 0, 0, Number.POSITIVE_INFINITY];

export const add = (one: Sum, other: Sum): Sum => [
  one[0] + other[0],
  one[1] + other[1],
  one[2] + other[2],
  Math.min(one[3], other[3]),
];

/**
 * Goes through all keys of every primary in short steps. `count` counts the sessions under some of them. A key that Redis moves
 * to another server meanwhile may count twice.
 */
export async function countAll(
  connection: Connection,
  prefix: string,
  count: (keys: readonly [string, ...string[]]) => Promise<Sum>,
  { signal, onStep }: StatsCall,
): Promise<StoreStats> {
  const pattern = `${(connection.keyPrefix + prefix).replace(/[\\*?[\]]/g, "\\$&")}{*`;
  let sum = NOTHING;
  for (const ask of await connection.primaries()) {
    let cursor = "0";
    do {
      signal.throwIfAborted();
      const answer = await ask(["scan", cursor, "match", pattern, "count", String(STEP)]);
      const [next, found] = answer as [unknown, string[]];
      const [key, ...more] = found.map((name) => name.slice(connection.keyPrefix.length));
      if (key !== undefined) sum = add(sum, await count([key, ...more]));
      cursor = String(next);
      onStep?.();
    } while (cursor !== "0");
  }
  const [live, authenticated, bytes, oldest] = sum;
  // Redis removes expired sessions by itself, so there are none to count.
  return { live, expired: 0, authenticated, oldest: live === 0 ? null : oldest, bytes };
}
