import type { Sessions } from "coatcheck";

export interface Progress {
  /** As counted before; null where the store cannot tell. */
  expected: number | null;
  deleted: number;
  isOver: boolean;
  hasFailed: boolean;
}

/** Clears expired sessions when a librarian says so, one clearing at a time, and tells how far it is. */
export class Clearing {
  readonly #sessions: Sessions;
  #progress: Progress | null = null;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** Of the clearing under way, or of the last one since the site started. */
  get progress(): Progress | null {
    return this.#progress;
  }

  /** Begins one, unless one is under way, and does not wait for its end. */
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
