/**
 * A store of this package behind the connect contract. It remembers the record that each session object was read from, so
 * that a save is a compare-and-set: what other requests stored meanwhile stays, and a session that has ended stays ended.
 */
import type { StoredRecord, StoreId } from "../../contract/record.ts";
import { dictionaryOf, extrasTextOf } from "../../contract/record-data.ts";
import { type Store as OurStore, storedBy } from "../../contract/store.ts";
import { logIdOf, storeIdOf, ticketOf } from "../../cookie/key.ts";
import { parseData } from "../../data/json.ts";
import { type Attempt, createRecord, type Stores, type Write } from "../../engine/attempt.ts";
import { countSessions } from "../../engine/clearing.ts";
import { isOver } from "../../engine/expiry.ts";
import { GuardedStore } from "../../engine/guarded-store.ts";
import { InDoubt } from "../../engine/in-doubt.ts";
import { Sweeper } from "../../engine/sweeper.ts";
import { dataIn } from "../../engine/usable.ts";
import { Writers } from "../../engine/writers.ts";
import { SettingsError, StoreUnavailableError } from "../../errors.ts";
import { tell } from "../../events.ts";
import { readSettings, type Settings } from "../../settings/settings.ts";
import type { Callback, ConnectStore, PlainSession } from "./contract.ts";
import type { Cookie } from "./cookie.ts";
import { dataText, mergeTexts } from "./data-text.ts";
import { notes } from "./notes.ts";
import { callBack } from "./promised.ts";
import { Session, wasTouched } from "./session.ts";
import { newRecord, type Snapshot, textOf, textWithoutCookie, userIn } from "./session-record.ts";
import { Store } from "./store.ts";
import { UsualCookie } from "./usual-cookie.ts";

/** The record behind a session object. */
interface Origin {
  /** The session's own id, and the one under which the record is kept. */
  readonly id: string;
  readonly storeId: StoreId;
  /** False for a session that this request has created. */
  readonly wasRead: boolean;
  record: StoredRecord;
  /** The data as this request last read or stored it, without the cookie: the base of its next changes. */
  base: string;
  /** The cookie that the record has of its own, as JSON; null where it is as the options say. */
  cookie: string | null;
  hasEnded: boolean;
}

/** Seconds that a session lives whose cookie lasts until the browser closes: as `cookieAge` is by default. */
const TWO_WEEKS = 1_209_600;

export interface OverOursOptions {
  readonly storeTimeout?: number | undefined;
  readonly clearExpiredEvery?: number | undefined;
}

export class OverOurs extends Store {
  readonly #settings: Settings;
  readonly #store: GuardedStore;
  readonly #stores: Stores;
  readonly #writers: Writers;
  readonly #sweeper: Sweeper;
  readonly #usual: UsualCookie;
  readonly #origins = notes<Origin>();
  /** The last write of a session object: the next one begins from its record. */
  readonly #writing = notes<Promise<unknown>>();

  /** `cookie` is the cookie of a new session. Throws SettingsError. */
  constructor(store: OurStore, cookie: Cookie, options: OverOursOptions) {
    super();
    this.#settings = readSettings({ store, ...options });
    if (ticketOf(store).kind !== "keyed") {
      throw new SettingsError(
        "store",
        "a store on the server: coatcheck/express-session sends only an id in the cookie",
      );
    }
    this.#store = new GuardedStore(this.#settings);
    this.#stores = { store: this.#store, inDoubt: new InDoubt(this.#settings, this.#store) };
    this.#writers = new Writers(this.#stores);
    this.#sweeper = new Sweeper(this.#store, this.#settings.clearExpiredEvery);
    this.#usual = new UsualCookie(cookie);
  }

  override get(id: string, done: Callback<PlainSession | null>): void {
    callBack(this.find(id), done);
  }

  override set(id: string, session: Session | PlainSession, done?: Callback): void {
    callBack(this.save(id, session), done);
  }

