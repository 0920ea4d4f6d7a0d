/** Work on one key at a time, in the order in which it came; work on other keys goes on beside it. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when what came before it on this key is done, however it ended. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    this.#last.set(key, turn);
    const leave = () => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    };
    turn.then(leave, leave);
    return turn;
  }
}
