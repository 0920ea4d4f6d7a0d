import type { Store } from "coatcheck";

/** The verbs of a store that a request can call: each call is a round trip. */
export const VERBS = ["read", "create", "update", "rotate", "touch", "delete"] as const;
export type Verb = (typeof VERBS)[number];

/** Called in place of each call of a verb; `run` makes the call. */
export type Around = (verb: Verb, run: () => Promise<unknown>, id: string) => unknown;

/** A store with a function around each of its verbs. */
export function wrapStore(store: Store, around: Around): Store {
  const wrapped = VERBS.map((verb) => {
    const call = store[verb] as (...given: unknown[]) => Promise<unknown>;
    return [verb, async (...given: unknown[]) => around(verb, () => call(...given), given[0] as string)];
  });
  return { ...store, ...Object.fromEntries(wrapped) };
}
