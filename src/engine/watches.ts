/**
 * `sessions.watch`: tells open connections when their session has ended or has changed its user. Sessions that are watched with
 * the same `every` are read together, in one turn of the event loop, so that the store can answer them in one round trip.
 */

import type { StoreId } from "../contract/record.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { SessionInterruptedError, SettingsError } from "../errors.ts";
import { isWorkerd } from "../workerd.ts";
import type { GuardedStore } from "./guarded-store.ts";

export interface WatchOptions {
  /** Seconds between two looks at the store, more than 0 and at most 30. Default 10. */
  readonly every?: number | undefined;
  /** Stops the watching when it is aborted: give one that ends with the connection. */
  readonly signal?: AbortSignal | undefined;
}

/** A moved session is followed by the mark at its old id, which lives for a minute. */
const LONGEST_PERIOD = 30;

/** A session as it was seen, or as it went on under a new id; null where it has ended. */
type Seen = { readonly id: StoreId; readonly userId: string | null } | null;

/** One call of `watch`. */
interface Watch {
  /** The id under which the session was last seen. */
  id: StoreId;
  readonly userId: string | null;
  readonly over: AbortController;
  /** Forgets the watch. */
  stop(): void;
}

/** The sessions that are looked at together, with one timer. */
class Round {
  readonly #watches = new Set<Watch>();
  readonly #store: GuardedStore;
  readonly #every: number;
  readonly #saw: (watch: Watch, seen: Seen) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: GuardedStore, every: number, saw: (watch: Watch, seen: Seen) => void) {
    this.#store = store;
    this.#every = every;
    this.#saw = saw;
  }

  add(watch: Watch): void {
    this.#watches.add(watch);
    if (this.#watches.size === 1) this.#wait(this.#every);
  }

  delete(watch: Watch): void {
    this.#watches.delete(watch);
    if (this.#watches.size === 0) clearTimeout(this.#timer);
  }

  #wait(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, milliseconds));
    this.#timer.unref?.();
  }

  async #look(): Promise<void> {
    const begun = performance.now();
    const byId = new Map<StoreId, Watch[]>();
    for (const watch of this.#watches) byId.set(watch.id, [...(byId.get(watch.id) ?? []), watch]);
    await Promise.all([...byId].map(([id, watches]) => this.#lookAt(id, watches)));
    if (this.#watches.size > 0) this.#wait(this.#every - (performance.now() - begun));
  }

  async #lookAt(id: StoreId, watches: readonly Watch[]): Promise<void> {
    let found: StoredSession | null;
    try {
      found = await this.#store.locate(id, this.#store.deadline());
    } catch {
      return; // A store that is away is asked again with the next look. Its event tells.
    }
    const seen = found === null ? null : { id: found.id, userId: found.record.userId };
    // A session that changed its key in this process during the look was seen there already.
    for (const watch of watches) if (watch.id === id && this.#watches.has(watch)) this.#saw(watch, seen);
  }
}

export class Watches {
  readonly #store: GuardedStore;
  readonly #byId = new Map<StoreId, Set<Watch>>();
  /** By their period, milliseconds. */
  readonly #rounds = new Map<number, Round>();
  #isStopped = false;

  constructor(store: GuardedStore) {
    this.#store = store;
    // On workerd no request may act on what belongs to another: there the period alone tells.
    if (isWorkerd) return;
    store.onDeparture = (id, seen) => {
      for (const watch of this.#byId.get(id) ?? []) this.#saw(watch, seen);
    };
  }

  /** A signal that aborts when the session ends or changes its user. */
  watch({ id, record }: StoredSession, { every = 10, signal }: WatchOptions): AbortSignal {
    if (!(typeof every === "number" && every > 0 && every <= LONGEST_PERIOD))
      throw new SettingsError("every", `seconds, more than 0 and at most ${LONGEST_PERIOD}`, every);
    const over = new AbortController();
    if (signal?.aborted || this.#isStopped) return over.signal;
    const round = this.#roundOf(every * 1000);
    const stop = () => {
      signal?.removeEventListener("abort", stop);
      this.#forget(watch);
      round.delete(watch);
    };
    const watch: Watch = { id, userId: record.userId, over, stop };
    signal?.addEventListener("abort", stop);
    this.#remember(watch);
    round.add(watch);
    return over.signal;
  }

  /** Stops all watching. The signals stay as they are. */
  stop(): void {
    this.#isStopped = true;
    for (const watches of [...this.#byId.values()]) for (const watch of [...watches]) watch.stop();
  }

  #roundOf(every: number): Round {
    const make = () => new Round(this.#store, every, (watch, seen) => this.#saw(watch, seen));
    // On workerd a request's timers and reads end with the request, so each watch has its own.
    if (isWorkerd) return make();
    const round = this.#rounds.get(every) ?? make();
    this.#rounds.set(every, round);
    return round;
  }

  #saw(watch: Watch, seen: Seen): void {
    if (seen !== null && seen.userId === watch.userId) {
      if (seen.id === watch.id) return;
      this.#forget(watch);
      watch.id = seen.id;
      this.#remember(watch);
      return;
    }
    watch.stop();
    watch.over.abort(new SessionInterruptedError());
  }

  #remember(watch: Watch): void {
    const watches = this.#byId.get(watch.id) ?? new Set();
    this.#byId.set(watch.id, watches.add(watch));
  }

  #forget(watch: Watch): void {
    const watches = this.#byId.get(watch.id);
    watches?.delete(watch);
    if (watches?.size === 0) this.#byId.delete(watch.id);
  }
}
