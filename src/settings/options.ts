/** The options that applications write. */
import type { Store } from "../contract/store.ts";
import type { SessionData } from "../data/session-data.ts";

/** The rules of the cookie name's prefix (RFC 6265bis, 4.1.3), as types: attributes that break them do not compile. */
type PrefixRules<Name extends string> = Name extends `__Host-${string}`
  ? { secure?: true | "auto" | undefined; path?: "/" | undefined; domain?: undefined }
  : Name extends `__Secure-${string}`
    ? { secure?: true | "auto" | undefined }
    : unknown;

interface CookieAttributes<Name extends string> {
  /**
   * The name of the cookie. Default `__Host-sessionid` on https where `domain` and `path` allow that prefix, else `sessionid`. A
   * name that you give is used as it is; one that begins with `__Host-` or `__Secure-` demands the other attributes that go with
   * the prefix (RFC 6265bis, 4.1.3) [SESSION_COOKIE_NAME].
   */
  name?: Name | undefined;
  /** The part of the site to which browsers send the cookie. Default "/" [SESSION_COOKIE_PATH]. */
  path?: string | undefined;
  /** The domain that gets the cookie, with all its subdomains. Default none: this host alone [SESSION_COOKIE_DOMAIN]. */
  domain?: string | undefined;
  /**
   * Whether browsers send the cookie over https only. Default "auto": Secure where the request came over TLS, by the socket or
   * by a proxy that the framework trusts. With true, a request over plain http gets no cookie [SESSION_COOKIE_SECURE].
   */
  secure?: boolean | "auto" | undefined;
  /** Whether scripts in the page are kept from reading the cookie. Default true [SESSION_COOKIE_HTTPONLY]. */
  httpOnly?: boolean | undefined;
  /**
   * Whether browsers send the cookie along with requests from other sites. Default "lax": only when a link is followed. "none" is
   * for sites that run inside the frames of others, and needs https [SESSION_COOKIE_SAMESITE].
   */
  sameSite?: "strict" | "lax" | "none" | undefined;
  /** Whether browsers keep a cookie of its own for each site that embeds this one (CHIPS). Needs https. Default false. */
  partitioned?: boolean | undefined;
}

export type CookieOptions<Name extends string = string> = CookieAttributes<Name> & PrefixRules<Name>;

/**
 * Decides the value of a key that two requests changed. `base` is the value that this request had read, `mine` the one that it
 * made of it, `theirs` the one that is stored now. Returning undefined deletes the key. What it throws fails the commit.
 */
export type Resolve = (key: string, base: unknown, mine: unknown, theirs: unknown) => unknown;

/** The part of the Standard Schema interface, version 1 (standardschema.dev), that is used here. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/**
 * The options of `createSessions` and of every adapter. Django's setting stands in brackets. A wrong value throws SettingsError
 * at the start, and so does a name that is not listed here.
 */
