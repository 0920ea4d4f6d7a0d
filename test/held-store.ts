import type { Store } from "coatcheck";
import { type Verb, wrapStore } from "./wrapped-store.ts";

/** A call that waits at the door of the store, or with the answer in its hand. */
export interface Held {
  /** Resolves when the call has come. */
  readonly arrived: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

interface Gate extends Held {
  readonly verb: Verb;
  readonly when: "before" | "after";
  readonly released: Promise<void>;
  arrive(): void;
}

/** A store whose calls can be held, so that a test decides their order instead of sleeping. */
export function heldStore(inner: Store) {
  const gates: Gate[] = [];

  async function pass(verb: Verb, when: Gate["when"]) {
    const at = gates.findIndex((gate) => gate.verb === verb && gate.when === when);
    const [gate] = at === -1 ? [] : gates.splice(at, 1);
    gate?.arrive();
    await gate?.released;
  }

  /** Holds the next call of a verb: before the store does it, or after it was done and before the answer. */
  function hold(verb: Verb, when: Gate["when"] = "before"): Held {
    const [arrived, arrive] = signal();
    const [released, release] = signal();
    gates.push({ verb, when, arrived, arrive, released, release });
    return { arrived, release };
  }

  const store = wrapStore(inner, async (verb, run) => {
    await pass(verb, "before");
    const answer = await run();
    await pass(verb, "after");
    return answer;
  });
  return { store, hold };
}

function signal(): [given: Promise<void>, give: () => void] {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return [given, give];
}
