import type { Signal } from "../../contract/call.ts";

/** How long one round of the waiting may hold up the rest of the server, milliseconds. */
const ROUND_MS = 5;

/** The longest wait between two tries, milliseconds. */
const LONGEST_WAIT_MS = 25;

interface Waiter {
  /** Tries its work again. False when the lock is still there; true when the work has succeeded or failed. */
  try(): boolean;
}

/**
 * Runs synchronous work that the lock of another connection may stop. Work that was stopped waits in order, while the server
 * goes on, and is tried again after pauses that grow and vary. It leaves the queue when its signal aborts.
 */
export class LockQueue {
  readonly #isLocked: (error: unknown) => boolean;
  readonly #waiting = new Set<Waiter>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = 1;

  constructor(isLocked: (error: unknown) => boolean) {
    this.#isLocked = isLocked;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Returns or throws what `work` does; at once where no lock is in the way. */
  run<T>(work: () => T, signal: Signal): T | Promise<T> {
    // Otherwise new work would overtake, and under load the oldest would wait longest.
    if (this.isWaiting) return this.#queue(work, signal);
    try {
      return work();
    } catch (error) {
      if (!this.#isLocked(error)) throw error;
      return this.#queue(work, signal);
    }
  }

  #queue<T>(work: () => T, signal: Signal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let lock: unknown;
      const giveUp = () => {
        this.#waiting.delete(waiter);
        const message =
          "The database stayed locked for as long as the call could wait; the cause says by what.";
        reject(new Error(message, { cause: lock ?? signal.reason }));
      };
      const waiter: Waiter = {
        try: () => {
          try {
            resolve(work());
          } catch (error) {
            if (this.#isLocked(error)) {
              lock = error;
              return false;
            }
            reject(error);
          }
          signal.removeEventListener("abort", giveUp);
          return true;
        },
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting.add(waiter);
      this.#tryLater();
    });
  }

  #tryLater(): void {
    this.#timer ??= setTimeout(() => this.#tryAll(), this.#wait * (0.5 + Math.random()));
  }

  #tryAll(): void {
    this.#timer = undefined;
    const end = performance.now() + ROUND_MS;
    for (const waiter of this.#waiting) {
      if (!waiter.try()) {
        this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
        this.#tryLater();
        return;
      }
      this.#waiting.delete(waiter);
      this.#wait = 1;
      if (performance.now() > end) break;
    }
    if (this.#waiting.size > 0) this.#tryLater();
  }
}
