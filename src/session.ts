import type { Updater } from "./data/changes.ts";
import { checkJson } from "./data/json.ts";
import type { SessionData } from "./data/session-data.ts";
import type { Fallback, KeyOf, ValueOf, WithFallback } from "./data/types.ts";
import type { Draft } from "./engine/draft.ts";
import type { Engine } from "./engine/engine.ts";
import { decodeExpiry, type Expiry, encodeExpiry, expiryAge, expiryDate } from "./engine/expiry.ts";
import { SessionCommittedError, SessionKeyError, SessionNotLoadedError } from "./errors.ts";

/** A Proxy behind the prototype: assigning an unknown property (`req.session.user = x`) throws and names `set`. */
const unknownMembers = new Proxy(Object.create(Object.prototype), {
  set(_target, name) {
    const key = String(name);
    throw new TypeError(
      `A session has no property ${JSON.stringify(key)} to assign. Store a value with session.set(${JSON.stringify(key)}, value), ` +
        `and read it with session.get(${JSON.stringify(key)}).`,
    );
  },
});

export interface ExpiryOptions {
  /** The moment to count from. Default now. */
  modification?: Date;
  /** The expiry to count with. Default the session's own. */
  expiry?: Expiry;
}

/** Gives `Sessions` the draft of a session. Not part of the public entry. */
export let draftOf: <Data>(session: Session<Data>) => Draft;

const TEST_COOKIE = "testcookie";
const TEST_COOKIE_VALUE = "worked";

/**
 * A dictionary for one visitor: Django's session in camelCase, with the habits of a `Map`. Everything but `save` and
 * `load` is synchronous; what was changed is stored before the response leaves.
 */
export class Session<Data = SessionData> implements Iterable<[KeyOf<Data>, ValueOf<Data>]> {
  readonly #draft: Draft;
  readonly #engine: Pick<Engine, "load" | "save">;

  constructor(draft: Draft, engine: Pick<Engine, "load" | "save">) {
    this.#draft = draft;
    this.#engine = engine;
    Object.preventExtensions(this);
  }

  /** The value of a key. Throws SessionKeyError when it is absent: Django's `session[key]`. */
  require<K extends KeyOf<Data>>(key: K): ValueOf<Data, K> {
    const data = this.#read("require");
    if (!data.has(key)) throw new SessionKeyError(key);
    return data.get(key) as ValueOf<Data, K>;
  }

  /** The value of a key, or `fallback` when it is absent. */
  get<K extends KeyOf<Data>>(key: K): ValueOf<Data, K> | undefined;
  get<K extends KeyOf<Data>, F extends Fallback<Data, K>>(key: K, fallback: F): WithFallback<Data, K, F>;
  get(key: KeyOf<Data>, fallback?: unknown): unknown {
    const data = this.#read("get");
    return data.has(key) ? data.get(key) : fallback;
  }

  /** Stores a value. Throws a TypeError that names the place when it is not JSON. Always counts as a change. */
  set<K extends KeyOf<Data>>(key: K, value: ValueOf<Data, K>): this {
    const data = this.#write("set", key);
    checkJson(value, key);
    data.set(key, value);
    return this;
  }

  /** Removes a key. False when it was absent. */
  delete(key: KeyOf<Data>): boolean {
    return this.has(key) && this.#write("delete", key).delete(key);
  }

  has(key: KeyOf<Data>): boolean {
    return this.#read("has").has(key);
  }

  /** Removes a key and returns its value, or `fallback` when it is absent. */
  pop<K extends KeyOf<Data>>(key: K): ValueOf<Data, K> | undefined;
  pop<K extends KeyOf<Data>, F extends Fallback<Data, K>>(key: K, fallback: F): WithFallback<Data, K, F>;
  pop(key: KeyOf<Data>, fallback?: unknown): unknown {
    const data = this.#read("pop");
    if (!data.has(key)) return fallback;
    const value = data.get(key);
    this.#write("pop", key).delete(key);
    return value;
  }

