import type { Store, StoreId } from "coatcheck";
import type { ErrorWords } from "../request/http-error.ts";

const LASTS_MS = 10_000;
const REMEMBERED = 500;

interface Outage {
  endsAt: number;
  /** A request has met it. */
  isFelt: boolean;
}

/** The fault of a store that the tour has taken away. The error page shows its words. */
class PretendedOutage extends Error {
  override name = "PretendedOutage";
  readonly words: ErrorWords;

  constructor(seconds: number) {
    super(`The tour has taken the store away from this session for another ${seconds} s.`);
    this.words = {
      title: "Closed for a moment",
      advice: `The tour has taken the store of your session away. It is back in ${seconds} second${seconds === 1 ? "" : "s"}: wait so long, and load this page again.`,
    };
  }
}

/**
 * Takes the store away from single sessions for ten seconds. The other visitors of a demo notice nothing. A session's
 * handle is the id under which the store keeps it.
 */
export class Outages {
  readonly #outages = new Map<string, Outage>();
  readonly #clock: () => number;

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  begin(handle: string): void {
    this.#outages.delete(handle);
    this.#outages.set(handle, { endsAt: this.#clock() + LASTS_MS, isFelt: false });
    const [oldest] = this.#outages.keys();
    if (this.#outages.size > REMEMBERED && oldest !== undefined) this.#outages.delete(oldest);
  }

  /** Whether this session had an outage that one of its requests has met. */
  wasFelt(handle: string | null): boolean {
    return handle !== null && this.#outages.get(handle)?.isFelt === true;
  }

  /** The store as sessions see it. Its calls for a session that has an outage fail. */
  around(store: Store): Store {
    const refusing =
      <Given extends unknown[], Answer>(verb: (id: StoreId, ...given: Given) => Promise<Answer>) =>
      async (id: StoreId, ...given: Given): Promise<Answer> => {
        this.#refuse(id);
        return verb(id, ...given);
      };
    return {
      ...store,
      read: refusing(store.read),
      update: refusing(store.update),
      rotate: refusing(store.rotate),
      touch: refusing(store.touch),
      delete: refusing(store.delete),
    };
  }

  #refuse(id: StoreId): void {
    const outage = this.#outages.get(id);
    const left = outage ? outage.endsAt - this.#clock() : 0;
    if (!outage || left <= 0) return;
    outage.isFelt = true;
    throw new PretendedOutage(Math.ceil(left / 1000));
  }
}
