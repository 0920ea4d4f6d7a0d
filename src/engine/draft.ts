/** What one request knows of its session, and what it wants of it. `Session` fills it in; `commit.ts` carries it out. */

import type { StoredRecord, StoreId } from "../contract/record.ts";
import { newVersion } from "../contract/record.ts";
import type { Presented, Ticket } from "../contract/ticket.ts";
import { keyTicket } from "../cookie/key.ts";
import { Dictionary, type Snapshot } from "../data/dictionary.ts";
import type { StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings.ts";
import { tellCorrupt } from "./usable.ts";

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

export interface Login {
  readonly userId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What a request wants done, beside its data; taken as one when it is saved. */
export interface Wants {
  /** A write even where nothing has changed: `modified = true`. */
  isForced: boolean;
  /** What `setExpiry` asked for; undefined = nothing. */
  expiry: number | null | undefined;
  login: Login | null;
  /** A new key. */
  rotate: boolean;
  /** Who ended the session, if it was: the handler's word holds even when the response is an error, that of `login` does not. */
  flushedBy: "handler" | "login" | null;
  /** What a flush is to delete. */
  readonly endings: Set<StoreId>;
}

const nothing = (): Wants => ({
  isForced: false,
  expiry: undefined,
  login: null,
  rotate: false,
  flushedBy: null,
  endings: new Set(),
});

/** All that is to be saved, as it stood at one moment. */
export interface Taken {
  readonly wants: Wants;
  /** null where `modified = false` says to save none. */
  readonly data: Snapshot | null;
  readonly isChanged: boolean;
  readonly isEmpty: boolean;
  /** What was stored then. */
  readonly kept: Kept | null;
  /** Tells whether the session was flushed since. */
  readonly dictionary: Dictionary;
}

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
  #dictionary: Dictionary | null = null;
  accessed = false;
  /** False once `modified = false` was said, until something is changed again. */
  savesData = true;
  wants: Wants = nothing();
  /** What is being saved now. */
  #saving: Wants | null = null;

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
  }

  /** Made when first looked at: many a request never does. */
  get dictionary(): Dictionary {
    this.#dictionary ??= new Dictionary(this.kept?.record.data ?? EMPTY, this.settings);
    return this.#dictionary;
  }

  /** Goes on from a stored session, or from none. */
  keep(kept: Kept | null): void {
    this.kept = kept;
    this.#dictionary = null;
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
    tellCorrupt(id);
    this.others.add(id);
    this.keep(null);
  }

  /** Ends the session here: what is set from now on belongs to a new one. */
  flush(by: "handler" | "login"): void {
    const { endings, flushedBy } = this.wants;
    if (this.kept !== null) endings.add(this.kept.id);
    if (!this.isLoaded) for (const { id } of this.presented) endings.add(id);
    for (const id of this.others) endings.add(id);
    this.others.clear();
    this.wants = { ...nothing(), endings, flushedBy: flushedBy === "handler" ? "handler" : by };
    this.isLoaded = true;
    this.isDetached = false;
    this.savesData = true;
    this.keep(null);
  }

  /** The user, as far as this request has got. */
  get userId(): string | null {
    return this.#login?.userId ?? this.kept?.record.userId ?? null;
  }

  /** Epoch milliseconds. */
  get authenticatedAt(): number | null {
    return this.#login?.at ?? this.kept?.record.authenticatedAt ?? null;
  }

  get #login(): Login | null {
    return this.wants.login ?? this.#saving?.login ?? null;
  }

  get isEmpty(): boolean {
    return this.kept === null && this.userId === null && this.dictionary.size === 0;
  }

  /** Whether there is data or expiry to write. */
  get isChanged(): boolean {
    if (!this.savesData) return false;
    return this.wants.isForced || this.wants.expiry !== undefined || (this.#dictionary?.isChanged ?? false);
  }

  /** Whether there is anything at all to save. */
  get isModified(): boolean {
    const { flushedBy, rotate, login } = this.wants;
    return flushedBy !== null || rotate || login !== null || this.isChanged;
  }

  /** Takes all that is wanted by now, to be saved. Throws a TypeError when a nested value is not JSON; nothing is taken then. */
  take(): Taken {
    const { dictionary, isEmpty, kept, wants } = this;
    const data = this.savesData ? dictionary.take(wants.isForced) : null;
    const isChanged =
      data !== null && (wants.isForced || wants.expiry !== undefined || !data.changes.isEmpty);
    this.wants = nothing();
    this.#saving = wants;
    return { wants, data, isChanged, isEmpty, kept, dictionary };
  }

  /** What was taken has been done, and left `kept` behind. */
  settle({ data, dictionary }: Taken, kept: Kept | null): void {
    this.#saving = null;
    if (this.dictionary !== dictionary) {
      // Flushed while it was being saved: what was stored ends too.
      if (kept !== null) this.wants.endings.add(kept.id);
      return;
    }
    if (kept !== null && this.#isAnothers(kept)) {
      this.#goOnBlindly(kept, data?.mine);
      return;
    }
    this.kept = kept;
    if (kept !== null && data !== null) dictionary.rebase(kept.record.data, data);
  }

  /** The session was read again as `found`: goes on from there, with what is wanted made again on it. */
  reload(found: Kept): void {
    if (this.#isAnothers(found)) {
      this.#goOnBlindly(found);
      return;
    }
    this.dictionary.reload(found.record.data);
    this.kept = found;
  }

  /** Whether this is the session of whoever signed in while this request was under way. */
  #isAnothers({ key, record }: Kept): boolean {
    return (
      key === null &&
      this.ticket === keyTicket &&
      this.kept !== null &&
      this.kept.record.userId !== record.userId
    );
  }

  /**
   * Writes go on at the new place, but what is there is never shown: an old key may be known to somebody else, who
   * waits for just that. The version fits no record, so each write begins by reading.
   */
  #goOnBlindly({ key, id }: Kept, seen = this.kept?.record.data): void {
    if (this.kept === null || seen === undefined) return;
    this.kept = { key, id, record: { ...this.kept.record, data: seen, version: newVersion() } };
  }

  /** Another request ended the session: only what this one did itself is left, and none of it will be stored. */
  detach(taken?: Taken): void {
    this.#saving = null;
    if (taken !== undefined && this.dictionary !== taken.dictionary) return; // Flushed since, and so ended here too.
    if (taken?.data) this.dictionary.putBack(taken.data);
    this.dictionary.orphan();
    this.kept = null;
    this.isDetached = true;
    this.cookie = null;
  }

  /** What was taken could not be done: it is wanted still, together with what was wanted since. */
  putBack({ wants, data, dictionary }: Taken): void {
    this.#saving = null;
    for (const id of wants.endings) this.wants.endings.add(id);
    this.wants.flushedBy ??= wants.flushedBy;
    if (this.dictionary !== dictionary) return;
    this.wants.isForced ||= wants.isForced;
    this.wants.rotate ||= wants.rotate;
    this.wants.login ??= wants.login;
    if (this.wants.expiry === undefined) this.wants.expiry = wants.expiry;
    if (data !== null) dictionary.putBack(data);
  }

  /** Gives up all that is wanted, and says what that was. */
  drop(): Wants {
    const { wants } = this;
    this.wants = nothing();
    this.savesData = false;
    return wants;
  }
}

function present(values: readonly string[], ticket: Ticket): Presented[] {
  if (values.length > 1) tell("duplicated", () => ({ values: values.length }));
  const presented: Presented[] = [];
  for (const [index, value] of values.entries()) {
    if (values.indexOf(value) < index) continue;
    const parsed = presented.length < 2 ? ticket.parse(value) : null;
    if (parsed !== null) presented.push(parsed);
    else tell("malformed", () => ({ length: value.length }));
  }
  return presented;
}
