import type { Store } from "coatcheck";
import { type Verb, wrapStore } from "./wrapped-store.ts";

/** A call that waits: before the store does it, or after, with the answer still to be given. */
export interface Held {
  /** Resolves when the call waits. */
  readonly arrived: Promise<void>;
  /** Lets the call go on. */
  release(): void;
}

/** Answers a call in the store's place; `run` makes the store do it. */
type Answer = (run: () => Promise<unknown>) => Promise<unknown>;

export interface HeldStore {
  /** The store to give to `createSessions`. */
  readonly store: Store;
  /** Every call so far, in the order in which they came. */
  readonly calls: Verb[];
  /** Holds one call of a verb, the next that nothing is planned for yet. */
  hold(verb: Verb, when?: "before" | "after"): Held;
  /** Gives this answer to one call of a verb, the next that nothing is planned for yet. */
  answer(verb: Verb, answer: Answer): void;
  /** How often a verb was called since `mark`, an earlier length of `calls`. */
  count(verb: Verb, mark?: number): number;
}

/** A store whose calls a test holds up or answers, so that it forces the order of a race and never has to sleep. */
export function heldStore(inner: Store): HeldStore {
  const calls: Verb[] = [];
  const plans: { readonly verb: Verb; readonly answer: Answer }[] = [];

  const store = wrapStore(inner, (verb, run) => {
    calls.push(verb);
    const at = plans.findIndex((plan) => plan.verb === verb);
    const [plan] = at === -1 ? [] : plans.splice(at, 1);
    return plan === undefined ? run() : plan.answer(run);
  });

  function answer(verb: Verb, instead: Answer): void {
    plans.push({ verb, answer: instead });
  }

  function hold(verb: Verb, when: "before" | "after" = "before"): Held {
    const arrived = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    answer(verb, async (run) => {
      const early = when === "after" ? await run() : undefined;
      arrived.resolve();
      await released.promise;
      return when === "after" ? early : run();
    });
    return { arrived: arrived.promise, release: released.resolve };
  }

  const count = (verb: Verb, mark = 0) => calls.slice(mark).filter((call) => call === verb).length;
  return { store, calls, hold, answer, count };
}
