import { randomUUID } from "node:crypto";

/** A line of the guest book, which the session keeps. */
export interface Signature {
  tab: string;
  /** The number of lines that the tab had read before it signed. */
  found: number;
  /** Two tabs that signed at the same moment have the same meeting; null for a tab that waited in vain. */
  meeting: string | null;
}

const PATIENCE_MS = 30_000;

/** Whether two tabs have signed at the same moment. */
export function areMet(book: Signature[]): boolean {
  const meetings = book.flatMap(({ meeting }) => meeting ?? []);
  return new Set(meetings).size < meetings.length;
}

/** Brings two requests of one session together, so that both have read it before either writes. */
export class Meetings {
  readonly #waiting = new Map<string, (meeting: string) => void>();

  /** Waits for the other one of two that come under a name. Resolves to null if none comes in half a minute. */
  async come(name: string, signal: AbortSignal): Promise<string | null> {
    if (signal.aborted) return null;
    const partner = this.#waiting.get(name);
    if (partner) {
      const meeting = randomUUID();
      this.#waiting.delete(name);
      partner(meeting);
      return meeting;
    }
    const { promise, resolve } = Promise.withResolvers<string | null>();
    const leave = () => resolve(null);
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    patience.addEventListener("abort", leave);
    this.#waiting.set(name, resolve);
    const meeting = await promise;
    patience.removeEventListener("abort", leave);
    if (this.#waiting.get(name) === resolve) this.#waiting.delete(name);
    return meeting;
  }
}
