/** The options of `session()`, checked, with their defaults. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Store as OurStore } from "../../contract/store.ts";
import { type Secret, Signature } from "../../cookie/signature.ts";
import { isStore } from "../../settings/mistaken-options.ts";
import type { ConnectStore, SessionRequest } from "./contract.ts";
import { Cookie, type CookieOptions } from "./cookie.ts";
import { MemoryStore, warnInProduction } from "./memory-store.ts";
import { MigratingStore } from "./migrating-store.ts";
import { OverOurs } from "./over-ours.ts";
import { Store } from "./store.ts";

/** The options that express-session does not have. */
export interface OwnOptions {
  /**
   * What becomes of a response whose session could not be stored: it goes out all the same, and `next(error)` follows
   * ("respond"), or the error handler answers in its place ("error"). Default "respond" with connect stores, and "error" where
   * a store of coatcheck could not do its work.
   */
  failedSave?: "respond" | "error" | undefined;
  /**
   * Whether a connect store is read again before each write, so that changes which other requests stored meanwhile stay, and
   * an ended session is not stored again. It narrows the gap and does not close it. Default false. Stores of coatcheck need
   * no second read.
   */
  reread?: boolean | undefined;
  /** For stores of coatcheck: how long one read or write may take, in seconds. Default 5. */
  storeTimeout?: number | undefined;
  /** For stores of coatcheck: how often expired sessions are cleared, in seconds; 0 is never. Default 3600. */
  clearExpiredEvery?: number | undefined;
}

export interface SessionOptions extends OwnOptions {
  /** The secret that signs the cookie. Of several the first signs, and all are accepted. */
  secret?: string | readonly string[] | undefined;
  /** The name of the cookie. Default "connect.sid". */
  name?: string | undefined;
  /** A connect store, or a store of coatcheck. Default a `MemoryStore`. */
  store?: ConnectStore | OurStore | undefined;
  /** The attributes of the cookie, or a function that returns them for a request. */
  cookie?: CookieOptions | ((request: IncomingMessage) => CookieOptions) | undefined;
  /** Makes the id of a new session. Default 24 random bytes. */
  genid?: ((request: IncomingMessage) => string) | undefined;
  /**
   * Whether `X-Forwarded-Proto` tells if the browser came over https: true or false. Default: the framework's `req.secure`
   * tells.
   */
  proxy?: boolean | undefined;
  /** Whether a session is stored with every request that has it, changed or not. Default true; false is better. */
  resave?: boolean | undefined;
  /** Whether every response sends the cookie again. Default false. */
  rolling?: boolean | undefined;
  /** Whether a new session is stored although nothing was put into it. Default true; false is better. */
  saveUninitialized?: boolean | undefined;
  /** Whether `req.session = null` ends the session ("destroy"), or only forgets the request's changes ("keep", the default). */
  unset?: "destroy" | "keep" | undefined;
}

export interface SessionSettings {
  /** null where requests bring the secret. */
  readonly signature: Signature | null;
  readonly name: string;
  readonly store: ConnectStore;
  readonly cookieOf: (request: SessionRequest) => CookieOptions;
  readonly newId: (request: SessionRequest) => string;
  readonly proxy: boolean | undefined;
  readonly resave: boolean;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  readonly destroysUnset: boolean;
  /** "by kind": a fault of a store of coatcheck is an error response, and any other error follows the response. */
  readonly failedSave: "respond" | "error" | "by kind";
  readonly reread: boolean;
}

/** Throws a TypeError for an option that cannot work. Options of other names are left alone, as in express-session. */
export function readOptions(options: SessionOptions & { key?: string }): SessionSettings {
  const { genid, unset, secret, cookie = {}, failedSave } = options;
  if (genid !== undefined && typeof genid !== "function")
    throw new TypeError("The option genid must be a function.");
  if (unset !== undefined && unset !== "destroy" && unset !== "keep") {
    throw new TypeError('The option unset must be "destroy" or "keep".');
  }
  if (failedSave !== undefined && failedSave !== "respond" && failedSave !== "error") {
    throw new TypeError('The option failedSave must be "respond" or "error".');
  }
  if (Array.isArray(secret) && secret.length === 0) {
    throw new TypeError("The secret option array must hold at least one secret.");
  }
  const isFunction = typeof cookie === "function";
  const store = openStore(options, isFunction ? {} : cookie);
  const isOverOurs = store instanceof OverOurs || (store instanceof MigratingStore && store.isOverOurs);
  return {
    signature: signatureOf(secret),
    name: options.name || options.key || "connect.sid",
    store,
    cookieOf: isFunction ? (request: SessionRequest) => cookie(request) ?? {} : () => cookie,
    newId: (genid as SessionSettings["newId"] | undefined) ?? (() => randomBytes(24).toString("base64url")),
    proxy: options.proxy,
    resave: options.resave ?? true,
    rolling: Boolean(options.rolling),
    saveUninitialized: options.saveUninitialized ?? true,
    destroysUnset: unset === "destroy",
    failedSave: failedSave ?? "by kind",
    reread: Boolean(options.reread) && !isOverOurs,
  };
}

/** The signature by a secret, or by each of a list; null where there is none. */
export function signatureOf(secret: unknown): Signature | null {
  if (!secret) return null;
  return new Signature(Array.isArray(secret) ? secret : [secret as Secret]);
}

/** Any store as a connect store whose sessions are ours. */
function openStore(
  { store, storeTimeout, clearExpiredEvery }: SessionOptions,
  cookie: CookieOptions,
): ConnectStore {
  if (!store) {
    warnInProduction();
    return new MemoryStore();
  }
  if (isStore(store)) {
    return new OverOurs(store as OurStore, newCookie(cookie, false), { storeTimeout, clearExpiredEvery });
  }
  if (store instanceof MigratingStore) {
    const open = (one: unknown) =>
      openStore({ store: one as ConnectStore, storeTimeout, clearExpiredEvery }, cookie);
    return store.openedBy(open);
  }
  return withOurSessions(store as ConnectStore);
}

/** The cookie of a new session. */
export function newCookie(options: CookieOptions, isSecure: boolean): Cookie {
  const cookie = new Cookie(options);
  if (cookie.secure === "auto") cookie.secure = isSecure;
  if (cookie.sameSite === "auto") cookie.sameSite = isSecure ? "none" : "lax";
  return cookie;
}

/**
 * Stores may extend express-session's own `Store`. What they read must be a session of ours all the same, so such a store
 * gets our `createSession`, unless it has one of its own.
 */
function withOurSessions(store: ConnectStore): ConnectStore {
  const isOurs: boolean = store instanceof Store;
  if (isOurs || Object.hasOwn(store, "createSession")) return store;
  let owner: object | null = Object.getPrototypeOf(store);
  while (owner !== null && !Object.hasOwn(owner, "createSession")) owner = Object.getPrototypeOf(owner);
  // The base is known by its three methods: express-session may be installed in several copies.
  const isBase = owner === null || (Object.hasOwn(owner, "regenerate") && Object.hasOwn(owner, "load"));
  if (isBase) store.createSession = Store.prototype.createSession;
  return store;
}