  /** The value of a key, which is set to `value` first when it is absent. */
  setDefault<K extends KeyOf<Data>, V extends ValueOf<Data, K>>(key: K, value: V): WithFallback<Data, K, V>;
  // By this signature a session without declared keys fits every SessionOf.
  setDefault<K extends KeyOf<Data>>(key: K, value: ValueOf<Data, K>): ValueOf<Data, K>;
  setDefault<K extends KeyOf<Data>>(key: K, value: ValueOf<Data, K>): unknown {
    if (!this.has(key)) this.set(key, value);
    return this.#read("setDefault").get(key);
  }

  /** Sets every member of an object: Django's `update`. Members that are undefined are left out. */
  assign(members: { [K in KeyOf<Data>]?: ValueOf<Data, K> }): this {
    const given = Object.entries(members).filter(([, value]) => value !== undefined);
    for (const [key, value] of given) checkJson(value, key);
    const data = this.#write("assign");
    for (const [key, value] of given) data.set(key, value);
    this.#draft.intent.isForced = true; // Django: an update counts as a change even when it is empty.
    return this;
  }

  /**
   * Replaces a value by what the function makes of it, and returns that. The function must be synchronous, and may run
   * again on newer data when another request wrote meanwhile: counters stay exact. Returning undefined deletes the key;
   * throwing when run again fails the commit with that error, and nothing is stored.
   */
  update<K extends KeyOf<Data>, R extends ValueOf<Data, K> | undefined>(
    key: K,
    updater: (current: ValueOf<Data, K> | undefined) => R,
  ): R {
    return this.#write("update", key).update(key, updater as Updater) as R;
  }

  keys(): IterableIterator<KeyOf<Data>> {
    return this.#read("keys").keys() as IterableIterator<KeyOf<Data>>;
  }

