import { keepsExtras } from "./contract/store.ts";
import type { Updater } from "./data/changes.ts";
import { checkJson } from "./data/json.ts";
import type { SessionData } from "./data/session-data.ts";
import type { Fallback, KeyOf, ValueOf, WithFallback } from "./data/types.ts";
import { userIdFrom } from "./data/user-id.ts";
import type { Draft } from "./engine/draft.ts";
import type { Engine } from "./engine/engine.ts";
import { decodeExpiry, type Expiry, encodeExpiry, expiryAge, expiryDate } from "./engine/expiry.ts";
import type { OnceOptions } from "./engine/once.ts";
import {
  ConfirmationNeededError,
  SessionCommittedError,
  SessionKeyError,
  SessionNotLoadedError,
  SessionReadOnlyError,
  SettingsError,
} from "./errors.ts";

/** A Proxy behind the prototype: assigning an unknown property (`req.session.user = x`) throws and names `set`. */
const unknownMembers = new Proxy(Object.create(Object.prototype), {
  set(_target, name) {
    const key = String(name);
    throw new TypeError(
      `A session has no property ${JSON.stringify(key)} to assign. Write session.set(${JSON.stringify(key)}, value), and read it with ` +
        "session.get().",
    );
  },
});

export interface ExpiryOptions {
  /** The moment to count from. Default now. */
  modification?: Date | undefined;
  /** The expiry to count with. Default the session's own. */
  expiry?: Expiry | undefined;
}

export interface LoginOptions {
  /**
   * The device's name, for the page on which users see their sessions: "Firefox on Linux". It is cut at 200 characters. Default
   * none, also where it is empty.
   */
  label?: string | null | undefined;
}

/** The longest name of a device, in characters. */
const LONGEST_LABEL = 200;

/** A character has at most two code units, so that twice as many units are enough to cut from. */
const labelFrom = (given: unknown): string | null =>
  typeof given !== "string" || given === ""
    ? null
    : [...given.slice(0, 2 * LONGEST_LABEL)].slice(0, LONGEST_LABEL).join("").toWellFormed();

/** Epoch milliseconds as a Date. */
const dateOf = (at: number | null | undefined): Date | null => (at == null ? null : new Date(at));

/** Gives `Sessions` the draft of a session. Not part of the public entry. */
export let draftOf: <Data>(session: Session<Data>) => Draft;

const TEST_COOKIE = "testcookie";
const TEST_COOKIE_VALUE = "worked";

/**
 * The member by which `coatcheck/passport` makes a session take Dates. Not declared, because it is for this package alone; found
 * by its name, because bundlers may put two copies of this package into one program.
 */
export const TAKE_DATES = Symbol.for("coatcheck.takeDates");

/** The name under which Node, Deno and Bun look for the text that `console.log` prints. */
export const INSPECT = Symbol.for("nodejs.util.inspect.custom");

type Inspect = (value: unknown, options: object) => string;

type OnceResult<Data, K extends KeyOf<Data>> =
  | Promise<ValueOf<Data, K> | undefined>
  | ValueOf<Data, K>
  | undefined;

/** Other packages' sessions take callbacks. One that were ignored here would leave its request waiting for ever. */
function refuseCallback(given: unknown, member: string, cure: string): void {
  if (typeof given !== "function") return;
  throw new TypeError(`session.${member} takes no callback: write ${cure}, and go on after it.`);
}

/**
 * A dictionary for one visitor: Django's session in camelCase, with the habits of a `Map`. Every method but `save`, `load` and
 * `once` is synchronous. Changes are stored before the response leaves.
 *
 * `Data` declares the keys. Before `load()`, a session with `lazy: true` throws SessionNotLoadedError at every use but `flush`
 * and `logout`. Once the response has begun, every call that needs a new cookie throws SessionCommittedError.
 */
export class Session<Data = SessionData> implements Iterable<[KeyOf<Data>, ValueOf<Data>]> {
  readonly #draft: Draft;
  readonly #engine: Pick<Engine, "load" | "once" | "save">;

