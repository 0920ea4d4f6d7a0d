import type { Trial } from "./trial.ts";

/** The things that a store or its test may have or not have, and what each absence means. */
export const abilities = {
  compareAndSet: "the store declares compareAndSet: false",
  clearExpired: "the store expires by itself and has no clearExpired",
  listUser: "the store has no user index",
  stats: "the store has no stats",
  check: "the store has no check",
  elsewhere: "the test has no second process or connection",
  peek: "the test cannot look past the store",
} as const;

export type Ability = keyof typeof abilities;

/** One sentence of the contract, and how to see whether a store keeps it. */
export interface Sentence {
  readonly says: string;
  /** Without these the sentence does not apply. */
  readonly needs?: readonly Ability[];
  /** Rejects when the store does not keep it. */
  holds(trial: Trial): Promise<void>;
}
