import { setTimeout as wait } from "node:timers/promises";
import type { Store, StoreId } from "coatcheck";

const PATIENCE_MS = 500;
const PAUSE_MS = 500;

/** No session has this id. Asking for it tells whether the store is there. */
const NO_SESSION = "0".repeat(64) as StoreId;

const VERBS = [
  "read",
  "create",
  "update",
  "rotate",
  "touch",
  "delete",
  "listUser",
  "stats",
  "clearExpired",
] as const;

type Verb = (...given: unknown[]) => Promise<unknown>;

/**
 * A store that refuses at once while the store behind it is known to be away. Each request would otherwise wait for its
 * own deadline. After a failed call the store is asked for a session that does not exist: if that fails too, the store is
 * away, and it is asked again twice a second until it answers.
 */
export function failFast(store: Store): Store {
  let absence: Error | null = null;
  let isAsking = false;

  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    for (;;) {
      try {
        await store.read(NO_SESSION, { signal: AbortSignal.timeout(PATIENCE_MS), now: Date.now() });
        break;
      } catch (cause) {
        absence = new Error("The store is away; it did not answer a moment ago.", { cause });
        await wait(PAUSE_MS, undefined, { ref: false });
      }
    }
    absence = null;
    isAsking = false;
  };

  const guarded =
    (verb: Verb): Verb =>
    async (...given) => {
      if (absence) throw absence;
      try {
        return await verb(...given);
      } catch (error) {
        void ask();
        throw error;
      }
    };

  const verbs = VERBS.filter((name) => store[name] !== undefined);
  return { ...store, ...Object.fromEntries(verbs.map((name) => [name, guarded(store[name] as Verb)])) };
}
