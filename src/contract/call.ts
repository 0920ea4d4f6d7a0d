/** The calls that the core makes. An AbortSignal costs more than a read from memory, so theirs is made for who looks at it. */
import type { StoreCall } from "./store.ts";

/** What stores use of an AbortSignal. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** A signal and its controller in one, for use within this package: no more than a flag and a list. */
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
  /** Own, so that a copy of the call has it too. */
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

/** A call, as far as stores need it within. */
export interface Call {
  readonly signal: Signal;
  readonly now: number;
}

/** The signal of a call: of one that the core made, without making an AbortSignal. */
export function signalOf(call: Call): Signal {
  return (call as Partial<CoreCall>)[LIGHT] ?? call.signal;
}
