/** Writes one record for a batch of writers: a compare-and-set, and after a conflict the same again on the newer record. */

import { newVersion, type StoredRecord, type StoreId } from "../contract/record.ts";
import { type Moved, storedBy, type WriteOutcome } from "../contract/store.ts";
import { logIdOf, ticketOf } from "../cookie/key.ts";
import { isSessionUserError, StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import { wait } from "../wait.ts";
import type { Deadline } from "./deadlines.ts";
import type { GuardedStore } from "./guarded-store.ts";
import type { InDoubt } from "./in-doubt.ts";
import { NothingToWrite } from "./nothing-to-write.ts";
import { isUsable } from "./usable.ts";

/** A write as one request wants it. */
export interface Write {
  /** The record that the request knows. */
  readonly known: StoredRecord;
  /** Makes the record to be stored from the one that is there; runs again when that has changed. Its version is not used. */
  next(current: StoredRecord): StoredRecord;
  /** The new id, where the key changes. Such a write is not shared with others. */
  readonly rotateTo?: StoreId | undefined;
  readonly deadline: Deadline;
  /** Gets the versions under which the write is given to the store. Where one of them is found, the write was stored. */
  readonly versions?: number[];
}

/** The first call of the store for a write, and its answer. */
export interface Attempt {
  readonly record: StoredRecord;
  readonly outcome: Promise<WriteOutcome>;
}

/** The outcome of a write: the record as it is stored, or the reason why there was none to write on. */
export type Written = { readonly record: StoredRecord } | "gone" | Moved;

/** A request that waits for its write. */
export interface Writer {
  readonly write: Write;
  readonly versions: number[];
  /** It waited until its deadline, and its write must not be done any more. */
  readonly hasLeft: boolean;
  settle(written: Written): void;
  fail(error: unknown): void;
}

/** The error of a writer whose deadline has come while others wrote. */
export const tooBusy = () =>
  new StoreUnavailableError("write", new Error("others were writing to the session all the time"));

/** Waits with full jitter that grows: up to 4, 8, 16 … 250 ms. */
export const pause = (attempt: number) => wait(Math.random() * Math.min(250, 2 ** (attempt + 1)));

const isRecord = (seen: StoredRecord | "gone" | Moved): seen is StoredRecord =>
  typeof seen === "object" && "data" in seen;

const isMoved = (outcome: WriteOutcome): outcome is Moved =>
  typeof outcome === "object" && "movedTo" in outcome;

const isMovedTo = (outcome: WriteOutcome, id: StoreId | undefined): boolean =>
  isMoved(outcome) && outcome.movedTo === id;

/** The store, and the place where writes go that may have been stored although the store did not say so. */
export interface Stores {
  readonly store: GuardedStore;
  readonly inDoubt: InDoubt;
}

const isOwn = (seen: StoredRecord | "moved" | null | undefined, { version }: StoredRecord): boolean =>
  typeof seen === "object" && seen?.version === version;

/** Stores a new record, and resolves to it with the version that it has in the store; null when the id is taken. */
export async function createRecord(
  { store, inDoubt }: Stores,
  id: StoreId,
  record: StoredRecord,
  deadline: Deadline,
): Promise<StoredRecord | null> {
  let call: Promise<unknown> = Promise.resolve();
  let created: Awaited<ReturnType<GuardedStore["create"]>>;
  try {
    created = await store.create(id, record, deadline, (creating) => {
      call = creating;
    });
  } catch (fault) {
    if (isSessionUserError(fault)) throw fault;
    const seen = await lookOnce(deadline, () => store.read(id, deadline));
    if (isOwn(seen, record)) return record;
    inDoubt.created(id, call);
    throw fault;
  }
  // A client that repeats a command whose answer was lost finds the id taken, by this record. If the store cannot say whose it is, the
  // record is left alone, because it may be another's.
  if (created === false && isOwn(await store.read(id, deadline), record)) return record;
  return storedBy(created, record);
}

/**
 * Writes for a batch, and settles each of its writers. Resolves to the record from which the next batch goes on, or to the
 * reason why no writer in line has a record any more; null when the next batch must read it. Rejects when the record could
 * not be read. `current` is the record that the batch goes on from; null when it must be read first. `attempt` is the first call of
 * the store, where it was made already.
 */
export async function writeBatch(
  stores: Stores,
  id: StoreId,
  batch: Writer[],
  current: StoredRecord | null,
  attempt?: Attempt,
): Promise<Written | null> {
  const later: Writer[] = [];
  const end = await writeTogether(stores, id, batch, later, current, attempt);
  if (later.length === 0) return end;
  if (end === null) return writeBatch(stores, id, later, null);
  return typeof end === "object" && "record" in end
    ? writeBatch(stores, id, later, end.record)
    : settleAll(later, end);
}

/** `writeBatch`, but for the writers that it puts into `later`. */
async function writeTogether(
  stores: Stores,
  id: StoreId,
  batch: Writer[],
  later: Writer[],
  current: StoredRecord | null,
  attempt: Attempt | undefined,
): Promise<Written | null> {
  const { store } = stores;
  const deadline = Math.max(...batch.map(({ write }) => write.deadline));
  for (let round = 1; ; round++) {
    if (current === null) {
      const seen = await reread(store, id, deadline);
      if (!isRecord(seen)) return settleAll(batch, seen);
      current = seen;
    }
    const { record, writers } =
      attempt === undefined
        ? makeRecord(notStoredIn(current, batch), later, current)
        : { record: attempt.record, writers: batch };
    if (writers.length === 0) return { record: current };
    const rotateTo = (writers[0] as Writer).write.rotateTo;
    let outcome: WriteOutcome;
    try {
      if (attempt !== undefined) outcome = await attempt.outcome;
      else
        outcome = rotateTo
          ? await store.rotate(id, rotateTo, record, current.version, deadline)
          : await store.update(id, record, current.version, deadline);
    } catch (fault) {
      return afterFault(stores, { id, writers, rotateTo, before: current, after: record, deadline, fault });
    }

    attempt = undefined;
    const stored = storedBy(outcome, record);
    if (stored !== null) return saved(writers, stored, rotateTo);
    if (isMovedTo(outcome, rotateTo)) return saved(writers, record, rotateTo);
    if (outcome === "gone" || isMoved(outcome)) return settleAll(writers, outcome);

    tell("conflict", () => ({ session: logIdOf(id), attempt: round }));
    const seen = await reread(store, id, deadline);
    if (isMovedToOurs(seen, rotateTo)) return saved(writers, record, rotateTo);
    if (!isRecord(seen)) return settleAll(writers, seen);
    current = seen;
    batch = notStoredIn(current, writers);
    if (batch.length === 0) return { record: current };
    if (performance.now() >= deadline) throw tooBusy();
    if (round > 1) await pause(round);
  }
}

/** Makes the first call of the store for a write. Throws what its `next` throws. */
export function beginAttempt({ store }: Stores, id: StoreId, write: Write): Attempt {
  const version = newVersion();
  const record = { ...write.next(write.known), version };
  write.versions?.push(version);
  return { record, outcome: store.update(id, record, write.known.version, write.deadline) };
}

/** A write that the store answered with a fault. */
interface FailedWrite {
  readonly id: StoreId;
  readonly writers: Writer[];
  readonly rotateTo: StoreId | undefined;
  readonly before: StoredRecord;
  readonly after: StoredRecord;
  readonly deadline: Deadline;
  readonly fault: unknown;
}

/**
 * Looks once at what the write has left, if there is time. Where nothing was stored for a batch, each of its writers is
 * tried alone, because one of them may have a record that the store refuses. Settles the writers, and resolves as
 * `writeBatch` does.
 */
async function afterFault(stores: Stores, write: FailedWrite): Promise<Written | null> {
  const { id, writers, rotateTo, before, after, deadline, fault } = write;
  if (isSessionUserError(fault)) {
    for (const writer of writers) writer.fail(fault);
    return { record: before };
  }
  const seen = await lookOnce(deadline, () => reread(stores.store, id, deadline));
  if (seen !== null) {
    if (isDone(seen, after, rotateTo)) return saved(writers, after, rotateTo);
    // Without marks, a session that is gone may have moved to our own new id, where no browser would ever look for it.
    if (seen === "gone" && rotateTo !== undefined && ticketOf(stores.store.given).kind === "clear")
      stores.inDoubt.rotated({ from: id, to: rotateTo, before, after });
    // The session has ended, or another request has changed its key; our own change of key has then not been made.
    if (seen === "gone" || (rotateTo !== undefined && !isRecord(seen))) return settleAll(writers, seen);
    if (isRecord(seen) && seen.version === before.version && writers.length > 1)
      return writeEachAlone(stores, id, writers, seen);
  }
  if (rotateTo !== undefined) stores.inDoubt.rotated({ from: id, to: rotateTo, before, after });
  for (const writer of writers) writer.fail(fault);
  return seen !== null && isRecord(seen) ? { record: seen } : seen;
}

async function writeEachAlone(
  stores: Stores,
  id: StoreId,
  writers: Writer[],
  seen: StoredRecord,
): Promise<Written | null> {
  let next: Written | null = { record: seen };
  for (const writer of writers) {
    if (next !== null && !("record" in Object(next))) {
      writer.settle(next);
      continue;
    }
    const current: StoredRecord | null = next === null ? null : (next as { record: StoredRecord }).record;
    next = await writeBatch(stores, id, [writer], current).catch((error) => {
      writer.fail(error);
      return null;
    });
  }
  return next;
}

/** A look is not begun with less time left, milliseconds: timers are no finer, and a call that was too late has none. */
const TIME_TO_LOOK = 10;

/** Looks at the store after a fault; null when there is no time left, or when this fails as well. */
async function lookOnce<T>(deadline: Deadline, look: () => Promise<T>): Promise<T | null> {
  return performance.now() + TIME_TO_LOOK < deadline ? look().catch(() => null) : null;
}

/** Whether the write was done, and only its answer was lost: our own version is there, or the mark of our own new id. */
function isDone(
  seen: StoredRecord | "gone" | Moved,
  after: StoredRecord,
  rotateTo: StoreId | undefined,
): boolean {
  return isRecord(seen) ? seen.version === after.version : isMovedToOurs(seen, rotateTo);
}

const isMovedToOurs = (seen: StoredRecord | "gone" | Moved, rotateTo: StoreId | undefined): boolean =>
  !isRecord(seen) && isMovedTo(seen, rotateTo);

/** Settles the writers whose write the record holds already: it was stored, and its answer was lost. Gives the others. */
function notStoredIn(record: StoredRecord, writers: Writer[]): Writer[] {
  return writers.filter((writer) => {
    if (!writer.versions.includes(record.version)) return true;
    writer.settle({ record });
    return false;
  });
}

/** Reads the record that another request wrote. A record that this release cannot use cannot be written on: it is as good as gone. */
async function reread(
  store: GuardedStore,
  id: StoreId,
  deadline: Deadline,
): Promise<StoredRecord | "gone" | Moved> {
  const seen = await store.read(id, deadline);
  if (seen !== "moved") return seen !== null && isUsable(id, seen) ? seen : "gone";
  // `delete` is the verb that answers where a session has moved to; it removes nothing then.
  const movedTo = await store.delete(id, deadline);
  return movedTo === undefined ? "gone" : { movedTo };
}

/**
 * Makes one record from the changes of all writers. A writer whose changes throw fails alone. One that finds nothing to write on what
 * others of the batch are about to write is put into `later`: only a record that is stored can tell it so.
 */
function makeRecord(
  batch: Writer[],
  later: Writer[],
  current: StoredRecord,
): { record: StoredRecord; writers: Writer[] } {
  let record = current;
  const writers = batch.filter((writer) => {
    if (writer.hasLeft) return false;
    try {
      record = writer.write.next(record);
      return true;
    } catch (error) {
      if (error instanceof NothingToWrite && record !== current) later.push(writer);
      else writer.fail(error);
      return false;
    }
  });
  const version = newVersion();
  for (const { versions } of writers) versions.push(version);
  return { record: { ...record, version }, writers };
}

function saved(writers: Writer[], record: StoredRecord, rotateTo: StoreId | undefined): Written {
  settleAll(writers, { record });
  return rotateTo ? { movedTo: rotateTo } : { record };
}

function settleAll(writers: Writer[], written: Written): Written {
  for (const writer of writers) writer.settle(written);
  return written;
}
