/**
 * One request's session in the making: the stored session that it knows, and the changes that it wants. `Session` fills
 * the draft in, and `commit.ts` carries it out.
 *
 * A draft is in one of four states. `unread`: the store was not asked yet. `none`: nothing is stored for this visitor.
 * `stored`: the session is known. `barred`: nothing of this request may be stored, and no cookie is sent.
 *
 *     unread  becomes  none, stored or barred, when the store has been asked
 *     none    becomes  stored, by the first write
 *     stored  stays    stored, after each write and load; becomes barred when another request has ended the session
 *     barred  becomes  none, by login
 *     any     becomes  none, by flush
 */

import { newVersion, type StoreId } from "../contract/record.ts";
import {
  changeExtras,
  dictionaryOf,
  type Extras,
  type ExtrasChange,
  extrasOf,
  extrasTextOf,
} from "../contract/record-data.ts";
import { keepsExtras } from "../contract/store.ts";
import type { Address, StoredSession, Ticket } from "../contract/ticket.ts";
import { logIdOf } from "../cookie/key.ts";
import { Dictionary, type Holder } from "../data/dictionary.ts";
import { parseData } from "../data/json.ts";
import type { StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings/settings.ts";
import { type Arrival, type PresentedContent, presentedBy } from "./arrival.ts";
import { giveDeviceSecret } from "./device-secret.ts";
import { type Intent, type Login, noIntent, type Pending } from "./intent.ts";
import { tellCorrupt } from "./usable.ts";

/**
 * Why nothing may be stored: the cookie's key was changed by another request, the record is of a newer release, another
 * request ended the session, the session is bound to a device that has not shown itself and may yet, or the store could not be read
 * and `onUnavailable` let the request go on.
 */
export type Bar = "moved" | "newer" | "ended" | "refused" | StoreUnavailableError;

type State =
  | { readonly is: "unread" }
  | { readonly is: "none" }
  | { readonly is: "stored"; readonly session: StoredSession }
  | {
      readonly is: "barred";
      readonly why: Bar;
      /** The user of the session that another request ended. The dictionary may still hold this user's changes. */
      readonly formerUser: string | null;
    };

const UNREAD: State = { is: "unread" };
const NONE: State = { is: "none" };

/** Sets the cookie, or makes the browser remove it. */
export type CookieChange = NewCookie | "remove";

interface NewCookie {
  /** The id of the session to which the cookie leads. */
  readonly id: StoreId;
  readonly value: string;
  /** Seconds; null = until the browser closes. */
  readonly maxAge: number | null;
  /** The browser has this value already: the cookie only lasts longer. */
  readonly isRenewal: boolean;
}

const EMPTY = "{}";
const NO_ADDRESSES: readonly Address[] = [];

export class Draft implements Holder {
  readonly settings: Settings;
  readonly ticket: Ticket;
  readonly arrival: Arrival;

  #state: State = UNREAD;
  #dictionary: Dictionary | null = null;
  #isDecoded = false;
  #presented: readonly PresentedContent[] | null = null;
  /** The intent of the write under way. */
  #saving: Intent | null = null;

  /** True from the beginning of the response: no new cookie can be sent from then on. */
  isCommitted = false;
  /** Whether the handler looked at the session. */
  accessed = false;
  /** False after `modified = false`, until another change. */
  savesData = true;
  /** Whether a Date may be stored, as its text. */
  takesDates = false;
  intent: Intent = noIntent();

  /** The addresses to which writes of this request have moved the session, or tried to. */
  newAddresses: readonly Address[] = NO_ADDRESSES;

  /** The number of records that were made of this draft's changes, to be written. */
  attempts = 0;

  /** The id of the cookie's key, where another request has changed that key. */
  movedId: StoreId | null = null;
  /** Further sessions of this browser, as its cookies name them, or as a login left them. A flush deletes them as well. */
  #alsoPresented: Set<StoreId> | null = null;

  /** The session that this request was refused, because it is bound to a device that has not shown itself. */
  refused: { readonly id: StoreId; readonly userId: string | null } | null = null;

  /** A login or a confirmation of this request is stored. */
  isJustProven = false;

  /** The session's key came by the legacy cookie alone, so the next write sends it under our name. */
  isUnderLegacyName = false;

  /** The change of the cookie that the response is to carry, by the writes so far. */
  cookie: CookieChange | null = null;
  /** The load or write under way. */
  #busy: Promise<unknown> | null = null;

  constructor(settings: Settings, ticket: Ticket, arrival: Arrival) {
    this.settings = settings;
    this.ticket = ticket;
    this.arrival = arrival;
  }

  /** The session as it is stored, as far as this request knows; null in every other state. */
  get stored(): StoredSession | null {
    return this.#state.is === "stored" ? this.#state.session : null;
  }

  /** False for a lazy session until `load()` or `flush()`. */
  get isLoaded(): boolean {
    return this.#state.is !== "unread";
  }

  /** The id of the session whose key the response is to bring, where that key is new to the browser; else null. */
  get newKeyOf(): StoreId | null {
    const { cookie } = this;
    return cookie === null || cookie === "remove" || cookie.isRenewal ? null : cookie.id;
  }

  /** Notes a further session of this browser. */
  alsoPresents(id: StoreId): void {
    this.#alsoPresented ??= new Set();
    this.#alsoPresented.add(id);
  }

  /** Notes sessions that a flush has ended. */
  #delete(...ids: StoreId[]): void {
    this.intent.toDelete = new Set([...this.intent.toDelete, ...ids]);
  }

  /** Whether nothing of this request may be stored. */
  get isBarred(): boolean {
    return this.#state.is === "barred";
  }

  /** The error with which reading the store failed, where `onUnavailable` let the request go on. */
  get unavailable(): StoreUnavailableError | null {
    return this.#state.is === "barred" && typeof this.#state.why !== "string" ? this.#state.why : null;
  }

  /** The contents of the cookies of our name, then of the legacy one; at most two each, as more come from no honest browser. */
  get presented(): readonly PresentedContent[] {
    this.#presented ??= presentedBy(this.arrival, this.ticket);
    return this.#presented;
  }

  /** Made at the first use: many requests never look at their data. */
  get dictionary(): Dictionary {
    this.#dictionary ??= new Dictionary(dictionaryOf(this.stored?.record.data ?? EMPTY), this.settings, this);
    return this.#dictionary;
  }

  /** Keys of the stored data do not fit the schema, and this request does not see them. */
  misfit(keys: string[]): void {
    const id = this.stored?.id;
    if (id !== undefined) tell("misfit", () => ({ session: logIdOf(id), keys }));
  }

  /** Whether another request has changed the key of a stored session: only its id is known then. */
  hasMoved({ key }: StoredSession): boolean {
    return key === null && this.ticket.kind !== "carried";
  }

  /** The store was asked, or need not be: goes on from a stored session, or (null) from none. */
  found(session: StoredSession | null): void {
    this.#state = session === null ? NONE : { is: "stored", session };
    this.#dictionary = null;
    this.#isDecoded = false;
  }

  bar(why: Bar): void {
    this.#state = { is: "barred", why, formerUser: this.stored?.record.userId ?? null };
  }

  /** The session is bound to a device that has not shown itself: to this request it is as if it were not there. */
  refuse({ id, record }: StoredSession): void {
    this.refused = { id, userId: record.userId };
    this.alsoPresents(id);
  }

  /** Whether a load or write is under way. */
  get isBusy(): boolean {
    return this.#busy !== null;
  }

  /** Runs a load or write when the earlier ones are done, so that each begins from the session that the last has left. */
  afterEarlierCalls<T>(run: () => Promise<T>): Promise<T> {
    const running = this.#busy === null ? run() : this.#busy.then(run);
    const leave = () => {
      if (this.#busy === done) this.#busy = null;
    };
    const done = running.then(leave, leave);
    this.#busy = done;
    return running;
  }

  /** The stored session has a new expiry, and is otherwise the same; unless it was flushed meanwhile. */
  renewed(session: StoredSession): void {
    if (this.stored?.id === session.id) this.#state = { is: "stored", session };
  }

  /** Makes sure that the data can be read. A corrupt record counts as no session, so that a write gets a fresh key. */
  decode(): void {
    if (this.#isDecoded || this.#state.is !== "stored") return;
    const { id, record } = this.#state.session;
    this.#isDecoded = this.dictionary.isReadable && hasReadableExtras(record.data);
    if (this.#isDecoded) return;
    tellCorrupt(id);
    this.alsoPresents(id);
    this.found(null);
  }

  /** Ends the session. Everything set from now on belongs to a new one. */
  flush(by: "handler" | "login"): void {
    if (this.#state.is === "stored") this.#delete(this.#state.session.id);
    if (this.#state.is === "unread") this.#delete(...this.presented.map(({ id }) => id));
    if (this.#alsoPresented !== null) this.#delete(...this.#alsoPresented);
    this.#alsoPresented = null;
    this.movedId = null; // A login that follows takes over nothing of what has ended here.
    const { toDelete, flushedBy } = this.intent;
    this.intent = { ...noIntent(), toDelete, flushedBy: flushedBy === "handler" ? "handler" : by };
    this.savesData = true;
    this.found(null);
  }

  /** Signs a user in, under a new key, on the device that `label` names. The data of another user is flushed first. */
  login(userId: string, label: string | null): void {
    const owner = this.userId ?? (this.#state.is === "barred" ? this.#state.formerUser : null);
    if (owner !== null && owner !== userId) this.flush("login");
    if (this.#state.is === "barred") this.#state = NONE;
    this.intent.rotate = true;
    this.intent.login = { userId, at: this.settings.clock() };
    this.#changeExtras((extras) => ({ ...extras, label: label ?? undefined, confirmedAt: undefined }));
    this.#proves();
    if (this.refused?.userId === userId) this.#delete(this.refused.id);
  }

  /** The user has just given the password again. The key changes, as with every change of rights (OWASP). */
  confirm(): void {
    const at = this.settings.clock();
    this.intent.rotate = true;
    this.#changeExtras((extras) => ({ ...extras, confirmedAt: Math.max(at, extras.confirmedAt ?? at) }));
    this.#proves();
  }

  /** The binding to a device may begin now, and at no other time. */
  #proves(): void {
    this.intent.proves = true;
    if (this.settings.deviceBound !== null) this.#changeExtras(giveDeviceSecret);
  }

  /** Notes a change of the framework's part of the record, where the store keeps one. */
  #changeExtras(change: ExtrasChange): void {
    if (keepsExtras(this.settings.store)) this.intent.extrasChanges = [...this.intent.extrasChanges, change];
  }

  /** The framework's part of the record, the changes of this request included. */
  get #extras(): Extras {
    const data = this.stored?.record.data ?? EMPTY;
    const changes = [...(this.#saving?.extrasChanges ?? []), ...this.intent.extrasChanges];
    return extrasOf(changeExtras(data, changes));
  }

  /** The device's name, as the login gave it. */
  get label(): string | null {
    return this.#extras.label ?? null;
  }

  /** The later of the login and the last `confirm`, epoch milliseconds; null where no user is signed in. */
  get confirmedAt(): number | null {
    const { authenticatedAt } = this;
    return authenticatedAt === null
      ? null
      : Math.max(authenticatedAt, this.#extras.confirmedAt ?? authenticatedAt);
  }

  /** Whether a device has registered its key, and is asked to show it. */
  get isDeviceBound(): boolean {
    return this.settings.deviceBound !== null && this.#extras.device?.k !== undefined;
  }

  /** The user, a login of this request included. */
  get userId(): string | null {
    return this.#login?.userId ?? this.stored?.record.userId ?? null;
  }

  /** Epoch milliseconds. */
  get authenticatedAt(): number | null {
    return this.#login?.at ?? this.stored?.record.authenticatedAt ?? null;
  }

  get #login(): Login | null {
    return this.intent.login ?? this.#saving?.login ?? null;
  }

  get isEmpty(): boolean {
    return this.stored === null && this.userId === null && this.dictionary.size === 0;
  }

  /** Whether data or expiry must be written. */
  get isChanged(): boolean {
    if (!this.savesData) return false;
    return this.intent.isForced || this.intent.expiry !== undefined || (this.#dictionary?.isChanged ?? false);
  }

  /** Whether data must be written, and nothing else is wanted. */
  get changesDataAlone(): boolean {
    const { flushedBy, rotate, login, expiry, extrasChanges } = this.intent;
    const isAlone = flushedBy === null && !rotate && login === null && expiry === undefined;
    return isAlone && extrasChanges.length === 0 && this.isChanged;
  }

  /** Whether anything at all must be saved. */
  get isModified(): boolean {
    const { flushedBy, rotate, login } = this.intent;
    return flushedBy !== null || rotate || login !== null || this.isChanged;
  }

  /** Takes everything that is wanted by now, to be saved. Throws a TypeError when a nested value is not JSON; nothing is taken then. */
  take(): Pending {
    const { dictionary, isEmpty, stored, intent } = this;
    const data = this.savesData ? dictionary.take(intent.isForced) : null;
    const hasChanges = data !== null && (data.earlier !== null || !data.changes.isEmpty);
    const isChanged = data !== null && (intent.isForced || intent.expiry !== undefined || hasChanges);
    this.intent = noIntent();
    this.#saving = intent;
    return { intent, data, isChanged, isEmpty, stored, dictionary };
  }

  /** The write is done, and `session` is what it left stored; null where it stored nothing. */
  saved({ data, dictionary, intent }: Pending, session: StoredSession | null): void {
    this.#saving = null;
    if (this.dictionary !== dictionary) {
      // The session was flushed during the write, so what the write stored must be deleted too.
      if (session !== null) this.#delete(session.id);
      return;
    }
    if (session === null) return;
    this.isJustProven ||= intent.proves;
    if (this.hasMoved(session)) {
      this.#goOnBlindly(session, data?.mine, intent);
      return;
    }
    this.#state = { is: "stored", session };
    if (data !== null) dictionary.rebase(dictionaryOf(session.record.data), data);
  }

  /** The session was read again: goes on from there, with the pending changes made again on its data. */
  reload(session: StoredSession): void {
    if (this.hasMoved(session)) {
      this.#goOnBlindly(session);
      return;
    }
    this.dictionary.reload(dictionaryOf(session.record.data), session.record.version);
    this.#state = { is: "stored", session };
  }

  /** One key was stored by itself: goes on from there, with the pending changes made again on it. */
  storedAlone(session: StoredSession, key: string, value: unknown): void {
    if (this.stored === null) return;
    if (!this.hasMoved(session)) {
      this.reload(session);
      return;
    }
    // Of a session behind a change of the key, this handler sees that one value and nothing else.
    const { [key]: _, ...rest } = parseData(dictionaryOf(this.stored.record.data));
    const seen = JSON.stringify({ ...rest, [key]: value });
    this.dictionary.reload(seen, null);
    this.#goOnBlindly(session, seen);
  }

  /**
   * Another request has changed the key. Our writes go to the new record, but its data must not reach this handler: the
   * old key may be an attacker's. So the draft goes on from the data that it has seen, under a version that fits no
   * record, which makes each write begin by reading.
   */
  #goOnBlindly({ key, id }: StoredSession, seen?: string, { expiry, extrasChanges } = noIntent()): void {
    if (this.#state.is !== "stored") return;
    const { record } = this.#state.session;
    const data = seen === undefined ? record.data : seen + extrasTextOf(record.data);
    const blind = {
      ...record,
      data: changeExtras(data, extrasChanges),
      expiry: expiry === undefined ? record.expiry : expiry,
      version: newVersion(),
    };
    this.#state = { is: "stored", session: { key, id, record: blind } };
    // A cookie that an earlier save announced leads nowhere now. The response of the other request carries the new key.
    this.cookie = null;
  }

  /**
   * Another request ended the session. The changes of this one stay visible to the handler, and are never stored; except
   * by a login that the handler has called meanwhile, which needs no old record.
   */
  ended(pending?: Pending): void {
    this.#saving = null;
    if (pending !== undefined && this.dictionary !== pending.dictionary) return; // A flush since has ended it here too.
    if (pending?.data) this.dictionary.putBack(pending.data);
    this.dictionary.orphan();
    this.cookie = null;
    // Its record may still be there, damaged or of a newer release: a logout deletes it all the same.
    if (this.stored !== null) this.alsoPresents(this.stored.id);
    if (this.intent.login === null) this.bar("ended");
    else this.#state = NONE;
  }

  /** The write failed: everything that it was to do is wanted again, together with what was wanted since. */
  putBack({ intent, data, dictionary }: Pending): void {
    this.#saving = null;
    if (intent.toDelete.size > 0) this.#delete(...intent.toDelete);
    this.intent.flushedBy ??= intent.flushedBy;
    if (this.dictionary !== dictionary) return;
    this.intent.isForced ||= intent.isForced;
    this.intent.rotate ||= intent.rotate;
    this.intent.proves ||= intent.proves;
    this.intent.login ??= intent.login;
    this.intent.extrasChanges = [...intent.extrasChanges, ...this.intent.extrasChanges];
    if (this.intent.expiry === undefined) this.intent.expiry = intent.expiry;
    if (data !== null) dictionary.putBack(data);
  }

  /** Gives up everything that is wanted, and returns it. */
  drop(): Intent {
    const { intent } = this;
    this.intent = noIntent();
    this.savesData = false;
    return intent;
  }
}

function hasReadableExtras(data: string): boolean {
  try {
    extrasOf(data);
    return true;
  } catch {
    return false;
  }
}
