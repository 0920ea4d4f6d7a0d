/** A store whose next calls a test holds up, or answers in its place: so that races are forced, never waited for. */
import type { Store } from "coatcheck";

const VERBS = ["read", "create", "update", "rotate", "touch", "delete"] as const;
export type Verb = (typeof VERBS)[number];

/** Answers a call; `run` makes the store do it. */
type Instead = (run: () => Promise<unknown>) => Promise<unknown>;

export interface Held {
  /** Resolves when the call has come (held before), or when the store has done it (held after). */
  readonly reached: Promise<void>;
  release(): void;
}

export class Gate {
  /** What the servers are given. */
  readonly store: Store;
  /** Every call so far, in the order in which they came. */
  readonly calls: Verb[] = [];
  readonly #plans: { readonly verb: Verb; readonly instead: Instead }[] = [];

  constructor(inner: Store) {
    const guarded = VERBS.map((verb) => {
      const call = inner[verb] as (...given: unknown[]) => Promise<unknown>;
      return [verb, (...given: unknown[]) => this.#pass(verb, () => call.apply(inner, given))];
    });
    this.store = { ...inner, ...Object.fromEntries(guarded) };
  }

  #pass(verb: Verb, run: () => Promise<unknown>): Promise<unknown> {
    this.calls.push(verb);
    const place = this.#plans.findIndex((plan) => plan.verb === verb);
    const [plan] = place === -1 ? [] : this.#plans.splice(place, 1);
    return plan === undefined ? run() : plan.instead(run);
  }

  /** The next call of a verb that nothing is planned for yet gets this answer. */
  answer(verb: Verb, instead: Instead): void {
    this.#plans.push({ verb, instead });
  }

  /** The next call of a verb waits: before the store does it, or after, so that only its answer is late. */
  hold(verb: Verb, when: "before" | "after" = "before"): Held {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.answer(verb, async (run) => {
      const early = when === "after" ? await run() : undefined;
      reached.resolve();
      await released.promise;
      return when === "after" ? early : run();
    });
    return { reached: reached.promise, release: released.resolve };
  }

  /** How often a verb was called since `mark`, a length of `calls`. */
  count(verb: Verb, mark = 0): number {
    return this.calls.slice(mark).filter((call) => call === verb).length;
  }
}
