import { isStoreId, type StoredRecord, type StoreId } from "./contract/record.ts";
import type { StoreStats } from "./contract/store.ts";
import { readCookie, SessionCookie } from "./cookie/cookie.ts";
import { logIdOf } from "./cookie/key.ts";
import { parseData } from "./data/json.ts";
import { Committer, type Header } from "./engine/commit.ts";
import { Draft } from "./engine/draft.ts";
import { isOver, lastSeenAt } from "./engine/expiry.ts";
import { GuardedStore, type Located } from "./engine/guarded-store.ts";
import { type ClearOptions, countSessions, Sweeper } from "./engine/sweeper.ts";
import { isNewer, isUsable } from "./engine/usable.ts";
import { Writers } from "./engine/writers.ts";
import { SettingsError, StoreUnavailableError } from "./errors.ts";
import { tell } from "./events.ts";
import { draftOf, Session, type SessionKeeper } from "./session.ts";
import { type Options, readSettings, type Settings } from "./settings.ts";

/** One session of a user, as `listUserSessions` shows it. */
export interface UserSession {
  /** For `revoke`; may stand in a page. */
  readonly handle: string;
  readonly createdAt: Date;
  /** The last write or touch, to 1/100 of the session's lifetime; without `idleTimeout`, reading is not activity. */
  readonly lastSeenAt: Date;
  readonly authenticatedAt: Date | null;
  readonly expiresAt: Date;
  /** A copy: changing it changes nothing. */
  readonly data: Record<string, unknown>;
}

export interface OpenOptions {
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  /** Aborted when the client hangs up: the read is given up. Looked at only when the store is asked. */
  readonly signal?: AbortSignal;
}

export interface ResponseHead {
  readonly status: number;
}

// What `open` and `commit` are made of, for adapters: most requests need no promise for them. Not part of the public entry.

/** The session of a request, before the store has been asked. */
export let sessionOf: (
  sessions: Sessions,
  cookieHeader: string | null | undefined,
  request: OpenOptions,
) => Session;

/** Whether sessions are to be looked for only when the handler says so. */
export let isLazy: (sessions: Sessions) => boolean;

/** Asks the store for the session, as `open` does; undefined where it need not be asked. */
export let find: (sessions: Sessions, session: Session, request: OpenOptions) => Promise<void> | undefined;

/** What `commit` would resolve to, and nothing left to do, where nothing has to be stored; else undefined. */
export let commitAtOnce: (
  sessions: Sessions,
  session: Session,
  response: ResponseHead,
) => Header[] | undefined;