  *values(): IterableIterator<ValueOf<Data>> {
    for (const [, value] of this.#read("values").entries()) yield value as ValueOf<Data>;
  }

  entries(): IterableIterator<[KeyOf<Data>, ValueOf<Data>]> {
    return this.#read("entries").entries() as IterableIterator<[KeyOf<Data>, ValueOf<Data>]>;
  }

  [Symbol.iterator](): IterableIterator<[KeyOf<Data>, ValueOf<Data>]> {
    return this.entries();
  }

  forEach(visit: (value: ValueOf<Data>, key: KeyOf<Data>, session: this) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  get size(): number {
    return this.#read("size").size;
  }

  /** A plain object of all data; the values are the session's own, not copies. */
  toObject(): Partial<Data> & Record<string, unknown> {
    return Object.fromEntries(this.#read("toObject").entries()) as Partial<Data> & Record<string, unknown>;
  }

  /** Removes all data. Key and user stay. */
  clear(): void {
    this.#write("clear").clear();
  }

  /** True for a visitor of whom nothing is stored and nothing has been set. */
  get isEmpty(): boolean {
    return this.#loaded("isEmpty").isEmpty;
  }

  /** The session key: null until first stored and after `flush`; it changes when the response leaves, or at `save()`. */
  get key(): string | null {
    return this.#loaded("key").stored?.key ?? null;
  }

  /** Names the stored session in `listUserSessions` and `revoke`; null until stored. Not a secret: it may stand in a page. */
  get handle(): string | null {
    this.#read("handle");
    return this.#draft.stored?.key == null ? null : this.#draft.stored.id;
  }

  /** Whether the data was looked at: the response then gets `Vary: Cookie`. */
  get accessed(): boolean {
    return this.#draft.accessed;
  }

  /** Whether this request changed the session, nested values included. True forces a write; false saves no data of this request. */
  get modified(): boolean {
    return this.#draft.isModified;
  }

  set modified(modified: boolean) {
    if (modified) this.#write("modified = true");
    const draft = this.#loaded("modified = false");
    draft.savesData = modified;
    draft.intent.isForced = modified;
  }

  /** Ends the session: its record is deleted before the response leaves, and the cookie is removed. What is set afterwards belongs to a new session. */
  flush(): void {
    this.#available();
    this.#draft.accessed = true;
    this.#draft.flush("handler");
  }

  /** Changes the key and keeps the data: for every change of what the visitor may do. */
  cycleKey(): void {
    this.#write("cycleKey");
    this.#needsCookie("cycleKey()");
    this.#draft.intent.rotate = true;
  }

  /** Signs a user in. Always changes the key; an anonymous visitor's data is kept, another user's is flushed first. */
  login(userId: string | number): void {
    if (typeof userId !== "string" && !Number.isFinite(userId)) {
      throw new TypeError(`login takes the user's id, a string or a number, and got ${String(userId)}.`);
    }
    const user = String(userId);
    if (user === "") throw new TypeError("login takes the user's id, and got an empty string.");
    this.#available();
    this.#write("login");
    this.#needsCookie("login()");
    this.#draft.login(user);
  }

  /** Signs the user out: `flush`. */
  logout(): void {
    this.flush();
  }

  /** Who is signed in; set by `login` only. */
  get userId(): string | null {
    this.#read("userId");
    return this.#draft.userId;
  }

  /** When the user signed in. */
  get authenticatedAt(): Date | null {
    this.#read("authenticatedAt");
    const at = this.#draft.authenticatedAt;
    return at === null ? null : new Date(at);
  }

  /** When the session ends: seconds from its last write, a moment, 0 = when the browser closes, null = the default. */
  setExpiry(expiry: Expiry): void {
    const encoded = encodeExpiry(expiry);
    this.#needsCookie("setExpiry()");
    this.#write("setExpiry");
    this.#draft.intent.expiry = encoded;
  }

  /** Seconds from `modification` (now) to the end, by the expiry given or the session's own. May be negative. */
  getExpiryAge(options: ExpiryOptions = {}): number {
    const { cookieAge } = this.#draft.settings;
    return expiryAge(this.#expiry("getExpiryAge", options), this.#modification(options), cookieAge);
  }

  /** The moment of the end, by the expiry given or the session's own. */
  getExpiryDate(options: ExpiryOptions = {}): Date {
    const { cookieAge } = this.#draft.settings;
    return expiryDate(this.#expiry("getExpiryDate", options), this.#modification(options), cookieAge);
  }

  /** Whether the cookie goes when the browser closes. */
  getExpireAtBrowserClose(): boolean {
    const expiry = this.#expiry("getExpireAtBrowserClose", {});
    return expiry === null ? this.#draft.settings.expireAtBrowserClose : expiry === 0;
  }

  /** Sets a value to be looked for with the next request, to see whether the browser takes cookies. */
  setTestCookie(): void {
    this.#write("setTestCookie").set(TEST_COOKIE, TEST_COOKIE_VALUE);
  }

  testCookieWorked(): boolean {
    return this.#read("testCookieWorked").get(TEST_COOKIE) === TEST_COOKIE_VALUE;
  }

  /** Throws SessionKeyError when there is none, as Django does. */
  deleteTestCookie(): void {
    if (!this.#write("deleteTestCookie").delete(TEST_COOKIE)) throw new SessionKeyError(TEST_COOKIE);
  }

  /**
   * Makes everything so now, instead of when the response leaves: for long handlers, sockets and jobs. Resolves to false
   * when another request ended the session; it stays ended. Creates the record even when the session is empty.
   */
  async save(): Promise<boolean> {
    return this.#engine.save(this.#loaded("save"));
  }

  /** Reads the session from the store: the first time with `lazy: true`, or again. Pending changes are made again on it. */
  load(): Promise<void> {
    return this.#engine.load(this.#draft);
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
    if (this.#draft.stored === null && !this.#draft.isBarred) this.#needsCookie(`${member}()`);
    this.#draft.savesData = true;
    return data;
  }

  #needsCookie(call: string): void {
    if (this.#draft.isCommitted) throw new SessionCommittedError(call);
  }

  #expiry(member: string, options: ExpiryOptions): Expiry {
    if (options.expiry !== undefined) return options.expiry;
    this.#read(member);
    const { stored, intent } = this.#draft;
    return decodeExpiry(intent.expiry === undefined ? (stored?.record.expiry ?? null) : intent.expiry);
  }

  #modification(options: ExpiryOptions): Date {
    return options.modification ?? new Date(this.#draft.settings.clock());
  }

  static {
    draftOf = (session) => session.#draft;
    Object.setPrototypeOf(Session.prototype, unknownMembers);
  }
}
