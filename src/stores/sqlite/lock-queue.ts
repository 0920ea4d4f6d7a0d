import type { Signal } from "../../contract/call.ts";

/** How long one round of the waiting may hold up the rest of the server, milliseconds. */
const ROUND_MS = 5;

/** The longest wait between two tries, milliseconds. */
const LONGEST_WAIT_MS = 25;

interface Waiting {
  /** False when the lock is still there; else it is done, one way or the other. */
  tried(): boolean;
}

/**
 * Synchronous work that a lock held by somebody else may stop. What is stopped waits here in order, tried again after
 * waits that grow and vary, while the server goes on; it leaves when its signal aborts.
 */
export class LockQueue {
  readonly #isLocked: (error: unknown) => boolean;
  readonly #waiting = new Set<Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = 1;

  constructor(isLocked: (error: unknown) => boolean) {
    this.#isLocked = isLocked;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** What `work` returns or throws, at once where nothing is in the way. */
  run<T>(work: () => T, signal: Signal): T | Promise<T> {
    // Who came first goes first: else the oldest would wait longest under load.
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
        this.#waiting.delete(waiting);
        const message =
          "The database stayed locked for as long as the call could wait; the cause says by what.";
        reject(new Error(message, { cause: lock ?? signal.reason }));
      };
      const waiting: Waiting = {
        tried: () => {
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
      this.#waiting.add(waiting);
      this.#tryLater();
    });
  }

  #tryLater(): void {
    this.#timer ??= setTimeout(() => this.#tryAll(), this.#wait * (0.5 + Math.random()));
  }

  #tryAll(): void {
    this.#timer = undefined;
    const end = performance.now() + ROUND_MS;
    for (const waiting of this.#waiting) {
      if (!waiting.tried()) {
        this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
        this.#tryLater();
        return;
      }
      this.#waiting.delete(waiting);
      this.#wait = 1;
      if (performance.now() > end) break;
    }
    if (this.#waiting.size > 0) this.#tryLater();
  }
}
