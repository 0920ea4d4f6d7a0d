/**
 * `session.once`: of all requests of one session, in all processes, one runs a function, and the others get the value that it
 * stored. Both facts that this needs stand in the framework's object of the record. The lease says that the function is running.
 * The number of runs that have stored a value tells a late request that the value it had read is used up. In one process the
 * requests for one key stand in line, and only the first of them asks the store.
 */

import type { StoredRecord } from "../contract/record.ts";
import { newVersion } from "../contract/record.ts";
import {
  changeExtras,
  dictionaryOf,
  type ExtrasChange,
  extrasOf,
  extrasTextOf,
  type Runs,
} from "../contract/record-data.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { logIdOf, ticketOf } from "../cookie/key.ts";
import { checkJson, parseData } from "../data/json.ts";
import { checkFits, readThrough } from "../data/schema.ts";
import {
  SessionCommittedError,
  SessionInterruptedError,
  SettingsError,
  StoreUnavailableError,
} from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings/settings.ts";
import { isWorkerd } from "../workerd.ts";
import type { Announcer } from "./announcer.ts";
import type { Deadline } from "./deadlines.ts";
import type { Draft } from "./draft.ts";
import { isOver } from "./expiry.ts";
import { type GuardedStore, Trail } from "./guarded-store.ts";
import { NothingToWrite } from "./nothing-to-write.ts";
import { isUsable } from "./usable.ts";
import { withActivity } from "./with-activity.ts";
import type { Writers } from "./writers.ts";

export interface OnceOptions {
  /**
   * Seconds after which the next request may run its function, where the process of the running one has died. It is prolonged
   * while the function runs. Default 30, at most 3600.
   */
  lease?: number | undefined;
  /** Seconds that a request waits for the function of another. Default 60, at most 3600. */
  wait?: number | undefined;
}

/** One call of `once`. */
interface Call {
  readonly draft: Draft;
  /** The dictionary at the call. A flush makes another, and then nothing of this call belongs to the session any more. */
  readonly dictionary: Draft["dictionary"];
  readonly key: string;
  readonly run: (current: unknown) => unknown;
  /** Milliseconds. */
  readonly lease: number;
  readonly giveUp: Deadline;
  /** The number of stored runs in the record that the request has read. */
  readonly known: number;
}

/** A value that a run has stored, and the session as it is stored with it. */
interface Result {
  readonly session: StoredSession;
  readonly value: unknown;
}

/** The outcome of a write: the session as it is there, written or found as it need not be written; null where it has ended. */
type Written = { readonly session: StoredSession; readonly isWritten: boolean } | null;

/** Milliseconds: the pause between two looks at the function of another process grows up to this. */
const LONGEST_PAUSE = 1000;

export class Once {
  readonly #settings: Settings;
  readonly #store: GuardedStore;
  readonly #writers: Writers;
  readonly #announcer: Announcer;
  /** The first request in line for each key of a session. It resolves to null where it has stored nothing. */
  readonly #first = new Map<string, Promise<Result | null>>();
  readonly #running = new WeakSet<Draft>();

  constructor(settings: Settings, store: GuardedStore, writers: Writers, announcer: Announcer) {
    this.#settings = settings;
    this.#store = store;
    this.#writers = writers;
    this.#announcer = announcer;
  }

  /** Runs the function, or waits for that of another request; resolves to the value that is stored then. */
  async call(
    { draft, dictionary, key, run }: Pick<Call, "draft" | "dictionary" | "key" | "run">,
    options: OnceOptions,
  ): Promise<unknown> {
    this.#refuseStore();
    const lease = seconds("lease", options.lease ?? 30) * 1000;
    const giveUp = performance.now() + seconds("wait", options.wait ?? 60) * 1000;
    const call = `once(${JSON.stringify(key)})`;
    if (this.#running.has(draft)) {
      throw new TypeError(
        `session.${call} was called while another once() of this request was running. Each could wait for the other, so await ` +
          "the first before you call the second.",
      );
    }
    this.#running.add(draft);
    try {
      await draft.afterEarlierCalls(async () => {});
      if (draft.unavailable !== null) throw draft.unavailable;
      // Also where the handler itself has ended the session since the call: the function is not for the one that follows.
      if (draft.isBarred || draft.dictionary !== dictionary) throw new SessionInterruptedError();
      refuseUnderOldKey(draft, key);
      if (draft.dictionary.isChangedAt(key)) {
        throw new TypeError(
          `session.${call} was called while this request has unsaved changes of that key, which once() would overwrite. ` +
            "Write `await session.save()` first, or change the key only by once().",
        );
      }
      const { stored } = draft;
      const known = stored === null ? 0 : runsOf(stored.record, key).stored;
      return await this.#run({ draft, dictionary, key, run, lease, giveUp, known });
    } finally {
      this.#running.delete(draft);
    }
  }