  constructor(draft: Draft, engine: Pick<Engine, "load" | "once" | "save">) {
    this.#draft = draft;
    this.#engine = engine;
    Object.preventExtensions(this);
  }

  /** The value of a key. Throws SessionKeyError when the key is absent. Django's `session[key]`. */
  require<K extends KeyOf<Data>>(key: K): ValueOf<Data, K> {
    const data = this.#read("require");
    if (!data.has(key)) throw new SessionKeyError(key);
    return data.get(key) as ValueOf<Data, K>;
  }

  /**
   * The value of a key, or `fallback` (undefined where none is given) when the key is absent. An object or list is the
   * session's own: changes within it are seen and stored.
   */
  get<K extends KeyOf<Data>>(key: K): ValueOf<Data, K> | undefined;
  get<K extends KeyOf<Data>, F extends Fallback<Data, K>>(key: K, fallback: F): WithFallback<Data, K, F>;
  get(key: KeyOf<Data>, fallback?: unknown): unknown {
    const data = this.#read("get");
    return data.has(key) ? data.get(key) : fallback;
  }

  /**
   * Stores a value. It always counts as a change. Throws a TypeError that names the place when the value is not JSON, or has
   * more than 1,000 levels. Django's `session[key] = value`.
   */
  set<K extends KeyOf<Data>>(key: K, value: ValueOf<Data, K>): this {
    const data = this.#write("set", key);
    checkJson(value, key, this.#draft.takesDates);
    data.set(key, value);
    return this;
  }

  /** Removes a key. False when it was absent. Django's `del session[key]`. */
  delete(key: KeyOf<Data>): boolean {
    return this.has(key) && this.#write("delete", key).delete(key);
  }

  /** Whether a key is present. Django's `key in session`. */
  has(key: KeyOf<Data>): boolean {
    return this.#read("has").has(key);
  }

  /** Removes a key and returns its value, or `fallback` (undefined where none is given) when it is absent. */
  pop<K extends KeyOf<Data>>(key: K): ValueOf<Data, K> | undefined;
  pop<K extends KeyOf<Data>, F extends Fallback<Data, K>>(key: K, fallback: F): WithFallback<Data, K, F>;
  pop(key: KeyOf<Data>, fallback?: unknown): unknown {
    const data = this.#read("pop");
    if (!data.has(key)) return fallback;
    const value = data.get(key);
    this.#write("pop", key).delete(key);
    return value;
  }

  /** Sets a key to `value` when it is absent, and returns its value. Throws as `set` does. Django's `setdefault`. */
  setDefault<K extends KeyOf<Data>, V extends ValueOf<Data, K>>(key: K, value: V): WithFallback<Data, K, V>;
  // By this signature a session without declared keys fits every SessionOf.
  setDefault<K extends KeyOf<Data>>(key: K, value: ValueOf<Data, K>): ValueOf<Data, K>;
  setDefault<K extends KeyOf<Data>>(key: K, value: ValueOf<Data, K>): unknown {
    if (!this.has(key)) this.set(key, value);
    return this.#read("setDefault").get(key);
  }

  /**
   * Sets every member of an object that is not undefined. It counts as a change even where there is none. Throws as `set` does,
   * and sets nothing then. Django's `update`.
   */
  assign(members: { [K in KeyOf<Data>]?: ValueOf<Data, K> | undefined }): this {
    const given = Object.entries(members).filter(([, value]) => value !== undefined);
    for (const [key, value] of given) checkJson(value, key, this.#draft.takesDates);
    const data = this.#write("assign");
    for (const [key, value] of given) data.set(key, value);
    this.#draft.intent.isForced = true; // Django: an update counts as a change even when it is empty.
    return this;
  }

  /**
   * Replaces a value by the result of a function of it, and returns the result. When another request wrote meanwhile, the
   * function runs again on the newer value, so that counters stay exact. Returning undefined deletes the key. A function that
   * throws when it runs again fails the commit with that error, and nothing is stored. Throws a TypeError when the function
   * returns a promise or a value that is not JSON.
   */
  update<K extends KeyOf<Data>, R extends ValueOf<Data, K> | undefined>(
    key: K,
    updater: (current: ValueOf<Data, K> | undefined) => R,
  ): R {
    return this.#write("update", key).update(key, updater as Updater) as R;
  }

  /** The keys, as a `Map` has them. */
  keys(): IterableIterator<KeyOf<Data>> {
    return this.#read("keys").keys() as IterableIterator<KeyOf<Data>>;
  }

  /** The values, as a `Map` has them. */
  *values(): IterableIterator<ValueOf<Data>> {
    for (const [, value] of this.#read("values").entries()) yield value as ValueOf<Data>;
  }

  /** Pairs of key and value, as a `Map` has them. Django's `items`. */
  entries(): IterableIterator<[KeyOf<Data>, ValueOf<Data>]> {
    return this.#read("entries").entries() as IterableIterator<[KeyOf<Data>, ValueOf<Data>]>;
  }

  /** The same as `entries`. */
  [Symbol.iterator](): IterableIterator<[KeyOf<Data>, ValueOf<Data>]> {
    return this.entries();
  }

  /** Calls a function with each value and key, as a `Map` does. */
  forEach(visit: (value: ValueOf<Data>, key: KeyOf<Data>, session: this) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  /** The number of keys. */
  get size(): number {
    return this.#read("size").size;
  }

  /** A plain object of all data. Its values are the session's own and no copies. */
  toObject(): Partial<Data> & Record<string, unknown> {
    return Object.fromEntries(this.#read("toObject").entries()) as Partial<Data> & Record<string, unknown>;
  }

  /** Removes all data. The key and the user stay. */
  clear(): void {
    this.#write("clear").clear();
  }

  /** Whether nothing is stored for this visitor, and nothing was set. A session with a user is never empty. */
  get isEmpty(): boolean {
    return this.#loaded("isEmpty").isEmpty;
  }

  /**
   * The session key, a secret. It is null until the session is first stored, after `flush`, and where another request has
   * changed it. It changes when the response leaves, or with `save()`. Django's `session_key`.
   */
  get key(): string | null {
    return this.#loaded("key").stored?.key ?? null;
  }

  /**
   * The name of the session for `listUserSessions` and `revoke`; null until it is stored, and in stores that keep the key itself.
   * It is no secret, and may stand in a page.
   */
  get handle(): string | null {
    this.#read("handle");
    const { stored, ticket } = this.#draft;
    return stored === null || stored.key === null || ticket.kind !== "keyed" ? null : stored.id;
  }

  /** Whether the session was looked at. The response gets `Vary: Cookie` then. */
  get accessed(): boolean {
    return this.#draft.accessed;
  }

  /**
   * Whether this request changed the session, also within objects and lists. Setting it to true forces a write; setting it to
   * false saves no data of this request, until another change.
   */
  get modified(): boolean {
    return this.#draft.isModified;
  }

  set modified(modified: boolean) {
    if (modified) this.#write("modified = true");
    const draft = this.#loaded("modified = false");
    draft.savesData = modified;
    draft.intent.isForced = modified;
  }

  /**
   * Ends the session. The record is deleted and the cookie removed before the response leaves, whatever its status. Everything
   * set afterwards belongs to a new session. Throws StoreUnavailableError where the session could not be read.
   */
  flush(): void;
  flush(callback?: unknown): void {
    refuseCallback(callback, "flush", "session.flush()");
    this.#writable("flush");
    this.#available();
    this.#draft.accessed = true;
    this.#draft.flush("handler");
  }

  /** Changes the key and keeps the data: for every change of the visitor's rights but a login. Django's `cycle_key`. */
  cycleKey(): void;
  cycleKey(callback?: unknown): void {
    refuseCallback(callback, "cycleKey", "session.cycleKey()");
    this.#write("cycleKey");
    this.#needsCookie("cycleKey()");
    this.#draft.intent.rotate = true;
  }

  /**
   * Signs a user in. The key always changes (OWASP: session fixation). The data of an anonymous visitor stays; that of another
   * user is flushed first. Throws a TypeError, and changes nothing, when the id is empty, has NUL or half a surrogate pair in
   * it, or is longer than 1,200 bytes of UTF-8. Throws StoreUnavailableError where the session could not be read. `label` names
   * the device; a login without one takes the name away.
   */
  login(userId: string | number, options?: LoginOptions): void;
  login(userId: string | number, options: unknown = {}): void {
    refuseCallback(options, "login", "session.login(userId)");
    const user = userIdFrom(userId);
    this.#available();
    this.#write("login");
    this.#needsCookie("login()");
    this.#draft.login(user, labelFrom((options as LoginOptions | null)?.label));
  }

  /** Signs the user out. It is the same as `flush`. */
  logout(): void;
  logout(callback?: unknown): void {
    refuseCallback(callback, "logout", "session.logout()");
    this.#writable("logout");
    this.flush();
  }

  /** The id of the user who is signed in, else null. Only `login` sets it. */
  get userId(): string | null {
    this.#read("userId");
    return this.#draft.userId;
  }

  /** The time of the login; null where no user is signed in. */
  get authenticatedAt(): Date | null {
    this.#read("authenticatedAt");
    return dateOf(this.#draft.authenticatedAt);
  }

  /**
   * Notes that the user has just given the password, or used the passkey, again, and changes the key (OWASP: session management).
   * The absolute timeout still counts from the login. Throws a TypeError when no user is signed in, StoreUnavailableError where
   * the session could not be read, SettingsError where the store keeps no place for it.
   */
  confirm(): void;
  confirm(callback?: unknown): void {
    refuseCallback(callback, "confirm", "session.confirm()");
    this.#needsExtras("confirm()");
    this.#available();
    this.#write("confirm");
    if (this.#draft.userId === null)
      throw new TypeError(
        "session.confirm() was called where no user is signed in. Call session.login(userId) first.",
      );
    this.#needsCookie("confirm()");
    this.#draft.confirm();
  }

  /**
   * The last time at which the user showed who it is: the later of the login and the last `confirm`, as this request has read
   * them or has made them itself. null where no user is signed in.
   */
  get confirmedAt(): Date | null {
    this.#read("confirmedAt");
    return dateOf(this.#draft.confirmedAt);
  }

  /**
   * Throws ConfirmationNeededError (403) when `confirmedAt` is more than this many seconds ago, or no user is signed in: before a
   * change of password, say. Throws a TypeError when `seconds` is no number above 0, SettingsError where the store keeps no
   * place for confirmations.
   */
  requireRecent(seconds: number): void {
    if (!(Number.isFinite(seconds) && seconds > 0))
      throw new TypeError("session.requireRecent takes a number of seconds, more than 0.");
    this.#needsExtras("requireRecent()");
    this.#read("requireRecent");
    const { confirmedAt, settings } = this.#draft;
    if (confirmedAt === null || settings.clock() - confirmedAt > seconds * 1000)
      throw new ConfirmationNeededError();
  }

  /** The device's name that the login gave, else null. */
  get label(): string | null {
    this.#read("label");
    return this.#draft.label;
  }

  /**
   * Whether the session is bound to a device: the browser has registered a key, and another machine cannot go on with copied
   * cookies. Always false without the option `deviceBound`.
   */
  get isDeviceBound(): boolean {
    this.#read("isDeviceBound");
    return this.#draft.isDeviceBound;
  }

  /** The time at which the session was first stored; null until then. */
  get createdAt(): Date | null {
    this.#read("createdAt");
    return dateOf(this.#draft.stored?.record.createdAt);
  }

  /** The moment at which the session ends unless it is used, as it is stored; null until then. */
  get expiresAt(): Date | null {
    this.#read("expiresAt");
    return dateOf(this.#draft.stored?.record.expiresAt);
  }

  /**
   * Sets the end of this session: seconds after its last write, a moment, 0 for when the browser closes, or null for the default
   * of the options. Throws a TypeError for everything else. Django's `set_expiry`.
   */
  setExpiry(expiry: Expiry): void {
    const encoded = encodeExpiry(expiry);
    this.#needsCookie("setExpiry()");
    this.#write("setExpiry");
    this.#draft.intent.expiry = encoded;
  }

  /** Seconds from `modification` to the end, by `expiry`. Negative where the end has passed. Django's `get_expiry_age`. */
  getExpiryAge(options: ExpiryOptions = {}): number {
    const { cookieAge } = this.#draft.settings;
    return expiryAge(this.#expiry("getExpiryAge", options), this.#modification(options), cookieAge);
  }

  /** The moment of the end, by `expiry`. Django's `get_expiry_date`. */
  getExpiryDate(options: ExpiryOptions = {}): Date {
    const { cookieAge } = this.#draft.settings;
    return expiryDate(this.#expiry("getExpiryDate", options), this.#modification(options), cookieAge);
  }

  /** Whether the browser forgets the cookie when it closes. Django's `get_expire_at_browser_close`. */
  getExpireAtBrowserClose(): boolean {
    const expiry = this.#expiry("getExpireAtBrowserClose", {});
    return expiry === null ? this.#draft.settings.expireAtBrowserClose : expiry === 0;
  }

  /** Stores a test value. The next request can tell by it whether the browser sends cookies. */
  setTestCookie(): void {
    this.#write("setTestCookie").set(TEST_COOKIE, TEST_COOKIE_VALUE);
  }

  /** Whether the test value of an earlier request has come back. */
  testCookieWorked(): boolean {
    return this.#read("testCookieWorked").get(TEST_COOKIE) === TEST_COOKIE_VALUE;
  }

  /** Removes the test value. Throws SessionKeyError when there is none, as Django does. */
  deleteTestCookie(): void {
    if (!this.#write("deleteTestCookie").delete(TEST_COOKIE)) throw new SessionKeyError(TEST_COOKIE);
  }

  /**
   * Stores the session now, and not when the response leaves: for long handlers, sockets and jobs. Creates the record even when
   * the session is empty. Resolves to false when another request has ended the session, which then stays ended. Rejects with
   * StoreUnavailableError, and with whatever a commit rejects with. Throws a TypeError when it is given a callback.
   */
  save(): Promise<boolean>;
  save(callback?: unknown): Promise<boolean> {
    refuseCallback(callback, "save", "await session.save()");
    return this.#save();
  }

  /**
   * Reads the session from the store: for the first time with `lazy: true`, else again, with the pending changes made again on
   * it. Rejects with StoreUnavailableError. Throws a TypeError when it is given a callback.
   */
  load(): Promise<void>;
  load(callback?: unknown): Promise<void> {
    refuseCallback(callback, "load", "await session.load()");
    return this.#engine.load(this.#draft);
  }

  /**
   * Of all requests of this session, in all processes, one runs the function, and the others get the value that it stored: for an
   * OAuth token that may be refreshed only once. The function gets the value that is stored now; the value that it returns is
   * stored at once, whatever the status of the response, and nothing else of the request is. Resolves to the value of the key then.
   * Returning undefined deletes the key. When the function throws, the call rejects with that error, and the next request runs its
   * own. Where nothing is stored for this visitor yet, the function runs, and its value is set as by `set`.
   *
   * `lease` and `wait` are seconds. Rejects with StoreUnavailableError when the function of another request has not ended within
   * `wait`; with SessionInterruptedError when another request has ended the session, or changed its key; with SettingsError where
   * the store keeps sessions in cookies or cannot compare and set; with a TypeError within another `once`, for a key with unsaved
   * changes, and after a `login`, `confirm` or `cycleKey` that is not stored yet.
   */
  async once<K extends KeyOf<Data>>(
    key: K,
    run: (current: ValueOf<Data, K> | undefined) => OnceResult<Data, K>,
    options: OnceOptions = {},
  ): Promise<ValueOf<Data, K> | undefined> {
    this.#writable("once");
    const draft = this.#loaded("once");
    draft.accessed = true;
    if (typeof key !== "string")
      throw new TypeError(`session.once takes a string as the key, and got ${typeof key}.`);
    if (typeof run !== "function")
      throw new TypeError(`session.once takes a function of the current value, and got ${typeof run}.`);
    const value = await this.#engine.once(draft, key, run as Updater, options);
    return value as ValueOf<Data, K> | undefined;
  }

  async #save(): Promise<boolean> {
    this.#writable("save");
    return this.#engine.save(this.#loaded("save"));
  }

  #writable(member: string): void {
    if (this.#draft.arrival.readOnly === true) throw new SessionReadOnlyError(member);
  }

  #loaded(member: string): Draft {
    if (!this.#draft.isLoaded) throw new SessionNotLoadedError(member);
    this.#draft.decode();
    return this.#draft;
  }

  #available(): void {
    if (this.#draft.unavailable !== null) throw this.#draft.unavailable;
  }

  #read(member: string) {
    const draft = this.#loaded(member);
    draft.accessed = true;
    return draft.dictionary;
  }

  #write(member: string, key?: unknown) {
    if (key !== undefined && typeof key !== "string") {
      throw new TypeError(`session.${member} takes a string as the key, and got ${typeof key}.`);
    }
    const data = this.#read(member);
    this.#writable(member);
    if (this.#draft.stored === null && !this.#draft.isBarred) this.#needsCookie(`${member}()`);
    this.#draft.savesData = true;
    return data;
  }

  #needsExtras(call: string): void {
    if (keepsExtras(this.#draft.settings.store)) return;
    const takes = `a store that has a place beside the visitor's data, for ${call}. This one keeps that data alone`;
    throw new SettingsError("store", takes);
  }

  #needsCookie(call: string): void {
    if (this.#draft.isCommitted) throw new SessionCommittedError(call);
  }

  #expiry(member: string, options: ExpiryOptions): Expiry {
    if (options.expiry !== undefined) return options.expiry;
    this.#read(member);
    return this.#ownExpiry;
  }

  /** The expiry that was set for this session, a `setExpiry` of this request included. */
  get #ownExpiry(): Expiry {
    const { stored, intent } = this.#draft;
    return decodeExpiry(intent.expiry === undefined ? (stored?.record.expiry ?? null) : intent.expiry);
  }

  #modification(options: ExpiryOptions): Date {
    return options.modification ?? new Date(this.#draft.settings.clock());
  }

  /** The text for `console.log`: data, user and expiry, and never the key. It does not count as a look at the session. */
  #inspect(depth: number | null, options: object, inspect: Inspect): string {
    const { dictionary, isLoaded, settings, userId } = this.#draft;
    if (depth !== null && depth < 0) return "[Session]";
    if (!isLoaded) return "Session { not loaded }";
    if (!dictionary.isReadable) return "Session { not readable }";
    const expiresAt = expiryDate(this.#ownExpiry, this.#modification({}), settings.cookieAge);
    const inner = depth === null ? null : depth + 1; // The values of the data count as the session's own members.
    return `Session ${inspect({ userId, expiresAt, data: dictionary.peek() }, { ...options, depth: inner })}`;
  }

  static {
    draftOf = (session) => session.#draft;
    // Not enumerable and not declared, because it is for the runtime's console alone.
    Object.defineProperty(Session.prototype, INSPECT, {
      value(this: Session, depth: number | null, options: object, inspect: Inspect) {
        return this.#inspect(depth, options, inspect);
      },
    });
    Object.defineProperty(Session.prototype, TAKE_DATES, {
      value(this: Session) {
        this.#draft.takesDates = true;
      },
    });
    Object.setPrototypeOf(Session.prototype, unknownMembers);
  }
}
