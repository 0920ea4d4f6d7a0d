import type { Sessions } from "coatcheck";

export interface Progress {
  /** The number of expired sessions before the clearing began; null where the store cannot count. */
  expected: number | null;
  deleted: number;
  isOver: boolean;
  hasFailed: boolean;
}

/** Clears expired sessions when a librarian asks for it, and reports the progress. Runs one clearing at a time. */
export class Clearing {
  readonly #sessions: Sessions;
  #progress: Progress | null = null;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** The progress of the clearing that is running, or else of the last one since the site started. */
  get progress(): Progress | null {
    return this.#progress;
  }

  /** Begins a clearing unless one is running. Does not wait for its end. */
  start(expected: number | null): void {
    if (this.#progress?.isOver === false) return;
    const progress = { expected, deleted: 0, isOver: false, hasFailed: false };
    this.#progress = progress;
    void this.#sessions
      .clearExpired({ onProgress: ({ deleted }) => Object.assign(progress, { deleted }) })
      .catch((error) => {
        console.error("Expired sessions could not be cleared.", error);
        progress.hasFailed = true;
      })
      .finally(() => {
        progress.isOver = true;
      });
  }
}