  #refuseStore(): void {
    const { given } = this.#store;
    if (ticketOf(given).kind === "keyed" && given.capabilities?.compareAndSet !== false) return;
    throw new SettingsError(
      "store",
      "a store on the server that can compare and set, for once(): with this one, two processes could both run the function",
    );
  }

  /** Stands in line where another request of this process is the first, until there is a result for this one too. */
  async #run(call: Call): Promise<unknown> {
    for (;;) {
      const { stored } = call.draft;
      if (stored === null || call.draft.dictionary !== call.dictionary) return this.#runAlone(call);
      if (call.draft.hasMoved(stored)) throw new SessionInterruptedError();
      const place = `${stored.id} ${call.key}`;
      // On workerd no request may wait for work that another has begun.
      const first = isWorkerd ? undefined : this.#first.get(place);
      if (first === undefined) return this.#beFirst(call, stored, place);
      const result = await inTime(first, call.giveUp);
      // The first in line may have changed the key itself, and this request must not get the new one; nor what stands under it.
      if (result !== null && result.session.id !== stored.id) throw new SessionInterruptedError();
      if (result !== null && runsOf(result.session.record, call.key).stored > call.known)
        return adopt(call, result);
    }
  }

  async #beFirst(call: Call, stored: StoredSession, place: string): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<Result | null>();
    this.#first.set(place, promise);
    let result: Result | null = null;
    try {
      const held = await this.#acquire(call, stored);
      if (held === null) return await this.#runAlone(call);
      if (held.isWritten) {
        const next = await this.#hold(call, held.session);
        result = await this.#keep(call, held.session, next);
        if (result === null) return next;
      } else
        result = { session: held.session, value: valueIn(held.session.record, call.key, this.#settings) };
    } finally {
      if (this.#first.get(place) === promise) this.#first.delete(place);
      resolve(result);
    }
    return adopt(call, result);
  }

  /** Nothing is stored for this visitor, so no other request can share the value: it is set as by `set`. */
  async #runAlone({ draft, key, run }: Call): Promise<unknown> {
    if (draft.isCommitted) throw new SessionCommittedError("once() of a session that is not stored yet");
    const { dictionary } = draft;
    const next = await run(dictionary.get(key));
    if (draft.dictionary !== dictionary) return next;
    if (next === undefined) dictionary.delete(key);
    else {
      checkJson(next, key);
      dictionary.set(key, next);
    }
    draft.savesData = true;
    return next;
  }

  /**
   * Takes the lease (`isWritten`), or finds that another request has stored a value. Waits while another process holds the
   * lease. Null where the session has ended, and a login of this request goes on without it.
   */
  async #acquire(call: Call, stored: StoredSession): Promise<Written> {
    const { draft, key, lease, known, giveUp } = call;
    const take = (current: StoredRecord): StoredRecord => {
      const now = this.#settings.clock();
      const runs = runsOf(current, key);
      if (runs.stored > known || (runs.lease !== undefined && runs.lease.until > now))
        throw new NothingToWrite(current);
      const mine = { holder: newVersion(), until: now + lease };
      return withRuns(current, key, { stored: runs.stored, lease: mine });
    };
    let seen = stored;
    for (let attempt = 1; ; attempt++) {
      const taken = await draft.afterEarlierCalls(() => this.#write(call, seen, take, false));
      if (taken === null) return this.#ended(call, stored);
      if (taken.isWritten || runsOf(taken.session.record, key).stored > known) return taken;
      await pause(attempt, giveUp);
      const record = await this.#store.read(stored.id, this.#store.deadline());
      if (record === "moved") throw new SessionInterruptedError();
      if (
        record === null ||
        isOver(record, this.#settings, this.#settings.clock()) ||
        !isUsable(stored.id, record)
      )
        return this.#ended(call, stored);
      seen = { ...stored, record };
    }
  }

  /** Another request has ended the session. Throws, except where a login of this request needs no old session. */
  #ended({ draft, dictionary }: Call, stored: StoredSession): null {
    if (draft.dictionary === dictionary) {
      tell("interrupted", () => ({ session: logIdOf(stored.id) }));
      draft.ended();
    }
    if (draft.isBarred) throw new SessionInterruptedError();
    return null;
  }

  /** Runs the function, and prolongs the lease until it is done. When it throws, the lease is given back. */
  async #hold(call: Call, held: StoredSession): Promise<unknown> {
    const { draft, key, run, lease } = call;
    const { lease: mine } = runsOf(held.record, key);
    /** Changes the lease where it is still this call's own. */
    const changeLease = (change: (runs: Runs) => Runs) =>
      this.#write(
        call,
        held,
        (current) => {
          const runs = runsOf(current, key);
          if (runs.lease?.holder !== mine?.holder) throw new NothingToWrite(current);
          return withRuns(current, key, change(runs));
        },
        true,
      );
    const prolong = ({ stored }: Runs): Runs => ({
      stored,
      lease: { holder: mine?.holder ?? 0, until: this.#settings.clock() + lease },
    });
    // A store that fails is asked again in time; its event tells.
    const timer = setInterval(() => void changeLease(prolong).catch(() => {}), lease / 3);
    timer.unref?.();
    try {
      draft.storedAlone(held, key, valueIn(held.record, key, this.#settings));
      const next = await run(valueIn(held.record, key, this.#settings));
      if (next !== undefined) checkJson(next, key);
      refuseUnderOldKey(draft, key);
      return next;
    } catch (error) {
      await changeLease(({ stored }) => ({ stored })).catch(() => {});
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  /** Stores the value, the number of runs and the end of the lease in one write. Null where the value could not be stored any more. */
  async #keep(call: Call, held: StoredSession, next: unknown): Promise<Result | null> {
    const { draft, key } = call;
    const { stored } = runsOf(held.record, key);
    const text = next === undefined ? null : JSON.stringify(next);
    const put = (current: StoredRecord): StoredRecord => {
      // The lease had run out, and another request has stored its value: that one counts.
      if (runsOf(current, key).stored > stored) throw new NothingToWrite(current);
      return withRuns(withValue(current, key, text, this.#settings), key, { stored: stored + 1 });
    };
    const written = await draft.afterEarlierCalls(() => {
      const isSame = draft.dictionary === call.dictionary;
      return this.#write(call, (isSame ? draft.stored : null) ?? held, put, true);
    });
    if (written === null) {
      if (draft.dictionary === call.dictionary && draft.stored !== null) {
        tell("interrupted", () => ({ session: logIdOf(held.id) }));
        draft.ended();
      }
      return null;
    }
    const { session, isWritten } = written;
    if (isWritten) return { session, value: text === null ? undefined : JSON.parse(text) };
    // A value behind a change of the key is not shown to a request with the old key.
    return draft.hasMoved(session) ? null : { session, value: valueIn(session.record, key, this.#settings) };
  }

  /**
   * Writes what `next` makes of the record that is there. With `follows`, also where another request has moved it to; without,
   * a moved session is SessionInterruptedError, because what is there must not reach a request with the old key. The write is activity
   * of its request, but for a session whose change of key was taken back.
   */
  async #write(
    { draft, dictionary }: Call,
    session: StoredSession,
    next: (current: StoredRecord) => StoredRecord,
    follows: boolean,
  ): Promise<Written> {
    const deadline = this.#store.deadline();
    const trail = new Trail();
    let before = session.record;
    const active = (current: StoredRecord): StoredRecord => {
      before = current;
      const record = next(current);
      return extrasOf(record.data).undone === undefined ? withActivity(record, this.#settings) : record;
    };
    for (let at = session; ; ) {
      try {
        const written = await this.#writers.write(at.id, { known: session.record, next: active, deadline });
        if (written === "gone") return null;
        if ("record" in written) {
          const stored = { ...at, record: written.record };
          if (draft.dictionary === dictionary) this.#announcer.renew(draft, before, stored);
          return { session: stored, isWritten: true };
        }
        if (!follows) throw new SessionInterruptedError();
        trail.step(written.movedTo);
        at = { ...at, key: null, id: written.movedTo };
      } catch (error) {
        if (!(error instanceof NothingToWrite)) throw error;
        return { session: { ...at, record: error.there }, isWritten: false };
      }
    }
  }
}

/** The value for a request that did not store it, or has: its session goes on from the record that holds it. */
function adopt({ draft, dictionary, key }: Call, { session, value }: Result): unknown {
  if (draft.dictionary !== dictionary || draft.stored === null) return value;
  const { stored } = draft;
  draft.storedAlone({ ...session, key: session.id === stored.id ? stored.key : session.key }, key, value);
  return draft.dictionary.get(key);
}

/** The value is stored at once, and the new key with the response. */
function refuseUnderOldKey(draft: Draft, key: string): void {
  if (!draft.intent.rotate || draft.stored === null) return;
  throw new TypeError(
    `session.once(${JSON.stringify(key)}) stores nothing while the new key of login(), confirm() or cycleKey() is not stored. Its value ` +
      "would stand under the old key until then, which may be an attacker's. Write `await session.save()` before the call, or, " +
      "where its function changes the key, at the end of that.",
  );
}

function seconds(name: string, value: unknown): number {
  if (typeof value === "number" && value > 0 && value <= 3600) return value;
  throw new SettingsError(name, "seconds, more than 0 and at most 3600", value);
}

const NO_RUNS: Runs = { stored: 0 };

function runsOf({ data }: StoredRecord, key: string): Runs {
  const { once = {} } = extrasOf(data);
  return Object.hasOwn(once, key) ? (once[key] as Runs) : NO_RUNS;
}

function withRuns(record: StoredRecord, key: string, runs: Runs): StoredRecord {
  const noted: ExtrasChange = (there) => ({ ...there, once: { ...there.once, [key]: runs } });
  const data = changeExtras(record.data, [noted]);
  return { ...record, data };
}

const valueIn = ({ data }: StoredRecord, key: string, { schema }: Settings): unknown =>
  parseData(readThrough(schema, dictionaryOf(data)))[key];

/** The record with a value, given as JSON; null deletes the key. */
function withValue(
  record: StoredRecord,
  key: string,
  text: string | null,
  { schema }: Settings,
): StoredRecord {
  const data = parseData(readThrough(schema, dictionaryOf(record.data)));
  if (text === null) delete data[key];
  else data[key] = JSON.parse(text);
  const dictionary = JSON.stringify(data);
  checkFits(schema, dictionary);
  return { ...record, data: dictionary + extrasTextOf(record.data) };
}

const tooLate = () =>
  new StoreUnavailableError(
    "give the value of once()",
    new Error("the function of another request was still running when `wait` was over"),
  );

/** Resolves as the promise does. Rejects when the time is over first. */
async function inTime<T>(promise: Promise<T>, giveUp: Deadline): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate()), Math.max(0, giveUp - performance.now()));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits with jitter that grows: 25 to 50 ms, 50 to 100 ms, and so on up to a second. Rejects when the time is over. */
async function pause(attempt: number, giveUp: Deadline): Promise<void> {
  const left = giveUp - performance.now();
  if (left <= 0) throw tooLate();
  const longest = Math.min(LONGEST_PAUSE, 25 * 2 ** attempt);
  const wait = longest * (0.5 + Math.random() / 2);
  await new Promise((resolve) => setTimeout(resolve, Math.min(wait, left)));
}
