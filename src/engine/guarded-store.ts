/**
 * A store as the engine sees it: every call has a deadline, every answer is checked, and every fault is a
 * StoreUnavailableError. Only a SessionUserError passes as it is: the store could do its work, and refuses the user.
 */

import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import {
  type Moved,
  type Saved,
  type Store,
  type StoreCall,
  storedBy,
  type WriteOutcome,
} from "../contract/store.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { Settings } from "../settings/settings.ts";
import { isHeard, type Operation, storeCalls, traceCall } from "../tracing.ts";
import { isWorkerd } from "../workerd.ts";
import { type Deadline, Deadlines } from "./deadlines.ts";
import { Departed } from "./departed.ts";
import { isOver } from "./expiry.ts";
import { GuardedCall, type WaitingRequest } from "./guarded-call.ts";

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
const isSaved = (answer: unknown) => Number.isSafeInteger((answer as Saved | null | undefined)?.saved);
const isOutcome = (answer: unknown) =>
  ["saved", "conflict", "gone"].includes(answer as string) || isSaved(answer) || isMoved(answer);
const isBoolean = (answer: unknown) => typeof answer === "boolean";
const isCreated = (answer: unknown) => isBoolean(answer) || isSaved(answer);

/** What each call is doing, in the words of its errors. */
const doings: Record<Operation, string> = {
  read: "read",
  create: "create a session",
  update: "write",
  rotate: "change the key",
  touch: "prolong a session",
  delete: "delete a session",
  listUser: "list a user's sessions",
  clearExpired: "clear expired sessions",
  stats: "count its sessions",
};

/** Makes a call of the store. `waiting` is for calls of several steps, which move the deadline with each. */
type Run<T> = (store: Store, call: StoreCall, waiting: { beginAnew(deadline: Deadline): void }) => Promise<T>;

export class GuardedStore {
  /** The ids that were deleted, or found to have moved, or moved by us. */
  readonly departed = new Departed();
  /** Told when a session has left its id: where it went on, or null where it has ended. */
  onDeparture: ((id: StoreId, to: { id: StoreId; userId: string | null } | null) => void) | null = null;
  readonly #settings: Settings;
  readonly #deadlines = new Deadlines();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The store as it was given, for its abilities and its optional methods. */
  get given(): Store {
    return this.#settings.store;
  }

  /** The moment by which an operation that begins now must be done. */
  deadline(): Deadline {
    return performance.now() + this.#settings.storeTimeout * 1000;
  }

  read(id: StoreId, deadline: Deadline, request?: WaitingRequest): Promise<StoredRecord | "moved" | null> {
    return this.ask("read", deadline, isFound, (store, call) => store.read(id, call), request);
  }

  /** `onCall` is given the store's own promise, which may be settled after the deadline. */
  create(
    id: StoreId,
    record: StoredRecord,
    deadline: Deadline,
    onCall: (created: Promise<boolean | Saved>) => void,
  ): Promise<boolean | Saved> {
    return this.ask("create", deadline, isCreated, (store, call) => {
      // One promise for both, as a second one of a store's own kind of promise would be rejected without a handler.
      const created = Promise.resolve(store.create(id, record, call));
      onCall(created);
      return created;
    });
  }

  update(id: StoreId, record: StoredRecord, expected: number, deadline: Deadline): Promise<WriteOutcome> {
    return this.ask("update", deadline, isOutcome, (store, call) => store.update(id, record, expected, call));
  }

  async rotate(
    from: StoreId,
    to: StoreId,
    record: StoredRecord,
    expected: number,
    deadline: Deadline,
  ): Promise<WriteOutcome> {
    const outcome = await this.ask("rotate", deadline, isOutcome, (store, call) =>
      store.rotate(from, to, record, expected, call),
    );
    if (outcome === "conflict" || outcome === "gone") return outcome;
    this.departed.add(from);
    if (storedBy(outcome, record) !== null) this.onDeparture?.(from, { id: to, userId: record.userId });
    return outcome;
  }

  touch(id: StoreId, expiresAt: number, version: number, deadline: Deadline): Promise<boolean> {
    return this.ask("touch", deadline, isBoolean, (store, call) => store.touch(id, expiresAt, version, call));
  }

  /** Deletes a record. For a moved id it removes nothing, and answers the new id. */
  async delete(id: StoreId, deadline: Deadline): Promise<StoreId | undefined> {
    const fits = (answer: unknown) => answer === undefined || isMoved(answer);
    const answer = await this.ask("delete", deadline, fits, (store, call) => store.delete(id, call));
    this.departed.add(id);
    if (answer === undefined) this.onDeparture?.(id, null);
    return answer?.movedTo;
  }

  /** Deletes a session, wherever it has moved to. */
  async end(id: StoreId, deadline: Deadline): Promise<void> {
    const trail = new Trail();
    for (let at: StoreId | undefined = id; at !== undefined; at = await this.delete(at, deadline))
      trail.step(at);
  }

  /** Finds the live session of an id, also where it has moved to. */
  async locate(id: StoreId, deadline: Deadline): Promise<StoredSession | null> {
    const trail = new Trail();
    // `delete` is the verb that answers where a session has moved to; it removes nothing then.
    for (let at: StoreId | undefined = id; at !== undefined; at = await this.delete(at, deadline)) {
      trail.step(at);
      const record: StoredRecord | "moved" | null = await this.read(at, deadline);
      if (record === "moved") continue;
      const isLive = record !== null && !isOver(record, this.#settings, this.#settings.clock());
      return isLive ? { key: null, id: at, record } : null;
    }
    return null;
  }

  /** Makes any call of the store. The waiting ends early when the client of `request` hangs up. */
  ask<T>(
    operation: Operation,
    deadline: Deadline,
    fits: (answer: unknown) => boolean,
    run: Run<T>,
    request?: WaitingRequest,
  ): Promise<T> {
    if (!isHeard(storeCalls)) return this.#ask(operation, deadline, fits, run, request);
    return traceCall(operation, this.given.name, () => this.#ask(operation, deadline, fits, run, request));
  }

  #ask<T>(
    operation: Operation,
    deadline: Deadline,
    fits: (answer: unknown) => boolean,
    run: Run<T>,
    request: WaitingRequest | undefined,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      // On workerd a timer ends with the request that has set it, so each call has its own.
      const deadlines = isWorkerd ? new Deadlines() : this.#deadlines;
      const guarded = new GuardedCall(
        this.#settings,
        doings[operation],
        fits,
        resolve,
        reject,
        deadlines,
        deadline,
        request,
      );
      deadlines.add(guarded);
      try {
        Promise.resolve(run(this.#settings.store, guarded.call, guarded)).then(
          (answer) => guarded.answered(answer),
          (error) => guarded.fail(error),
        );
      } catch (error) {
        guarded.fail(error);
      }
    });
  }
}

/** The ids that a session was followed through. Marks that lead in a circle are a fault of the store. */
export class Trail {
  readonly #been = new Set<StoreId>();

  step(id: StoreId): void {
    if (this.#been.has(id)) {
      throw new StoreUnavailableError("follow a session", new Error("its marks lead in a circle"));
    }
    this.#been.add(id);
  }
}