  override destroy(id: string, done?: Callback): void {
    const storeId = storeIdOf(id);
    const ended = this.#store.end(storeId, this.#store.deadline()).then(() => {
      tell("ended", () => ({ session: logIdOf(storeId) }));
    });
    callBack(ended, done);
  }

  override touch(id: string, session: Session | PlainSession, done?: Callback): void {
    const prolonging = this.prolong(id, session);
    if (prolonging === undefined) done?.();
    else callBack(prolonging, done);
  }

  /**
   * `touch`, as a promise; none where nothing is written. That is so where the end moves by less than 1/100 of the life, unless the
   * handler itself has touched the session.
   */
  prolong(id: string, session: Session | PlainSession): Promise<void> | undefined {
    const origin = this.#origins.get(session);
    const now = this.#settings.clock();
    const { cookie, expiresAt, expiry } = this.#endOf(session, now);
    if (origin === undefined || origin.hasEnded) return undefined;
    const known = origin.record;
    const isSameCookie = cookie === origin.cookie && known.expiry === expiry;
    const moves = expiresAt - known.expiresAt;
    const isLittle = Math.abs(moves) <= (expiresAt - now) / 100;
    if (isSameCookie && isLittle && !wasTouched(session)) return undefined;
    if (isSameCookie && moves >= 0) return this.#touch(this.#storeIdOf(id, session), origin, expiresAt);
    return this.save(id, session);
  }

  /** The hash of an id is known where the session was read. */
  #storeIdOf(id: string, session: object): StoreId {
    const origin = this.#origins.get(session);
    return origin?.id === id ? origin.storeId : storeIdOf(id);
  }

  async #touch(id: StoreId, origin: Origin, expiresAt: number): Promise<void> {
    const { record } = origin;
    if (await this.#store.touch(id, expiresAt, record.version, this.#store.deadline()))
      origin.record = { ...record, expiresAt };
  }

  /** The number of live sessions. */
  length(done: Callback<number>): void {
    callBack(
      countSessions(this.#store).then(({ live }) => {
        if (live === null)
          throw new SettingsError("store", "a store that can count its sessions, for length");
        return live;
      }),
      done,
    );
  }

  override createSession(request: object, found: PlainSession): Session {
    const session = Store.prototype.createSession.call(this, request, found) as Session;
    const origin = this.#origins.get(found);
    if (origin !== undefined) this.#origins.set(session, origin);
    return session;
  }

  /** Whether a session that was read is known to have ended since. Its cookie must not replace one that came after it. */
  hasEnded(session: object): boolean {
    const origin = this.#origins.get(session);
    if (origin === undefined) return false;
    return origin.hasEnded || (origin.wasRead && this.#store.departed.has(origin.storeId));
  }

  /** The data that `get` gave, where that is known without making the text. */
  textRead(found: PlainSession): string | undefined {
    return this.#origins.get(found)?.base;
  }

  /** `get`, as a promise. */
  async find(id: string): Promise<PlainSession | null> {
    this.#sweeper.start();
    const storeId = storeIdOf(id);
    const record = await this.#store.read(storeId, this.#store.deadline());
    if (record === null || record === "moved" || isOver(record, this.#settings, this.#settings.clock())) {
      tell("unknown", () => ({ session: logIdOf(storeId) }));
      return null;
    }
    const data = dataIn(storeId, record) as PlainSession | null;
    if (data === null) return null;
    const base = data.cookie === undefined ? dictionaryOf(record.data) : dataText(data);
    const expires = record.expiry === 0 ? null : new Date(record.expiresAt).toISOString();
    // The cookie is the first key, as express-session has it.
    const found = { cookie: data.cookie, ...data };
    if (data.cookie === null) delete found.cookie;
    else found.cookie = this.#usual.with(data.cookie, expires);
    const cookie = data.cookie === undefined ? null : JSON.stringify(data.cookie);
    this.#origins.set(found, { id, storeId, wasRead: true, record, base, cookie, hasEnded: false });
    return found;
  }

  #endOf(session: Session | PlainSession, now: number): Pick<Snapshot, "cookie" | "expiresAt" | "expiry"> {
    const given = session.cookie as Partial<Cookie & { maxAge: unknown }> | undefined;
    const cookie = this.#usual.ownPart(given);
    const end = given?.expires ? new Date(given.expires).valueOf() : Number.NaN;
    const age = !Number.isFinite(end) && typeof given?.maxAge === "number" ? now + given.maxAge : Number.NaN;
    const expiresAt = Number.isFinite(end) ? end : age;
    if (!Number.isFinite(expiresAt)) return { cookie, expiresAt: now + TWO_WEEKS * 1000, expiry: 0 };
    const life = given?.originalMaxAge;
    const expiry = typeof life === "number" && life > 0 ? life / 1000 : (expiresAt - now) / 1000;
    return { cookie, expiresAt: Math.floor(expiresAt), expiry: expiry || -1 };
  }

  /** Taken at the call, because the handler may go on changing the session. */
  #snapshot(session: Session | PlainSession): Snapshot {
    return {
      data: dataText(session),
      userId: userIn(session),
      ...this.#endOf(session, this.#settings.clock()),
    };
  }

  /**
   * `set`, as a promise. Two saves of one session object, such as `save()` and the end of the request, are made one after the other.
   */
  save(id: string, session: Session | PlainSession): Promise<void> {
    this.#sweeper.start();
    const snapshot = this.#snapshot(session);
    const before = this.#writing.get(session);
    const write = () => this.#write(id, session, snapshot);
    const writing = before === undefined ? write() : before.then(write, write);
    this.#writing.set(session, writing);
    return writing;
  }

  #write(id: string, session: object, snapshot: Snapshot): Promise<void> {
    const storeId = this.#storeIdOf(id, session);
    const origin = this.#origins.get(session);
    if (origin === undefined) return this.#add(id, storeId, session, snapshot);
    // Under another id than its own, a session is stored as a copy, of which this store knows nothing yet.
    return origin.id === id
      ? this.#update(storeId, origin, snapshot)
      : this.#add(id, storeId, { ...session }, snapshot);
  }

  /** Stores a session that no read has given. */
  async #add(id: string, storeId: StoreId, session: object, snapshot: Snapshot): Promise<void> {
    const record = newRecord(snapshot, this.#settings.clock());
    if (await this.#create(id, storeId, session, snapshot, record)) {
      tell("created", () => ({ session: logIdOf(storeId), userId: record.userId }));
      return;
    }
    if (session instanceof Session) {
      throw new StoreUnavailableError(
        "create a session",
        new Error("there is a session of that id already; genid must return a new id each time"),
      );
    }
    await this.#replace(id, storeId, session, snapshot, record);
  }

  /** Stores a session of which there must be none yet; gives false, and stores nothing, where there is one. */
  create(id: string, session: PlainSession, done: Callback<boolean>): void {
    this.#sweeper.start();
    const snapshot = this.#snapshot(session);
    const record = newRecord(snapshot, this.#settings.clock());
    callBack(this.#create(id, storeIdOf(id), session, snapshot, record), done);
  }

  /** Stores a record that has not ended yet. False when the id is taken. */
  async #create(
    id: string,
    storeId: StoreId,
    session: object,
    snapshot: Snapshot,
    record: StoredRecord,
  ): Promise<boolean> {
    const hasEnded = record.expiresAt <= this.#settings.clock();
    const stored = hasEnded
      ? record
      : await createRecord(this.#stores, storeId, record, this.#store.deadline());
    if (stored === null) return false;
    const { data: base, cookie } = snapshot;
    this.#origins.set(session, {
      id,
      storeId,
      wasRead: false,
      record: stored,
      base,
      cookie,
      hasEnded: false,
    });
    return true;
  }

  /** Stores what a tool gives, whatever is there. */
  async #replace(
    id: string,
    storeId: StoreId,
    session: object,
    snapshot: Snapshot,
    record: StoredRecord,
  ): Promise<void> {
    const deadline = this.#store.deadline();
    for (let attempt = 1; attempt <= 3; attempt++) {
      const known = await this.#store.read(storeId, deadline);
      if (known !== null && known !== "moved") {
        const next = (current: StoredRecord) => ({ ...record, createdAt: current.createdAt });
        const written = await this.#writers.write(storeId, { known, next, deadline });
        if (written !== "gone" && "record" in written) return;
      }
      if (await this.#create(id, storeId, session, snapshot, record)) return;
    }
    throw new StoreUnavailableError("write", new Error("others were writing to the session all the time"));
  }

  /** Writes a session that was read, or stored before. One that has ended since is not stored again. */
  #update(id: StoreId, origin: Origin, snapshot: Snapshot): Promise<void> {
    const deadline = this.#store.deadline();
    if (origin.hasEnded) return this.#interrupted(id, origin);
    const now = this.#settings.clock();
    if (snapshot.expiresAt <= now) {
      origin.hasEnded = true;
      return this.#store.end(id, deadline);
    }
    const { record: known, base } = origin;
    const next = (current: StoredRecord): StoredRecord => {
      const theirs = textWithoutCookie(current);
      const data = mergeTexts(base, snapshot.data, theirs);
      const isOurs = current.version === known.version;
      const userId = data === snapshot.data ? snapshot.userId : userIn(parseData(data));
      return {
        ...current,
        data: textOf(data, snapshot.cookie) + extrasTextOf(current.data),
        userId,
        authenticatedAt: userId === current.userId ? current.authenticatedAt : userId === null ? null : now,
        expiry: snapshot.expiry,
        expiresAt: isOurs ? snapshot.expiresAt : Math.max(snapshot.expiresAt, current.expiresAt),
      };
    };
    const write = { known, next, deadline, versions: [] };
    const attempt = this.#begin(id, write);
    if (attempt === null) return this.#writeInLine(id, origin, snapshot, write);
    // Most writes are stored by this one call of the store. Anything else that it answers goes on in line.
    const goOn = () => this.#writeInLine(id, origin, snapshot, write, attempt);
    return attempt.outcome.then((outcome) => {
      const record = storedBy(outcome, attempt.record);
      if (record === null) return goOn();
      this.#writers.succeeded(id, record);
      remember(origin, record, snapshot);
      return undefined;
    }, goOn);
  }

  /** Gives a write to the store. Null, and nothing was begun, where it has to stand in line, or cannot be made. */
  #begin(id: StoreId, write: Write): Attempt | null {
    if (!this.#writers.canBegin(id)) return null;
    try {
      return this.#writers.begin(id, write);
    } catch {
      return null;
    }
  }

  async #writeInLine(
    id: StoreId,
    origin: Origin,
    snapshot: Snapshot,
    write: Write,
    attempt?: Attempt,
  ): Promise<void> {
    const written = await this.#writers.write(id, write, attempt);
    if (written === "gone" || !("record" in written)) return this.#interrupted(id, origin);
    remember(origin, written.record, snapshot);
  }

  async #interrupted(id: StoreId, origin: Origin): Promise<void> {
    origin.hasEnded = true;
    tell("interrupted", () => ({ session: logIdOf(id) }));
  }
}

/** A session is stored: its next save begins from this record. */
function remember(origin: Origin, record: StoredRecord, { data, cookie }: Snapshot): void {
  origin.record = record;
  origin.base = data;
  origin.cookie = cookie;
}

const { get, set, touch } = OverOurs.prototype;
const own = { get, set, touch };

/** The store, where it is one of ours and has its own method yet: a program may have put another in its place, also for all stores. */
export function oursWith(method: "get" | "set" | "touch", store: ConnectStore): OverOurs | null {
  return store instanceof OverOurs && store[method] === own[method] ? store : null;
}
