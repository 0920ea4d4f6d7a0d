import type { Store } from "coatcheck";
import { type Verb, wrapStore } from "./wrapped-store.ts";

/** A store whose verbs can be made to fail, to hang or to answer nonsense. */
export function faultyStore(inner: Store) {
  const faults = new Map<Verb, () => unknown>();
  const store = wrapStore(inner, (verb, run) => (faults.get(verb) ?? run)());
  return {
    store,
    /** From now on the verb does this instead of its work. */
    breaks(verb: Verb, fault: () => unknown = () => Promise.reject(new Error("the disk is on fire"))) {
      faults.set(verb, fault);
    },
    /** From now on the verb never answers. */
    hangs(verb: Verb) {
      faults.set(verb, () => new Promise(() => {}));
    },
    mended() {
      faults.clear();
    },
  };
}
