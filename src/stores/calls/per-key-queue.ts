/** Runs work on one key at a time, in the order of the calls. Work on different keys runs side by side. */
export class PerKeyQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when the earlier work on this key has ended, with or without success. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    this.#last.set(key, done);
    const forget = () => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    };
    done.then(forget, forget);
    return done;
  }
}
