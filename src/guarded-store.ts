/** A store as the core sees it: every call has a deadline, every answer is checked, every fault is a StoreUnavailableError. */
import { StoreUnavailableError } from "./errors.ts";
import { tell } from "./events.ts";
import { isOver } from "./expiry.ts";
import type { Settings } from "./settings.ts";
import {
  isStoreId,
  type Moved,
  type Store,
  type StoreCall,
  type StoredRecord,
  type StoreId,
  type WriteOutcome,
} from "./store.ts";

/** A moment on the machine's own clock, `performance.now()`: the clock of the settings is for expiry only. */
export type Deadline = number;

const isTime = (value: unknown) => typeof value === "number" && Number.isFinite(value);
const isTimeOrNull = (value: unknown) => value === null || isTime(value);

function isRecord(answer: unknown): boolean {
  if (typeof answer !== "object" || answer === null) return false;
  const record = answer as Record<keyof StoredRecord, unknown>;
  return (
    typeof record.data === "string" &&
    Number.isSafeInteger(record.version) &&
    (record.userId === null || typeof record.userId === "string") &&
    isTime(record.createdAt) &&
    isTimeOrNull(record.authenticatedAt) &&
    isTime(record.expiresAt) &&
    isTimeOrNull(record.expiry) &&
    Number.isSafeInteger(record.format)
  );
}

const isMoved = (answer: unknown) => isStoreId((answer as Moved | null | undefined)?.movedTo);
const isOutcome = (answer: unknown) =>
  ["saved", "conflict", "gone"].includes(answer as string) || isMoved(answer);
const isBoolean = (answer: unknown) => typeof answer === "boolean";

export interface Located {
  readonly id: StoreId;
  readonly record: StoredRecord;
}

export class GuardedStore {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The store as it was given, for what it offers beyond the verbs. */
  get given(): Store {
    return this.#settings.store;
  }

  /** When what begins now must be done. */
  deadline(): Deadline {
    return performance.now() + this.#settings.storeTimeout * 1000;
  }

  read(id: StoreId, deadline: Deadline, hangUp?: AbortSignal): Promise<StoredRecord | "moved" | null> {
    const fits = (answer: unknown) => answer === null || answer === "moved" || isRecord(answer);
    return this.ask("read", deadline, fits, (store, call) => store.read(id, call), hangUp);
  }

  create(id: StoreId, record: StoredRecord, deadline: Deadline): Promise<boolean> {
    return this.ask("create a session", deadline, isBoolean, (store, call) => store.create(id, record, call));
  }

  update(id: StoreId, record: StoredRecord, expected: number, deadline: Deadline): Promise<WriteOutcome> {
    return this.ask("write", deadline, isOutcome, (store, call) => store.update(id, record, expected, call));
  }

  rotate(
    from: StoreId,
    to: StoreId,
    record: StoredRecord,
    expected: number,
    deadline: Deadline,
  ): Promise<WriteOutcome> {
    return this.ask("change the key", deadline, isOutcome, (store, call) =>
      store.rotate(from, to, record, expected, call),
    );
  }

  touch(id: StoreId, expiresAt: number, version: number, deadline: Deadline): Promise<boolean> {
    return this.ask("prolong a session", deadline, isBoolean, (store, call) =>
      store.touch(id, expiresAt, version, call),
    );
  }

  /** Deletes a record. Of a moved id it removes nothing, and answers where the session went. */
  async delete(id: StoreId, deadline: Deadline): Promise<StoreId | undefined> {
    const fits = (answer: unknown) => answer === undefined || isMoved(answer);
    return (await this.ask("delete a session", deadline, fits, (store, call) => store.delete(id, call)))
      ?.movedTo;
  }

  /** Deletes a session, wherever it has moved to. */
  async end(id: StoreId, deadline: Deadline): Promise<void> {
    const trail = new Trail();
    for (let at: StoreId | undefined = id; at !== undefined; at = await this.delete(at, deadline))
      trail.step(at);
  }

  /** The live session of an id, followed where it has moved to. */
  async locate(id: StoreId, deadline: Deadline): Promise<Located | null> {
    const trail = new Trail();
    for (let at: StoreId | undefined = id; at !== undefined; at = await this.delete(at, deadline)) {
      trail.step(at);
      const record: StoredRecord | "moved" | null = await this.read(at, deadline);
      if (record === null) return null;
      if (record !== "moved")
        return isOver(record, this.#settings, this.#settings.clock()) ? null : { id: at, record };
      // Of a moved id, delete removes nothing and says where it went.
    }
    return null;
  }

  /** Any call of a store, guarded. `hangUp` gives the waiting up early. */
  ask<T>(
    doing: string,
    deadline: Deadline,
    fits: (answer: unknown) => boolean,
    run: (store: Store, call: StoreCall) => Promise<T>,
    hangUp?: AbortSignal,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const abort = new LazyController();
      let isOver = false;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stop = () => {
        isOver = true;
        clearTimeout(timer);
        hangUp?.removeEventListener("abort", hungUp);
      };
      const fail = (error: unknown) => {
        if (isOver) return;
        stop();
        if (!hangUp?.aborted) tell("unavailable", () => ({ doing, error }));
        reject(new StoreUnavailableError(doing, error));
      };
      const giveUp = (reason: Error) => {
        abort.abort(reason);
        fail(reason);
      };
      const hungUp = () => giveUp(new Error("the client hung up"));
      const tooLate = () => giveUp(new Error(`no answer within ${this.#settings.storeTimeout} s`));
      const answered = (answer: T) => {
        if (isOver) return;
        try {
          if (!fits(answer))
            throw new TypeError(`it answered with something else than the contract says (${typeof answer})`);
          stop();
          resolve(answer);
        } catch (error) {
          fail(error);
        }
      };
      const call = {
        now: this.#settings.clock(),
        get signal() {
          return abort.signal;
        },
      };
      try {
        hangUp?.throwIfAborted();
        hangUp?.addEventListener("abort", hungUp);
        Promise.resolve(run(this.#settings.store, call)).then(answered, fail);
        // A store within the process has answered by then, and needs no timer.
        void Promise.resolve().then(() => {
          if (!isOver) timer = setTimeout(tooLate, Math.max(0, deadline - performance.now()));
        });
      } catch (error) {
        fail(error);
      }
    });
  }
}

/** The places that a session was followed through: marks that lead in a circle are no answer. */
export class Trail {
  readonly #been = new Set<StoreId>();

  step(id: StoreId): void {
    if (this.#been.has(id)) {
      throw new StoreUnavailableError("follow a session", new Error("its marks lead in a circle"));
    }
    this.#been.add(id);
  }
}

/** An AbortController made only for stores that look at the signal. */
class LazyController {
  #controller: AbortController | null = null;
  #reason: Error | null = null;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== null) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
