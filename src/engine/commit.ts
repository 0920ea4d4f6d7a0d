/** Carries out what a request wants of its session, and says what the response must tell the browser. */

import type { StoredRecord, StoreId } from "../contract/record.ts";
import { FORMAT, newVersion } from "../contract/record.ts";
import type { SessionCookie } from "../cookie/cookie.ts";
import { logIdOf } from "../cookie/key.ts";
import { replay } from "../data/changes.ts";
import type { Snapshot } from "../data/dictionary.ts";
import { SessionCommittedError, SessionInterruptedError, StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings.ts";
import type { Draft, Kept, Login, Taken, Wants } from "./draft.ts";
import { expiresAt, isRenewal } from "./expiry.ts";
import { type Deadline, type GuardedStore, Trail } from "./guarded-store.ts";
import type { Writers } from "./writers.ts";

/** A response header to add. */
export type Header = [name: string, value: string];

/**
 * What a write leaves stored; null for nothing. "not stored": the session is as it was, as its cookie cannot be sent;
 * "ended": another request had ended it.
 */
type Outcome = Kept | null | "not stored" | "ended";

export class Committer {
  readonly #settings: Settings;
  readonly #cookie: SessionCookie;
  readonly #store: GuardedStore;
  readonly #writers: Writers;
  readonly #warnOnce: (code: string, message: string) => void;

  constructor(
    settings: Settings,
    cookie: SessionCookie,
    store: GuardedStore,
    writers: Writers,
    warnOnce: (code: string, message: string) => void,
  ) {
    this.#settings = settings;
    this.#cookie = cookie;
    this.#store = store;
    this.#writers = writers;
    this.#warnOnce = warnOnce;
  }

  /** `session.save()`: false when another request had ended the session, or when its cookie cannot be sent. */
  save(draft: Draft): Promise<boolean> {
    return inTurn(draft, () => this.#persist(draft, true));
  }

  /** What the response is to carry. Its status decides: an error saves nothing, but what was flushed stays flushed. */
  async commit(draft: Draft, status: number): Promise<Header[]> {
    draft.isCommitted = true;
    const wasDetached = draft.isDetached;
    await inTurn<unknown>(draft, () => {
      if (status >= 500) return this.#endOnly(draft);
      return draft.isModified ? this.#persist(draft, false) : this.#touch(draft);
    });
    if (draft.isDetached && !wasDetached && this.#settings.onInterrupted === "error") {
      throw new SessionInterruptedError();
    }
    return this.#headers(draft);
  }

  /** What `commit` would resolve to, where nothing has to be stored or waited for; else undefined, and nothing done. */
  commitAtOnce(draft: Draft, status: number): Header[] | undefined {
    if (draft.busy !== null) return undefined;
    if (status >= 500) {
      if (draft.wants.flushedBy === "handler") return undefined;
      draft.drop();
    } else if (draft.isModified || this.#renewed(draft, draft.settings.clock()) !== null) return undefined;
    draft.isCommitted = true;
    return this.#headers(draft);
  }

  /** A response with an error status keeps nothing but the handler's own flush. */
  async #endOnly(draft: Draft): Promise<void> {
    const { endings, flushedBy } = draft.drop();
    if (flushedBy !== "handler") return;
    this.#announceEnd(draft);
    await this.#end(endings, this.#store.deadline());
  }

  /** Does all that is wanted of a session; with `always`, writes it even where nothing is. */
  async #persist(draft: Draft, always: boolean): Promise<boolean> {
    const deadline = this.#store.deadline();
    const taken = draft.take();
    // Before anything is stored: a session stored after a flush has its own cookie to set.
    if (taken.wants.flushedBy !== null) this.#announceEnd(draft);
    try {
      const { endings } = taken.wants;
      const writing = this.#write(draft, taken, always, deadline);
      const [stored] =
        endings.size === 0 ? [await writing] : await Promise.all([writing, this.#end(endings, deadline)]);
      if (stored === "ended") draft.detach(taken);
      else draft.settle(taken, stored === "not stored" ? taken.kept : stored);
      return stored !== "not stored" && !draft.isDetached;
    } catch (error) {
      draft.putBack(taken);
      throw error;
    }
  }

  /** Deletes what was flushed. */
  async #end(endings: ReadonlySet<StoreId>, deadline: Deadline): Promise<void> {
    await Promise.all([...endings].map((id) => this.#store.end(id, deadline)));
    for (const id of endings) tell("ended", () => ({ session: logIdOf(id) }));
  }

  /** What is stored then. */
  #write(draft: Draft, taken: Taken, always: boolean, deadline: Deadline): Outcome | Promise<Outcome> {
    const { data, isChanged, isEmpty, kept, wants } = taken;
    if (draft.isDetached) return null;
    const isWritten = always || isChanged;
    if (kept !== null) {
      if (!isWritten && !wants.rotate) return kept;
      if (wants.rotate && this.#isWithheld(draft)) return "not stored";
      return this.#follow(draft, taken, kept, deadline);
    }
    if (draft.isCommitted && always) {
      if (wants.flushedBy !== null) return null;
      throw new SessionCommittedError("save() of a session that is not stored yet");
    }
    if (!always && wants.login === null && !(isChanged && !isEmpty)) return null;
    if (this.#isWithheld(draft)) return "not stored";
    return this.#create(draft, wants, data?.mine ?? "{}", deadline);
  }

  /** Stores a record under a new key. */
  async #create(
    draft: Draft,
    { login, expiry = null }: Wants,
    data: string,
    deadline: Deadline,
  ): Promise<Kept> {
    const { settings } = draft;
    const now = settings.clock();
    const born = { createdAt: now, authenticatedAt: login?.at ?? null, expiry };
    const record: StoredRecord = {
      ...born,
      data,
      version: newVersion(),
      userId: login?.userId ?? null,
      expiresAt: expiresAt(born, settings, now),
      format: FORMAT,
    };
    for (let attempt = 1; attempt <= 3; attempt++) {
      const { key, id } = draft.ticket.mint();
      if (await this.#store.create(id, record, deadline)) {
        this.#announce(draft, { key, id, record }, now);
        tell("created", () => ({ session: logIdOf(id), userId: record.userId }));
        return { key, id, record };
      }
    }
    throw new StoreUnavailableError(
      "create a session",
      new Error("three new ids in a row were said to be taken"),
    );
  }

  /** Writes on the record, where it is or where it has moved to. */
  async #follow(draft: Draft, taken: Taken, kept: Kept, deadline: Deadline): Promise<Outcome> {
    const { data, wants } = taken;
    const { settings } = draft;
    const { login, expiry } = wants;
    const now = settings.clock();
    const trail = new Trail();
    let at = kept;
    // Once the key has been changed by another request, that is enough: a second change would strand its response.
    const isElsewhere = kept.key === null && settings.store.ticket === undefined;
    if (isElsewhere && login !== null) return this.#beside(draft, taken, login, kept, deadline);
    let newTicket = wants.rotate && !isElsewhere ? draft.ticket.mint() : null;
    let isRenewed = false;
    const next = (current: StoredRecord): StoredRecord => {
      const changed = {
        ...current,
        data: data === null ? current.data : onto(current.data, data, settings),
        userId: login?.userId ?? current.userId,
        authenticatedAt: login?.at ?? current.authenticatedAt,
        expiry: expiry === undefined ? current.expiry : expiry,
      };
      const fresh = expiresAt(changed, settings, now);
      isRenewed = newTicket !== null || expiry !== undefined || isRenewal(current, fresh, settings);
      return isRenewed ? { ...changed, expiresAt: fresh } : changed;
    };
    for (;;) {
      const rotateTo = newTicket === null ? {} : { rotateTo: newTicket.id };
      const written = await this.#writers.write(at.id, { known: kept.record, next, deadline, ...rotateTo });
      if (written === "gone") {
        if (login !== null) return this.#create(draft, wants, ownData(data), deadline);
        tell("interrupted", () => ({ session: logIdOf(kept.id) }));
        return "ended";
      }
      if ("movedTo" in written) {
        trail.step(written.movedTo);
        // The key that was announced, if any, is dead; the new one is with the response that changed it.
        draft.cookie = null;
        newTicket = null;
        at = { key: null, id: written.movedTo, record: kept.record };
        if (login !== null) return this.#beside(draft, taken, login, at, deadline);
        continue;
      }
      const { record } = written;
      const stored = { key: at.key, id: at.id, ...newTicket, record };
      // A sealed record is its own cookie, so each write needs a new one.
      if (isRenewed || settings.store.ticket !== undefined) this.#announce(draft, stored, now);
      if (newTicket !== null) {
        const { userId } = record;
        tell("rotated", () => ({ session: logIdOf(stored.id), from: logIdOf(kept.id), userId }));
      }
      return stored;
    }
  }

  /**
   * Stores a login that found its session moved as a session of its own, beside the one whose key is about to reach the
   * browser: with the data that is there now or, where another user is, that was there before. Never of one that ended.
   */
  async #beside(
    draft: Draft,
    { data, wants }: Taken,
    login: Login,
    moved: Kept,
    deadline: Deadline,
  ): Promise<Kept> {
    const there = (await this.#store.locate(moved.id, deadline))?.record;
    if (there === undefined) return this.#create(draft, wants, ownData(data), deadline);
    const { record } = moved;
    const base = there.userId === null || there.userId === login.userId ? there.data : record.data;
    const expiry = wants.expiry === undefined ? record.expiry : wants.expiry;
    return this.#create(
      draft,
      { ...wants, expiry },
      data === null ? base : onto(base, data, this.#settings),
      deadline,
    );
  }

  /** What the request, counted as activity, moves the expiry to; null where that is not asked for or not worth it. */
  #renewed({ kept, settings }: Draft, now: number): number | null {
    if (kept === null || !(settings.saveEveryRequest || settings.idleTimeout !== null)) return null;
    const fresh = expiresAt(kept.record, settings, now);
    return fresh > kept.record.expiresAt && isRenewal(kept.record, fresh, settings) ? fresh : null;
  }

  async #touch(draft: Draft): Promise<void> {
    const { kept, settings } = draft;
    const now = settings.clock();
    const fresh = this.#renewed(draft, now);
    if (kept === null || fresh === null) return;
    if (!(await this.#store.touch(kept.id, fresh, kept.record.version, this.#store.deadline()))) return;
    draft.kept = { ...kept, record: { ...kept.record, expiresAt: fresh } };
    this.#announce(draft, draft.kept, now);
  }

  /** Lets the browser forget the cookie, if it has one. */
  #announceEnd(draft: Draft): void {
    draft.cookie = draft.visit.values.length > 0 ? "remove" : null;
  }

  /** Lets the response send the cookie of a session written `now`; not where somebody else changed the key, and sends it. */
  #announce(draft: Draft, kept: Kept, now: number): void {
    const { settings, ticket, visit } = draft;
    if (kept.key === null && settings.store.ticket === undefined) return;
    const { expiry, expiresAt } = kept.record;
    const untilClose = expiry === 0 || (expiry === null && settings.expireAtBrowserClose);
    const value = ticket.issue(kept, this.#cookie.name(visit.secure));
    draft.cookie = { value, maxAge: untilClose ? null : (expiresAt - now) / 1000 };
  }

  /** Whether the browser would not take the new key: nothing is stored then that it could never ask for. */
  #isWithheld(draft: Draft): boolean {
    if (!this.#cookie.isWithheld(draft.visit.secure)) return false;
    const name = this.#cookie.name(draft.visit.secure);
    tell("withheld", () => ({ name }));
    this.#warnOnce(
      "COATCHECK_COOKIE_WITHHELD",
      `The session cookie ${name} is Secure and the request did not come over https, so the session was not stored. ` +
        'Serve the site over https; behind a proxy, let the framework trust it (in Express: app.set("trust proxy", 1)); ' +
        'to develop over http, leave cookie.secure at "auto".',
    );
    return true;
  }

  #headers({ accessed, cookie, visit }: Draft): Header[] {
    const headers: Header[] = [];
    if (cookie === "remove") {
      headers.push(["Set-Cookie", this.#cookie.remove(visit.secure)]);
    } else if (cookie !== null && !this.#cookie.isWithheld(visit.secure)) {
      headers.push(["Set-Cookie", this.#cookie.set(cookie.value, visit.secure, cookie.maxAge)]);
    }
    // A cache that kept the cookie would hand one visitor's session to the next (CVE-2026-35192).
    if (headers.length > 0) headers.push(["Cache-Control", "private, no-store"]);
    if (accessed || headers.length > 0) headers.push(["Vary", "Cookie"]);
    return headers;
  }
}

/** A request's own changes, on nothing. */
function ownData(data: Snapshot | null): string {
  return data === null
    ? "{}"
    : replay(data.changes, { base: data.base, mine: data.mine, theirs: "{}" }, "mine");
}

/** The data that a request's changes make of `theirs`. */
function onto(theirs: string, { changes, base, mine }: Snapshot, settings: Settings): string {
  return theirs === base ? mine : replay(changes, { base, mine, theirs }, settings.onConflict);
}

/** The writes of one request follow each other, each on what the last has stored. */
function inTurn<T>(draft: Draft, run: () => Promise<T>): Promise<T> {
  const turn = draft.busy === null ? run() : draft.busy.then(run);
  const leave = () => {
    if (draft.busy === done) draft.busy = null;
  };
  const done = turn.then(leave, leave);
  draft.busy = done;
  return turn;
}