export interface Options<Name extends string = string, Data = SessionData> {
  /** The place where sessions are kept. The adapters for Node default to SQLite in ./sessions.sqlite3 [SESSION_ENGINE]. */
  store?: Store | undefined;
  /** The attributes of the cookie [SESSION_COOKIE_*]. */
  cookie?: CookieOptions<Name> | undefined;
  /**
   * The life of a session after its last write, in seconds. Default 1209600, two weeks. Browsers keep a cookie for 400 days at
   * most, so more than that raises a warning; the value may have been meant in milliseconds [SESSION_COOKIE_AGE].
   */
  cookieAge?: number | undefined;
  /** Whether browsers forget the cookie when they close. Default false [SESSION_EXPIRE_AT_BROWSER_CLOSE]. */
  expireAtBrowserClose?: boolean | undefined;
  /**
   * Whether every request counts as activity, and sends the cookie again when that moves the expiry. Default false
   * [SESSION_SAVE_EVERY_REQUEST].
   */
  saveEveryRequest?: boolean | undefined;
  /** Ends a session this many seconds after its last request (OWASP: idle timeout). Default none: only `cookieAge` counts. */
  idleTimeout?: number | undefined;
  /** Ends a session this many seconds after the login, else after its creation (OWASP: absolute timeout). Default none. */
  absoluteTimeout?: number | undefined;
  /**
   * The most sessions that one user has at a time. After a login the oldest by their login end. A login that is itself beyond the
   * limit, because as many others came at the same time and later, is answered without a cookie. Anonymous sessions do not count.
   * It needs a store with an index of users. Default no limit.
   */
  maxUserSessions?: number | undefined;
  /**
   * Ends all sessions whose login, else whose creation, is earlier than this: after an incident. It works with every store that
   * keeps the time of login, cookies too. A date in the future throws SettingsError. Default none.
   */
  notBefore?: Date | undefined;
  /** Whether changes inside objects and lists are found by comparing. Default "detect". */
  nestedChanges?: "detect" | "ignore" | undefined;
  /**
   * The value that stays when two requests changed one key other than by `update`: that of the later write ("mine", the default),
   * that of the earlier one ("theirs"), neither ("error": a SessionConflictError), or what a function returns.
   */
  onConflict?: "mine" | "theirs" | "error" | Resolve | undefined;
  /**
   * What happens to changes when another request has ended the session: they are dropped and the request succeeds ("discard", the
   * default), or it fails with a SessionInterruptedError, 400 ("error").
   */
  onInterrupted?: "discard" | "error" | undefined;
  /**
   * What happens when the store cannot be read: the request fails with a StoreUnavailableError, 503 ("error", the default), or
   * goes on with an empty session that is never stored ("anonymous").
   */
  onUnavailable?: "error" | "anonymous" | undefined;
  /** How long one read or write of the store may take, retries included, in seconds; at most 3600. Default 5. */
  storeTimeout?: number | undefined;
  /** How often expired sessions are cleared, in seconds, where the store does not forget them by itself. 0 is never. Default 3600. */
  clearExpiredEvery?: number | undefined;
  /** Whether the store is asked only when a handler awaits `session.load()`. Default false. */
  lazy?: boolean | undefined;
  /**
   * Accepts the cookie that express-session has set, as the key of its session, for as long as that session lives. The cookie of
   * our own name is read first. The next write sends the key under that name; a login and `cycleKey` change it; a logout removes
   * both cookies. The sessions must be in `store` under the SHA-256 of their ids, where `coatcheck/express-session` keeps them.
   * Default none.
   */
  legacy?: LegacyOptions | undefined;
  /**
   * The shape of the data: a schema of zod, valibot, arktype or another library with the Standard Schema interface. It types the
   * sessions. Data is read through it, without the keys that do not fit (event `misfit`); a write that does not fit fails with
   * a TypeError that names the place. It is synchronous, and an empty session must fit. Default none.
   */
  schema?: StandardSchema<Data> | undefined;
  /**
   * Binds the sessions of signed-in users to their devices, in browsers that have Device Bound Session Credentials (DBSC, W3C): the
   * cookies alone then open nothing on another machine. Needs https, and a store on the server that can compare and set. Default
   * false.
   */
  deviceBound?: boolean | DeviceBoundOptions | undefined;
  /** The time, in epoch milliseconds. Default `() => Date.now()`. */
  clock?: (() => number) | undefined;
}

/** The option `deviceBound`. */
export interface DeviceBoundOptions {
  /**
   * The life of the bound cookie in whole seconds, 1 to 86400: so long a copy of both cookies opens the session, and so often the
   * browser proves that it has the key. Default 600.
   */
  cookieAge?: number | undefined;
  /**
   * The path at which the browser registers its key (`<path>/registration`) and renews the bound cookie (`<path>/refresh`). It lies
   * under `cookie.path`. Default `.coatcheck/<name of the session cookie>` there.
   */
  path?: string | undefined;
}

/** The cookie of express-session, whose sessions go on. */
export interface LegacyOptions {
  /** The `secret` that signed the cookie; of a list, any may have signed it. */
  secret: string | readonly string[];
  /** The name of the cookie. Default "connect.sid". */
  name?: string | undefined;
}
