/** A store that counts its round trips. Requests make it slow, hold it or make it fail: a test has no other way into a runtime. */
import type { Store } from "coatcheck";
import { type Verb, wrapStore } from "../../instruments/wrapped-store.ts";

/** Waits by timers of the waiting request: on workerd no request can wake another. */
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export interface Behaviour {
  /** The verb that fails. */
  readonly breaks?: Verb;
  /** The verb whose calls wait until told otherwise. */
  readonly holds?: Verb;
  /** How long each call takes, milliseconds. */
  readonly takes?: number;
}

export class ObservedStore {
  readonly store: Store;
  #behaviour: Behaviour = {};
  #calls: Verb[] = [];
  /** How many calls have come to wait since the store was told to hold them. */
  held = 0;

  constructor(inner: Store) {
    this.store = wrapStore(inner, async (verb, run) => {
      this.#calls.push(verb);
      if (this.#behaviour.takes) await sleep(this.#behaviour.takes);
      if (this.#behaviour.holds === verb) this.held++;
      while (this.#behaviour.holds === verb) await sleep(5);
      if (this.#behaviour.breaks === verb) throw new Error("the disk is on fire");
      return run();
    });
  }

  /** From now on it behaves like this; returns the verbs it was asked for until now. */
  behave(behaviour: Behaviour): Verb[] {
    this.#behaviour = behaviour;
    this.held = 0;
    return this.#calls.splice(0);
  }
}
