/** One call of a store, from its beginning to its answer, its fault or its deadline. */

import { CoreCall, type Signal } from "../contract/call.ts";
import { isSessionUserError, StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings/settings.ts";
import type { Deadline, Deadlines, Waiting } from "./deadlines.ts";

/** The request that waits for an answer. */
export interface WaitingRequest {
  /** Aborted when the client hangs up. */
  readonly signal?: Signal;
}

export class GuardedCall<T> implements Waiting {
  deadline: Deadline;
  previous: Waiting | null = null;
  next: Waiting | null = null;
  readonly call: CoreCall;
  readonly #settings: Settings;
  readonly #doing: string;
  readonly #fits: (answer: unknown) => boolean;
  readonly #resolve: (answer: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #deadlines: Deadlines;
  readonly #request: WaitingRequest | undefined;
  #isOver = false;
  /** Listens to the signal of the request. */
  #listener: (() => void) | undefined;

  constructor(
    settings: Settings,
    doing: string,
    fits: (answer: unknown) => boolean,
    resolve: (answer: T) => void,
    reject: (error: unknown) => void,
    deadlines: Deadlines,
    deadline: Deadline,
    request: WaitingRequest | undefined,
  ) {
    this.#deadlines = deadlines;
    this.deadline = deadline;
    this.#request = request;
    this.call = new CoreCall(settings.clock());
    this.#settings = settings;
    this.#doing = doing;
    this.#fits = fits;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  beginAnew(deadline: Deadline): void {
    this.deadline = deadline;
  }

  turnOver(): void {
    const hangUp = this.#request?.signal;
    if (hangUp === undefined) return;
    if (hangUp.aborted) {
      this.#hungUp();
      return;
    }
    const hungUp = () => this.#hungUp();
    hangUp.addEventListener("abort", hungUp);
    // A function that is written here would go to old space (docs/decisions.md, "No function is written where a property gets it").
    this.#listener = hungUp;
  }

  tooLate(): void {
    this.#giveUp(new Error(`no answer within ${this.#settings.storeTimeout} s`));
  }

  answered(answer: T): void {
    if (this.#isOver) return;
    try {
      if (!this.#fits(answer))
        throw new TypeError(`it answered with something else than the contract says (${typeof answer})`);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#end();
    this.#resolve(answer);
  }

  fail(error: unknown, isStoresFault = true): void {
    if (this.#isOver) return;
    this.#end();
    if (isSessionUserError(error)) {
      this.#reject(error);
      return;
    }
    if (isStoresFault) tell("unavailable", () => ({ doing: this.#doing, error }));
    this.#reject(new StoreUnavailableError(this.#doing, error));
  }

  /** There is no event then, because it is not the store's fault. */
  #hungUp(): void {
    this.#giveUp(new Error("the client hung up"), false);
  }

  #giveUp(reason: Error, isStoresFault = true): void {
    this.call.abort(reason);
    this.fail(reason, isStoresFault);
  }

  #end(): void {
    this.#isOver = true;
    this.#deadlines.remove(this);
    if (this.#listener !== undefined) this.#request?.signal?.removeEventListener("abort", this.#listener);
  }
}
