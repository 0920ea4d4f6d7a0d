/** The calls that the core makes. An AbortSignal costs more than a read from memory, so it is made at the first look. */
import type { StoreCall } from "./store.ts";

/** The part of an AbortSignal that stores use. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** A signal and its controller in one, for use within this package: a flag and a list. */
export class LightSignal implements Signal {
  aborted = false;
  reason: unknown;
  #listeners: (() => void)[] | null = null;

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const listeners = this.#listeners ?? [];
    this.#listeners = null;
    for (const listener of listeners) listener();
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (this.#listeners === null) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    const place = this.#listeners?.indexOf(listener) ?? -1;
    if (place !== -1) this.#listeners?.splice(place, 1);
  }
}

const LIGHT = Symbol("coatcheck.signal");

export class CoreCall extends LightSignal implements StoreCall {
  readonly now: number;
  /** An own property, so that a copy of the call by spreading has it too. */
  readonly [LIGHT]: Signal = this;
  #controller: AbortController | undefined;

  constructor(now: number) {
    super();
    this.now = now;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      if (this.aborted) controller.abort(this.reason);
      else this.addEventListener("abort", () => controller.abort(this.reason));
      this.#controller = controller;
    }
    return this.#controller.signal;
  }
}

/** A call as the stores of this package see it. */
export interface Call {
  readonly signal: Signal;
  readonly now: number;
}

/** The signal of a call. For a call of the core, no AbortSignal is made. */
export function signalOf(call: Call): Signal {
  return (call as Partial<CoreCall>)[LIGHT] ?? call.signal;
}
