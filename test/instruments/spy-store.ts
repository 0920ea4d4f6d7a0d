import type { Store } from "coatcheck";
import { type Verb, wrapStore } from "./wrapped-store.ts";

/** A store that counts its round trips. */
export function spyStore(inner: Store): { store: Store; took(): Verb[] } {
  const calls: Verb[] = [];
  const store = wrapStore(inner, (verb, run) => {
    calls.push(verb);
    return run();
  });
  /** The verbs asked for since the last time. */
  return { store, took: () => calls.splice(0) };
}
