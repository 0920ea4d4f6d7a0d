/** What one request knows of its session, and what it wants of it. `Session` fills it in; `commit.ts` carries it out. */
import { Dictionary } from "./dictionary.ts";
import type { StoreUnavailableError } from "./errors.ts";
import { tell } from "./events.ts";
import { logIdOf } from "./key.ts";
import type { Settings } from "./settings.ts";
import type { StoredRecord, StoreId } from "./store.ts";
import { keyTicket, type Presented, type Ticket } from "./ticket.ts";

/** The session as it is stored; the key is null where another request changed it, and only the id is known. */
export interface Kept {
  readonly key: string | null;
  readonly id: StoreId;
  readonly record: StoredRecord;
}

export interface Visit {
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  /** The values of all cookies of our name that came. */
  readonly values: readonly string[];
}

/** Sends the cookie, for `maxAge` seconds or (null) until the browser closes; or makes the browser forget it. */
export type CookieChange = { readonly value: string; readonly maxAge: number | null } | "remove";

const EMPTY = "{}";

export class Draft {
  readonly settings: Settings;
  readonly visit: Visit;

  /** False until a lazy session has been loaded, or flushed. */
  isLoaded = false;
  /** Nothing is stored of this session, and no cookie sent: it was rotated away, ended, is of a newer release, or cannot be read. */
  isDetached = false;
  /** Why it could not be read, where `onUnavailable` let the request go on. */
  unavailable: StoreUnavailableError | null = null;
  /** Set when the response begins: no new cookie can be sent from then on. */
  isCommitted = false;

  /** What is stored; null for a visitor of whom nothing is. */
  kept: Kept | null = null;
  dictionary: Dictionary;
  accessed = false;
  /** What `modified = …` said last; a later change takes `false` back. */
  modified: boolean | null = null;

  /** What `setExpiry` asked for; undefined = nothing. */
  expiry: number | null | undefined;
  /** Who logs in with this request. */
  login: { readonly userId: string; readonly at: number } | null = null;
  /** Whether the key is to be changed. */
  rotate = false;
  /** Who ended the session, if it was: the handler holds even when the response is an error, `login` does not. */
  flushedBy: "handler" | "login" | null = null;
  /** What a flush is to delete. */
  readonly endings = new Set<StoreId>();
  /** Other sessions that the cookie names, which a flush deletes as well. */
  readonly others = new Set<StoreId>();

  /** What the response is to do to the cookie, from what has been stored so far. */
  cookie: CookieChange | null = null;
  /** The write under way: the next waits for it. */
  busy: Promise<unknown> | null = null;
  #presented: readonly Presented[] | null = null;

  constructor(settings: Settings, visit: Visit) {
    this.settings = settings;
    this.visit = visit;
    this.dictionary = new Dictionary(EMPTY, settings);
  }

  /** Goes on from a stored session, or from none. */
  keep(kept: Kept | null): void {
    this.kept = kept;
    this.dictionary = new Dictionary(kept?.record.data ?? EMPTY, this.settings);
  }

  /** What the cookies of our name stand for, at most two: more is somebody's play. */
  get presented(): readonly Presented[] {
    this.#presented ??= present(this.visit.values, this.ticket);
    return this.#presented;
  }

  get ticket(): Ticket {
    return this.settings.store.ticket ?? keyTicket;
  }

  /** Makes sure that the data can be read: a corrupt record is no session, and a write gets a fresh key. */
  decode(): void {
    if (this.kept === null || this.dictionary.isReadable) return;
    const { id } = this.kept;
    tell("corrupt", () => ({ session: logIdOf(id), reason: "its data is not a JSON object" }));
    this.others.add(id);
    this.keep(null);
  }

  /** Ends the session here: what is set from now on belongs to a new one. */
  flush(by: "handler" | "login"): void {
    if (this.kept !== null) this.endings.add(this.kept.id);
    if (!this.isLoaded) for (const { id } of this.presented) this.endings.add(id);
    for (const id of this.others) this.endings.add(id);
    this.others.clear();
    this.isLoaded = true;
    this.isDetached = false;
    this.keep(null);
    this.modified = null;
    this.expiry = undefined;
    this.login = null;
    this.rotate = false;
    this.flushedBy = this.flushedBy === "handler" ? "handler" : by;
  }

  /** The user, as far as this request has got. */
  get userId(): string | null {
    return this.login?.userId ?? this.kept?.record.userId ?? null;
  }

  get isEmpty(): boolean {
    return this.kept === null && this.userId === null && this.dictionary.size === 0;
  }

  /** Whether there is data or expiry to write. */
  get isChanged(): boolean {
    return this.modified ?? (this.dictionary.isChanged || this.expiry !== undefined);
  }
}

function present(values: readonly string[], ticket: Ticket): Presented[] {
  if (values.length > 1) tell("duplicated", () => ({ values: values.length }));
  const presented: Presented[] = [];
  for (const value of new Set(values)) {
    const parsed = presented.length < 2 ? ticket.parse(value) : null;
    if (parsed !== null) presented.push(parsed);
    else tell("malformed", () => ({ length: value.length }));
  }
  return presented;
}