/** Opens the session of a request and commits it with the response; every framework's adapter is built on these two. */
export class Sessions {
  readonly #settings: Settings;
  readonly #cookie: SessionCookie;
  readonly #store: GuardedStore;
  readonly #committer: Committer;
  readonly #sweeper: Sweeper;
  readonly #keeper: SessionKeeper = {
    load: (draft) => (draft.isLoaded ? this.#reload(draft) : this.#find(draft)),
    save: (draft) => this.#committer.save(draft),
  };
  readonly #warned = new Set<string>();

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#cookie = new SessionCookie(settings.cookie);
    this.#store = new GuardedStore(settings);
    this.#sweeper = new Sweeper(this.#store, settings.clearExpiredEvery);
    const warnOnce = this.warnOnce.bind(this);
    this.#committer = new Committer(settings, this.#cookie, this.#store, new Writers(this.#store), warnOnce);
    if (settings.store.capabilities?.compareAndSet === false && settings.store.ticket === undefined) {
      warnOnce(
        "COATCHECK_NO_COMPARE_AND_SET",
        "This session store cannot compare and set, so of two servers that write one session at the same time, one can " +
          "lose its change, and a slow write can bring an ended session back. Use a store that can where that matters.",
      );
    }
  }

  /** The session of a request, by its Cookie header. Rejects with StoreUnavailableError when the store cannot say. */
  async open(cookieHeader: string | null | undefined, request: OpenOptions): Promise<Session> {
    const session = this.#sessionOf(cookieHeader, request);
    await this.#findAtFirst(session, request);
    return session;
  }

  #sessionOf(cookieHeader: string | null | undefined, { secure }: OpenOptions): Session {
    this.#sweeper.start();
    const values = readCookie(cookieHeader, this.#cookie.name(secure));
    return new Session(new Draft(this.#settings, { secure, values }), this.#keeper);
  }

  #findAtFirst(session: Session, request: OpenOptions): Promise<void> | undefined {
    if (this.#settings.lazy) return undefined;
    const draft = draftOf(session);
    if (draft.presented.length > 0) return this.#find(draft, request);
    draft.isLoaded = true;
    return undefined;
  }

  /**
   * Stores what the request wants stored, and resolves to the headers that the response must carry: `Set-Cookie` (append),
   * `Vary` (merge), `Cache-Control` (only where the response has none, or says public). The session is taken as it
   * stands when this is called. Rejects when it could not be stored: the response must then be an error.
   */
  commit(session: Session, { status }: ResponseHead): Promise<Header[]> {
    return this.#committer.commit(draftOf(session), status);
  }

  /** To be called when the response has ended, unless its commit failed: tells of changes that were never saved. */
  finish(session: Session): void {
    const draft = draftOf(session);
    if (draft.isDetached || !draft.isModified) return;
    const id = draft.kept?.id;
    tell("unsaved", () => ({ session: id === undefined ? null : logIdOf(id) }));
    if (!draft.isCommitted) return; // The client hung up before there was a response: nobody's mistake.
    this.warnOnce(
      "COATCHECK_UNSAVED",
      "A session was changed after its response had begun, and the change was not saved. Change it before the first byte, " +
        "or await session.save() afterwards.",
    );
  }

  /** A warning on the process, once for each code. */
  warnOnce(code: string, message: string): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    globalThis.process?.emitWarning?.(message, { type: "CoatcheckWarning", code });
  }

  /** Deletes expired sessions in batches until there are no more; resolves to their number. With `dryRun`, only counts. */
  clearExpired(options: ClearOptions = {}): Promise<number> {
    return this.#sweeper.clear(options);
  }

  /** The live sessions of a user, the one seen last first. */
  async listUserSessions(userId: string | number): Promise<UserSession[]> {
    const now = this.#settings.clock();
    return (await this.#ofUser(String(userId)))
      .map(({ id, record }) => ({
        handle: id,
        createdAt: new Date(record.createdAt),
        lastSeenAt: new Date(lastSeenAt(record, this.#settings, now)),
        authenticatedAt: record.authenticatedAt === null ? null : new Date(record.authenticatedAt),
        expiresAt: new Date(record.expiresAt),
        data: dataOf(record),
      }))
      .sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  }

  /** Ends one session of a user. False, and nothing ended, when there is none by that handle or it is another user's. */
  async revoke(handle: string, { userId }: { userId: string | number }): Promise<boolean> {
    if (!isStoreId(handle)) return false;
    const found = await this.#locate(handle);
    if (found?.record.userId !== String(userId)) return false;
    await this.#end(found.id);
    return true;
  }

  /** Ends all sessions of a user, but the one of the handle `except`; resolves to their number. */
  async revokeUser(userId: string | number, { except }: { except?: string | null } = {}): Promise<number> {
    let ended = 0;
    // Again until none is left, for what was being created meanwhile; bounded, for who signs in faster than we look.
    for (let pass = 0; pass < 10; pass++) {
      const found = await this.#ofUser(String(userId));
      const spared = isStoreId(except) ? await this.#locate(except) : null;
      const others = found.filter(({ id }) => id !== spared?.id);
      if (others.length === 0) break;
      await Promise.all(others.map(({ id }) => this.#end(id)));
      ended += others.length;
    }
    return ended;
  }

  /** Counts of the store, where it can tell. */
  stats(): Promise<StoreStats> {
    return countSessions(this.#store);
  }

  /** Stops clearing, and closes what the store itself opened. */
  async close(): Promise<void> {
    this.#sweeper.stop();
    await this.#settings.store.close?.();
  }

  /** Looks for the session of the cookies that came, and takes the first that is live. */
  async #find(draft: Draft, request?: OpenOptions): Promise<void> {
    const { presented } = draft;
    const deadline = this.#store.deadline();
    try {
      for (const [index, ticket] of presented.entries()) {
        const seen = ticket.sealed ?? (await this.#store.read(ticket.id, deadline, request));
        if (draft.isLoaded) return; // Flushed while it was being read.
        if (seen === "moved" || (seen !== null && isNewer(ticket.id, seen))) {
          draft.others.add(ticket.id);
          draft.isDetached = true;
          if (seen === "moved") tell("moved", () => ({ session: logIdOf(ticket.id) }));
        } else if (seen === null || isOver(seen, this.#settings, this.#settings.clock())) {
          tell("unknown", () => ({ session: logIdOf(ticket.id) }));
        } else {
          draft.isDetached = false;
          draft.keep({ key: ticket.key, id: ticket.id, record: seen });
          for (const { id } of presented.slice(index + 1)) draft.others.add(id);
          break;
        }
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || this.#settings.onUnavailable === "error") throw error;
      draft.unavailable = error;
      draft.isDetached = true;
    }
    draft.isLoaded = true;
  }

  /** Reads the session again, wherever it has moved to, and makes the pending changes again on it. */
  async #reload(draft: Draft): Promise<void> {
    if (draft.kept === null) return;
    const { key, id } = draft.kept;
    const found = await this.#locate(id);
    if (found === null || !isUsable(found.id, found.record)) {
      draft.detach();
      return;
    }
    draft.reload({ ...found, key: found.id === id ? key : null });
  }

  #locate(id: StoreId) {
    return this.#store.locate(id, this.#store.deadline());
  }

  /** The live sessions of a user. */
  async #ofUser(user: string): Promise<Located[]> {
    if (this.#store.given.listUser === undefined) {
      throw new SettingsError("store", "a store with an index of users, for this");
    }
    const isList = (answer: unknown) => Array.isArray(answer) && answer.every(isStoreId);
    const ids = await this.#store.ask(
      "list a user's sessions",
      this.#store.deadline(),
      isList,
      async (store, call) => {
        return store.listUser?.(user, call) ?? [];
      },
    );
    const found = (await Promise.all(ids.map((id) => this.#locate(id)))).filter(
      (kept) => kept?.record.userId === user,
    );
    // By id: the index may still name where a session was, beside where it is.
    return [...new Map(found.map((kept) => [kept?.id, kept as Located])).values()];
  }

  async #end(id: StoreId): Promise<void> {
    await this.#store.end(id, this.#store.deadline());
    tell("ended", () => ({ session: logIdOf(id) }));
  }

  static {
    sessionOf = (sessions, cookieHeader, request) => sessions.#sessionOf(cookieHeader, request);
    isLazy = (sessions) => sessions.#settings.lazy;
    find = (sessions, session, request) => sessions.#findAtFirst(session, request);
    commitAtOnce = (sessions, session, { status }) =>
      sessions.#committer.commitAtOnce(draftOf(session), status);
  }
}

/** Makes the sessions of an application, from its options. Throws SettingsError for those that cannot work. */
export function createSessions<Name extends string = string>(options: Options<Name>): Sessions {
  return new Sessions(readSettings(options));
}

function dataOf(record: StoredRecord): Record<string, unknown> {
  try {
    return parseData(record.data);
  } catch {
    return {}; // A corrupt session can still be seen and revoked.
  }
}
