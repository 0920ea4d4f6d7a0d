/** Carries out what a request wants of its session, and says what the response must tell the browser. */
import { replay } from "./changes.ts";
import type { SessionCookie } from "./cookie.ts";
import type { Snapshot } from "./dictionary.ts";
import type { Draft, Kept } from "./draft.ts";
import { SessionInterruptedError, StoreUnavailableError } from "./errors.ts";
import { tell } from "./events.ts";
import { expiresAt, isRenewal } from "./expiry.ts";
import type { Deadline, GuardedStore } from "./guarded-store.ts";
import { logIdOf } from "./key.ts";
import type { Settings } from "./settings.ts";
import type { StoredRecord } from "./store.ts";
import { newVersion, type Writers } from "./writers.ts";

/** A response header to add. */
export type Header = [name: string, value: string];

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
    return inTurn(draft, () => this.#persist(draft, "always"));
  }

  /** What the response is to carry. Its status decides: an error saves nothing, but what was flushed stays flushed. */
  async commit(draft: Draft, status: number): Promise<Header[]> {
    draft.isCommitted = true;
    const wasDetached = draft.isDetached;
    await inTurn<unknown>(draft, () =>
      status >= 500 ? this.#endOnly(draft) : this.#persist(draft, "if changed"),
    );
    if (draft.isDetached && !wasDetached && this.#settings.onInterrupted === "error")
      throw new SessionInterruptedError();
    return this.#headers(draft);
  }

  /** A response with an error status keeps nothing but the handler's own flush. */
  async #endOnly(draft: Draft): Promise<void> {
    if (draft.flushedBy === "handler") await this.#end(draft, this.#store.deadline());
    draft.modified = false;
  }

  async #persist(draft: Draft, when: "always" | "if changed"): Promise<boolean> {
    const deadline = this.#store.deadline();
    const [isKept] = await Promise.all([this.#write(draft, when, deadline), this.#end(draft, deadline)]);
    return isKept;
  }

  /** Deletes what was flushed. */
  async #end(draft: Draft, deadline: Deadline): Promise<void> {
    if (draft.flushedBy === null) return;
    const endings = [...draft.endings];
    await Promise.all(endings.map((id) => this.#store.end(id, deadline)));
    for (const id of endings) {
      draft.endings.delete(id);
      tell("ended", () => ({ session: logIdOf(id) }));
    }
    draft.flushedBy = null;
    // A session that was stored after the flush has its own cookie to set.
    if (draft.kept === null) draft.cookie = draft.visit.values.length > 0 ? "remove" : null;
  }

  #write(draft: Draft, when: "always" | "if changed", deadline: Deadline): Promise<boolean> {
    const { kept } = draft;
    if (draft.isDetached || !draft.isLoaded) return Promise.resolve(!draft.isDetached);
    const isWanted = when === "always" || draft.isChanged;
    if (kept === null) {
      const isCreated = when === "always" || draft.login !== null || (isWanted && !draft.isEmpty);
      return isCreated ? this.#first(draft, deadline) : Promise.resolve(true);
    }
    if (isWanted || draft.rotate) return this.#again(draft, kept, deadline);
    return this.#touch(draft, kept, deadline);
  }

  /** Stores a session for the first time. */
  async #first(draft: Draft, deadline: Deadline): Promise<boolean> {
    if (this.#isWithheld(draft)) return false;
    const taken = take(draft);
    return this.#keepOr(draft, taken, async () => this.#create(draft, taken?.mine ?? "{}", deadline));
  }

  /** Writes to a session that is stored, under a new key if asked. */
  async #again(draft: Draft, kept: Kept, deadline: Deadline): Promise<boolean> {
    if (draft.rotate && this.#isWithheld(draft)) return false;
    const taken = take(draft);
    return this.#keepOr(draft, taken, () => this.#follow(draft, kept, taken, deadline));
  }

  /** Runs a write and takes over what it stored; what could not be stored counts as not saved again. */
  async #keepOr(draft: Draft, taken: Snapshot | null, write: () => Promise<Kept | null>): Promise<boolean> {
    const { kept: before, login, expiry } = draft;
    let stored: Kept | null;
    try {
      stored = await write();
    } catch (error) {
      if (taken !== null && draft.kept === before) draft.dictionary.putBack(taken);
      throw error;
    }
    if (draft.kept !== before) {
      // Flushed while it was being written: what was stored ends too.
      if (stored !== null) draft.endings.add(stored.id);
      return true;
    }
    draft.kept = stored;
    draft.isDetached = stored === null;
    if (stored !== null && taken !== null) draft.dictionary.rebase(stored.record.data, taken);
    draft.rotate = false;
    draft.modified = null;
    if (draft.login === login) draft.login = null;
    if (draft.expiry === expiry) draft.expiry = undefined;
    return stored !== null;
  }

  /** Stores a record under a new key. */
  async #create(draft: Draft, data: string, deadline: Deadline): Promise<Kept> {
    const { login, expiry = null, settings } = draft;
    const now = settings.clock();
    const born = { createdAt: now, authenticatedAt: login?.at ?? null, expiry };
    const record: StoredRecord = {
      ...born,
      data,
      version: newVersion(),
      userId: login?.userId ?? null,
      expiresAt: expiresAt(born, settings, now),
      format: 1,
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

  /** Writes on the record, where it is or where it has moved to; null when the session has ended. */
  async #follow(draft: Draft, kept: Kept, taken: Snapshot | null, deadline: Deadline): Promise<Kept | null> {
    const { login, expiry, settings } = draft;
    const now = settings.clock();
    let at = kept;
    let newTicket = draft.rotate ? draft.ticket.mint() : null;
    let isRenewed = false;
    const next = (current: StoredRecord): StoredRecord => {
      const changed = {
        ...current,
        data: taken === null ? current.data : onto(current.data, taken, settings),
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
        if (login !== null)
          return this.#create(draft, taken === null ? "{}" : onto("{}", taken, settings), deadline);
        tell("interrupted", () => ({ session: logIdOf(kept.id) }));
        return null;
      }
      if ("movedTo" in written) {
        // Another login's key is about to reach the browser: this one gets a session of its own beside it.
        if (login !== null) return this.#create(draft, taken?.mine ?? kept.record.data, deadline);
        // Somebody has just changed the key, and once is enough: a second change would strand the first's response.
        newTicket = null;
        at = { key: null, id: written.movedTo, record: kept.record };
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

  /** Counts the request as activity, where that is asked for and moves the expiry. */
  async #touch(draft: Draft, kept: Kept, deadline: Deadline): Promise<boolean> {
    const { settings } = draft;
    if (!settings.saveEveryRequest && settings.idleTimeout === null) return true;
    const now = settings.clock();
    const fresh = expiresAt(kept.record, settings, now);
    if (fresh <= kept.record.expiresAt || !isRenewal(kept.record, fresh, settings)) return true;
    if (await this.#store.touch(kept.id, fresh, kept.record.version, deadline)) {
      draft.kept = { ...kept, record: { ...kept.record, expiresAt: fresh } };
      this.#announce(draft, draft.kept, now);
    }
    return true;
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

/** The changes of this request as they stand, or null where `modified = false` says to save none. */
function take(draft: Draft): Snapshot | null {
  return draft.modified === false ? null : draft.dictionary.take();
}

/** The data that a request's changes make of `theirs`. */
function onto(theirs: string, { changes, base, mine }: Snapshot, settings: Settings): string {
  return theirs === base ? mine : replay(changes, { base, mine, theirs }, settings.onConflict);
}

/** The writes of one request follow each other, each on what the last has stored. */
function inTurn<T>(draft: Draft, run: () => Promise<T>): Promise<T> {
  const turn = draft.busy === null ? run() : draft.busy.then(run);
  const done = turn.then(
    () => {},
    () => {},
  );
  draft.busy = done;
  void done.then(() => {
    if (draft.busy === done) draft.busy = null;
  });
  return turn;
}
