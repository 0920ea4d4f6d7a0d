/** Carries out a draft: writes the session to the store, and notes the change of the cookie. */

import type { StoredRecord, StoreId } from "../contract/record.ts";
import { FORMAT, newVersion } from "../contract/record.ts";
import { changeExtras, dictionaryOf, extrasOf } from "../contract/record-data.ts";
import { storedBy, type WriteOutcome } from "../contract/store.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { logIdOf } from "../cookie/key.ts";
import { checkFits, readThrough } from "../data/schema.ts";
import { SessionCommittedError, SessionInterruptedError, StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings/settings.ts";
import { commits, isHeard } from "../tracing.ts";
import type { Announcer } from "./announcer.ts";
import { type Attempt, createRecord, type Stores } from "./attempt.ts";
import type { Deadline } from "./deadlines.ts";
import type { CookieChange, Draft } from "./draft.ts";
import { endByActivity, expiresAt, isCookieDue } from "./expiry.ts";
import { type GuardedStore, Trail } from "./guarded-store.ts";
import type { Intent, Login, Pending } from "./intent.ts";
import { onto, ownData, RecordChange } from "./record-change.ts";
import { traceCommit } from "./traced-commit.ts";
import { locateUsable } from "./usable.ts";
import type { Users } from "./users.ts";
import { Writers } from "./writers.ts";

/** The longest that Node waits for a whole request (`server.requestTimeout`), milliseconds. */
const LONGEST_REQUEST = 300_000;

/**
 * The outcome of a write: the session as it is stored now, or null where nothing is. `"withheld"`: nothing was written,
 * because the cookie cannot be sent. `"ended"`: nothing was written, because another request has ended the session.
 */
type Outcome = StoredSession | null | "withheld" | "ended";

/** A write that was given to the store already, and its answer. */
interface BegunWrite {
  readonly pending: Pending;
  readonly change: RecordChange;
  readonly attempt: Attempt;
}

export class Committer {
  readonly #settings: Settings;
  readonly #announcer: Announcer;
  readonly #store: GuardedStore;
  readonly #stores: Stores;
  readonly #users: () => Promise<Users>;
  readonly writers: Writers;

  constructor(settings: Settings, announcer: Announcer, stores: Stores, users: () => Promise<Users>) {
    this.#settings = settings;
    this.#announcer = announcer;
    this.#store = stores.store;
    this.#stores = stores;
    this.#users = users;
    this.writers = new Writers(stores);
  }

  /** Writes the session now: `session.save()`. False when another request has ended it, or when its cookie cannot be sent. */
  save(draft: Draft): Promise<boolean> {
    const save = () => draft.afterEarlierCalls(() => this.#persist(draft, true));
    return isHeard(commits) ? traceCommit(draft, null, save) : save();
  }

  /**
   * Writes the session as far as the status of the response allows. There is no promise where nothing has to be stored or
   * waited for: the response can then leave at once.
   */
  commit(draft: Draft, status: number): Promise<void> | undefined {
    draft.isCommitted = true;
    if (draft.isBusy || this.#hasWork(draft, status)) {
      const commit = () => this.#writeStraight(draft, status) ?? this.#commitLater(draft, status);
      return isHeard(commits) ? traceCommit(draft, status, commit) : commit();
    }
    if (status >= 500) draft.drop();
    return undefined;
  }

  #hasWork(draft: Draft, status: number): boolean {
    if (isRenewal(draft.cookie)) return true;
    if (status >= 500) return draft.intent.flushedBy === "handler";
    return draft.isModified || this.#newEnd(draft) !== null;
  }

  /**
   * The straight way, of most writes: a request has changed data and nothing else, and no other write of the session is under way.
   * It is one call of the store. Whatever comes of it but that it was saved goes on the way of all writes, with the call that was
   * begun here, so that none is made twice. Answers nothing where the write cannot go straight.
   */
  #writeStraight(draft: Draft, status: number): Promise<void> | undefined {
    const { stored, cookie, isBusy } = draft;
    if (stored === null || cookie !== null || isBusy || status >= 500 || !draft.changesDataAlone)
      return undefined;
    if (draft.ticket.kind === "carried" || draft.hasMoved(stored) || !this.writers.canBegin(stored.id))
      return undefined;
    const begun = this.#begin(draft, stored);
    if (begun === null) return undefined;
    const { pending, change, attempt } = begun;
    const goOn = () => this.#goOn(draft, begun);
    const saved = (outcome: WriteOutcome) => {
      const record = storedBy(outcome, attempt.record);
      if (record === null) return goOn();
      this.writers.succeeded(stored.id, record);
      const session = { key: stored.key, id: stored.id, record };
      if (change.isAnnounced) this.#announcer.announce(draft, session, change.now, true);
      draft.saved(pending, session);
      return undefined;
    };
    return draft.afterEarlierCalls(() => attempt.outcome.then(saved, goOn));
  }

  /** Gives a change to the store. Null where the change cannot be made: then nothing was taken, and the way of all writes says why. */
  #begin(draft: Draft, stored: StoredSession): BegunWrite | null {
    let pending: Pending | undefined;
    try {
      pending = draft.take();
      const change = new RecordChange(draft, pending, stored, this.#store.deadline());
      return { pending, change, attempt: this.writers.begin(stored.id, change) };
    } catch {
      if (pending !== undefined) draft.putBack(pending);
      return null;
    }
  }

  async #goOn(draft: Draft, begun: BegunWrite): Promise<void> {
    await this.#persist(draft, false, begun);
    if (draft.isBarred && this.#settings.onInterrupted === "error") throw new SessionInterruptedError();
  }

  async #commitLater(draft: Draft, status: number): Promise<void> {
    const wasBarred = draft.isBarred;
    const committing = draft.afterEarlierCalls(async () => {
      const { cookie, stored } = draft;
      if (status >= 500) await this.#endOnly(draft);
      else if (draft.isModified) await this.#persist(draft, false);
      else await this.#touch(draft);
      const hasWritten = draft.stored !== stored;
      if (isRenewal(cookie) && draft.cookie === cookie && !hasWritten)
        await this.#lookAgain(draft, cookie.id);
    });
    try {
      await committing;
    } catch (error) {
      // The error's response announces a key that an earlier `save()` stored. The browser has the key of a renewal already.
      if (isRenewal(draft.cookie)) draft.cookie = null;
      throw error;
    }
    if (draft.isBarred && !wasBarred && this.#settings.onInterrupted === "error") {
      throw new SessionInterruptedError();
    }
  }

  /**
   * A `save()` earlier in this request has renewed the cookie. Another request may have changed the key or ended the session
   * since, and its response may be there already: then the browser must not get the old cookie again.
   */
  async #lookAgain(draft: Draft, id: StoreId): Promise<void> {
    const seen = await this.#store.read(id, this.#store.deadline()).catch(() => null);
    if (seen === null || seen === "moved") draft.cookie = null;
  }

  /**
   * Where reading is activity, a request that begins shortly before the session's end counts from its beginning; and so does one
   * that may never be committed.
   */
  touchEarly(draft: Draft): Promise<void> | undefined {
    const { stored, settings, arrival } = draft;
    if (stored === null || this.#newEnd(draft) === null) return undefined;
    const isLongBefore = stored.record.expiresAt - settings.clock() >= LONGEST_REQUEST;
    if (isLongBefore && !arrival.readOnly) return undefined;
    // A store that fails now is asked again with the response; its event tells.
    return this.#touch(draft).catch(() => {});
  }

  /** A response with an error status saves nothing, but the handler's own flush holds. */
  async #endOnly(draft: Draft): Promise<void> {
    const { toDelete, flushedBy } = draft.drop();
    if (flushedBy !== "handler") return;
    await this.#end(toDelete, this.#store.deadline());
    this.#announcer.announceEnd(draft);
  }

  /** Saves everything that the draft wants. With `always`, the record is written even where nothing has changed. */
  async #persist(draft: Draft, always: boolean, begun?: BegunWrite): Promise<boolean> {
    const deadline = begun?.change.deadline ?? this.#store.deadline();
    const before = draft.cookie;
    const pending = begun?.pending ?? draft.take();
    try {
      const { stored, intent } = pending;
      const writing = this.#write(draft, pending, always, deadline, begun);
      const outcome =
        intent.toDelete.size === 0
          ? await writing
          : await this.#writeAndEnd(writing, this.#end(intent.toDelete, deadline), (session) => {
              if (stored === null) this.#takeBack(draft, session, before);
            });
      // A session that was stored after the flush has set a cookie of its own.
      if (intent.flushedBy !== null && draft.cookie === before) this.#announcer.announceEnd(draft);
      if (outcome === "ended") draft.ended(pending);
      else draft.saved(pending, outcome === "withheld" ? pending.stored : outcome);
      if (intent.login !== null && outcome !== null && typeof outcome === "object")
        await this.#keepLimit(draft, intent.login, outcome);
      return outcome !== "withheld" && outcome !== "ended" && !draft.isBarred;
    } catch (error) {
      draft.putBack(pending);
      throw error;
    }
  }

  /**
   * Ends the sessions of a user beyond `maxUserSessions`, after a login was stored. Where that fails, an event tells, the login
   * holds, and the next one ends what is too many. A login that is itself beyond the limit leaves no session and sends no cookie.
   */
  async #keepLimit(draft: Draft, { userId }: Login, { id }: StoredSession): Promise<void> {
    const { maxUserSessions } = this.#settings;
    if (maxUserSessions === null) return;
    const ending = this.#users().then((users) => users.keepNewest(userId, maxUserSessions));
    const ended = await ending.catch((): StoreId[] => []);
    if (ended.includes(id) && draft.stored?.id === id) draft.ended();
  }

  /** Waits for a write, and for the end of the flushed sessions. Calls `lost` where what was written is of no use, as those go on. */
  async #writeAndEnd(
    writing: Outcome | Promise<Outcome>,
    ending: Promise<void>,
    lost: (session: StoredSession) => void,
  ): Promise<Outcome> {
    const [written, ended] = await Promise.allSettled([writing, ending]);
    if (written.status === "rejected") throw written.reason;
    if (ended.status === "fulfilled") return written.value;
    if (written.value !== null && typeof written.value === "object") lost(written.value);
    throw ended.reason;
  }

  /** No response of this request can carry a cookie: ends a session whose key an earlier `save()` has stored, and no browser gets. */
  takeBackUnannounced(draft: Draft): void {
    const { newKeyOf, ticket } = draft;
    if (newKeyOf === null || ticket.kind === "carried") return;
    this.#stores.inDoubt.created(newKeyOf);
    draft.cookie = null;
  }

  /** Takes a new session back: its request fails, so no browser gets its key. `before` is the change of the cookie until then. */
  #takeBack(draft: Draft, { id }: StoredSession, before: CookieChange | null): void {
    this.#stores.inDoubt.created(id);
    draft.cookie = before;
  }

  /** Deletes the sessions that were flushed. */
  async #end(toDelete: ReadonlySet<StoreId>, deadline: Deadline): Promise<void> {
    await Promise.all([...toDelete].map((id) => this.#store.end(id, deadline)));
    for (const id of toDelete) tell("ended", () => ({ session: logIdOf(id) }));
  }

  /** Chooses the write: none, a new record, or one on the record that is stored. */
  #write(
    draft: Draft,
    pending: Pending,
    always: boolean,
    deadline: Deadline,
    begun: BegunWrite | undefined,
  ): Outcome | Promise<Outcome> {
    const { data, isChanged, isEmpty, stored, intent } = pending;
    // A write that was begun is taken to its end: others stand in line behind it.
    if (draft.isBarred && begun === undefined) return null;
    if (stored !== null) {
      if (!always && !isChanged && !intent.rotate) return stored;
      if (intent.rotate && this.#announcer.isWithheld(draft)) return "withheld";
      return this.#follow(draft, pending, stored, deadline, begun);
    }
    if (draft.isCommitted && always) {
      if (intent.flushedBy !== null) return null;
      throw new SessionCommittedError("save() of a session that is not stored yet");
    }
    if (!always && intent.login === null && !(isChanged && !isEmpty)) return null;
    if (this.#announcer.isWithheld(draft)) return "withheld";
    if (draft.movedId !== null && intent.login !== null)
      return this.#createFromUndone(draft, pending, intent.login, draft.movedId, deadline);
    return this.#create(draft, intent, data?.mine ?? "{}", deadline);
  }

  /**
   * Stores a login by a key that was changed. Where that change was taken back, its request had failed, and the visitor tries
   * again: the login goes on with the data, and ends the record that kept them. In any other case the new session begins
   * empty, because the old key may be an attacker's.
   */
  async #createFromUndone(
    draft: Draft,
    { data, intent }: Pending,
    login: Login,
    movedId: StoreId,
    deadline: Deadline,
  ): Promise<StoredSession> {
    const kept = await locateUsable(this.#store, movedId, deadline);
    const undone = kept === null ? undefined : extrasOf(kept.record.data).undone;
    if (kept === null || undone === undefined || (undone.userId ?? login.userId) !== login.userId)
      return this.#create(draft, intent, data?.mine ?? "{}", deadline);
    const dictionary = readThrough(this.#settings.schema, dictionaryOf(kept.record.data));
    const merged = data === null ? dictionary : onto(dictionary, null, data, this.#settings);
    const before = draft.cookie;
    const session = await this.#create(draft, intent, merged, deadline);
    try {
      await this.#end(new Set([kept.id]), deadline);
    } catch (fault) {
      this.#takeBack(draft, session, before);
      throw fault;
    }
    return session;
  }

  /** Stores a record under a new key. Its framework's part is what this request itself puts there. */
  async #create(
    draft: Draft,
    { login, expiry = null, extrasChanges }: Intent,
    dictionary: string,
    deadline: Deadline,
  ): Promise<StoredSession> {
    const { settings } = draft;
    checkFits(settings.schema, dictionary);
    const now = settings.clock();
    const born = { createdAt: now, authenticatedAt: login?.at ?? null, expiry };
    const userId = login?.userId ?? null;
    const record: StoredRecord = {
      ...born,
      data: changeExtras(dictionary, extrasChanges),
      version: newVersion(),
      userId,
      expiresAt: expiresAt(born, settings, now),
      format: FORMAT,
    };
    for (let attempt = 1; attempt <= 3; attempt++) {
      const { key, id } = draft.ticket.mint();
      draft.attempts++;
      const created = await createRecord(this.#stores, id, record, deadline);
      if (created !== null) {
        this.#announcer.announce(draft, { key, id, record: created }, now, false);
        tell("created", () => ({ session: logIdOf(id), userId }));
        return { key, id, record: created };
      }
    }
    throw new StoreUnavailableError(
      "create a session",
      new Error("three new ids in a row were said to be taken"),
    );
  }

  /** Writes on the stored record, at its id or where another request has moved it. */
  async #follow(
    draft: Draft,
    pending: Pending,
    stored: StoredSession,
    deadline: Deadline,
    begun: BegunWrite | undefined,
  ): Promise<Outcome> {
    const { data, intent } = pending;
    const { login } = intent;
    const trail = new Trail();
    const change = begun?.change ?? new RecordChange(draft, pending, stored, deadline);
    // Another request has already changed the key, and its response carries the new one. Changing it again would make
    // that cookie useless, so our own change counts as done.
    const hasMoved = draft.hasMoved(stored);
    if (hasMoved && login !== null) return this.#createBeside(draft, pending, login, stored, deadline);
    if (intent.rotate && !hasMoved) {
      change.newAddress = draft.ticket.mint();
      draft.newAddresses = [...draft.newAddresses, change.newAddress];
    }
    let { attempt } = begun ?? {};
    for (;;) {
      const written = await this.writers.write(change.at.id, change, attempt);
      attempt = undefined;
      if (written === "gone") {
        if (login !== null) return this.#create(draft, intent, ownData(data, this.#settings), deadline);
        tell("interrupted", () => ({ session: logIdOf(stored.id) }));
        return "ended";
      }
      if ("movedTo" in written) {
        trail.step(written.movedTo);
        const ours = draft.newAddresses.find(({ id }) => id === written.movedTo);
        if (ours !== undefined && intent.rotate) {
          // An earlier write of this request was told as failed, and has changed the key all the same.
          this.#stores.inDoubt.leave(ours.id);
          change.newAddress = ours;
          change.at = ours;
          continue;
        }
        // A cookie that an earlier save announced leads nowhere now. The response of the other request carries the new key.
        draft.cookie = null;
        change.newAddress = null;
        change.at = { key: null, id: written.movedTo };
        if (login !== null) {
          const moved = { ...change.at, record: stored.record };
          return this.#createBeside(draft, pending, login, moved, deadline);
        }
        continue;
      }
      const { record } = written;
      const { at, newAddress } = change;
      const session = { key: at.key, id: at.id, ...newAddress, record };
      // A cookie that carries the record must be sent with each write.
      if (change.isAnnounced || draft.ticket.kind === "carried")
        this.#announcer.announce(draft, session, change.now, newAddress === null);
      if (newAddress !== null) {
        const { userId } = record;
        tell("rotated", () => ({ session: logIdOf(session.id), from: logIdOf(stored.id), userId }));
      }
      return session;
    }
  }

  /**
   * Stores a login that found its session moved as a session of its own. The moved one stays, because its new key is about
   * to reach the browser; a flush that follows ends both. The data is that of the moved session where it has the same user
   * or its move was taken back, else the data that this request has seen. A session that has ended meanwhile leaves none.
   */
  async #createBeside(
    draft: Draft,
    { data, intent }: Pending,
    login: Login,
    moved: StoredSession,
    deadline: Deadline,
  ): Promise<StoredSession> {
    const there = (await locateUsable(this.#store, moved.id, deadline))?.record;
    if (there === undefined) return this.#create(draft, intent, ownData(data, this.#settings), deadline);
    const { undone } = extrasOf(there.data);
    const owner = undone === undefined ? there.userId : (undone.userId ?? login.userId);
    const { record } = moved;
    const dictionary = dictionaryOf(owner === login.userId ? there.data : record.data);
    const base = readThrough(this.#settings.schema, dictionary);
    const expiry = intent.expiry === undefined ? record.expiry : intent.expiry;
    const stored = await this.#create(
      draft,
      { ...intent, expiry },
      data === null ? base : onto(base, null, data, this.#settings),
      deadline,
    );
    draft.alsoPresents(moved.id);
    return stored;
  }

  /** The new end that the request brings by being activity; null where it brings none. */
  #newEnd({ stored, settings }: Draft, now?: number): number | null {
    return stored === null ? null : endByActivity(stored.record, settings, now);
  }

  async #touch(draft: Draft): Promise<void> {
    const { stored, settings } = draft;
    const now = settings.clock();
    const fresh = this.#newEnd(draft, now);
    if (stored === null || fresh === null) return;
    if (!(await this.#store.touch(stored.id, fresh, stored.record.version, this.#store.deadline()))) return;
    const session = { ...stored, record: { ...stored.record, expiresAt: fresh } };
    draft.renewed(session);
    // A cookie that carries the record is the only place where its new end is kept.
    const isDue =
      draft.ticket.kind === "carried" ||
      draft.isUnderLegacyName ||
      isCookieDue(stored.record, fresh, settings, now);
    if (isDue) this.#announcer.announce(draft, session, now, true);
  }
}

function isRenewal(cookie: CookieChange | null): cookie is Exclude<CookieChange, "remove"> {
  return cookie !== null && cookie !== "remove" && cookie.isRenewal;
}
