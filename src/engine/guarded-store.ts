/** A store as the core sees it: every call has a deadline, every answer is checked, every fault is a StoreUnavailableError. */

import { CoreCall } from "../contract/call.ts";
import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import type { Moved, Store, StoreCall, WriteOutcome } from "../contract/store.ts";
import { StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings.ts";
import { isOver } from "./expiry.ts";

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

const isFound = (answer: unknown) => answer === null || answer === "moved" || isRecord(answer);
const isMoved = (answer: unknown) => isStoreId((answer as Moved | null | undefined)?.movedTo);
const isOutcome = (answer: unknown) =>
  ["saved", "conflict", "gone"].includes(answer as string) || isMoved(answer);
const isBoolean = (answer: unknown) => typeof answer === "boolean";

/** Who waits for an answer: `signal` is aborted when the client hangs up. */
export interface WaitingRequest {
  readonly signal?: AbortSignal;
}

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

  read(id: StoreId, deadline: Deadline, request?: WaitingRequest): Promise<StoredRecord | "moved" | null> {
    return this.ask("read", deadline, isFound, (store, call) => store.read(id, call), request);
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

  /** Any call of a store, guarded. `request` may say that the client has hung up: that gives the waiting up early. */
  ask<T>(
    doing: string,
    deadline: Deadline,
    fits: (answer: unknown) => boolean,
    run: (store: Store, call: StoreCall) => Promise<T>,
    request?: WaitingRequest,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const asking = new Asking(this.#settings, doing, fits, resolve, reject);
      try {
        Promise.resolve(run(this.#settings.store, asking.call)).then(
          (answer) => asking.answered(answer),
          (error) => asking.fail(error),
        );
        void done.then(() => asking.isOver || afterTurn(() => asking.wait(deadline, request)));
      } catch (error) {
        asking.fail(error);
      }
    });
  }
}

const done = Promise.resolve();

/** A store within the process has answered by then, and needs neither timer nor listener. Not everywhere is there such a moment. */
const afterTurn =
  (globalThis as { setImmediate?: (run: () => void) => unknown }).setImmediate ?? ((run) => run());

/** One call on its way. */
class Asking<T> {
  readonly call: CoreCall;
  readonly #settings: Settings;
  readonly #doing: string;
  readonly #fits: (answer: unknown) => boolean;
  readonly #resolve: (answer: T) => void;
  readonly #reject: (error: unknown) => void;
  isOver = false;
  #stopWaiting: (() => void) | undefined;

  constructor(
    settings: Settings,
    doing: string,
    fits: (answer: unknown) => boolean,
    resolve: (answer: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.call = new CoreCall(settings.clock());
    this.#settings = settings;
    this.#doing = doing;
    this.#fits = fits;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Gives up at the deadline, or when the client hangs up, unless it is over by then. */
  wait(deadline: Deadline, request: WaitingRequest | undefined): void {
    if (this.isOver) return;
    const hangUp = request?.signal;
    if (hangUp?.aborted) {
      this.#hungUp();
      return;
    }
    const tooLate = () => this.#giveUp(new Error(`no answer within ${this.#settings.storeTimeout} s`));
    const timer = setTimeout(tooLate, Math.max(0, deadline - performance.now()));
    const hungUp = () => this.#hungUp();
    hangUp?.addEventListener("abort", hungUp);
    this.#stopWaiting = () => {
      clearTimeout(timer);
      hangUp?.removeEventListener("abort", hungUp);
    };
  }

  answered(answer: T): void {
    if (this.isOver) return;
    try {
      if (!this.#fits(answer))
        throw new TypeError(`it answered with something else than the contract says (${typeof answer})`);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#end();
    this.#resolve(answer);
  }

  fail(error: unknown, isTold = true): void {
    if (this.isOver) return;
    this.#end();
    if (isTold) tell("unavailable", () => ({ doing: this.#doing, error }));
    this.#reject(new StoreUnavailableError(this.#doing, error));
  }

  /** Not the store's fault, and so not told. */
  #hungUp(): void {
    this.#giveUp(new Error("the client hung up"), false);
  }

  #giveUp(reason: Error, isTold = true): void {
    this.call.abort(reason);
    this.fail(reason, isTold);
  }

  #end(): void {
    this.isOver = true;
    this.#stopWaiting?.();
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
