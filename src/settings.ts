import { keepsExtras, type Store } from "./contract/store.ts";
import type { SessionData } from "./data/session-data.ts";
import { SettingsError } from "./errors.ts";
import { adviceFor, checkIsOptions, isStore } from "./mistaken-options.ts";
import { warn } from "./warn.ts";

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

/** The cookie's attributes, checked, with their defaults. */
export interface CookieSettings {
  /** null where the name is chosen for each request. */
  readonly name: string | null;
  readonly path: string;
  readonly domain: string | null;
  readonly secure: boolean | "auto";
  readonly httpOnly: boolean;
  readonly sameSite: "strict" | "lax" | "none";
  readonly partitioned: boolean;
}

/** The cookie of express-session: its name, and the secrets of which one signed it. */
export interface LegacySettings {
  readonly name: string;
  readonly secrets: readonly string[];
}

/** The option `deviceBound`, checked. */
export interface DeviceSettings {
  /** Seconds. */
  readonly cookieAge: number;
  readonly path: string;
}

/** The options, checked, with their defaults. null where something was not asked for. */
export interface Settings {
  readonly store: Store;
  readonly cookie: CookieSettings;
  readonly cookieAge: number;
  readonly expireAtBrowserClose: boolean;
  readonly saveEveryRequest: boolean;
  readonly idleTimeout: number | null;
  readonly absoluteTimeout: number | null;
  readonly maxUserSessions: number | null;
  /** Epoch milliseconds. */
  readonly notBefore: number | null;
  readonly nestedChanges: "detect" | "ignore";
  readonly onConflict: "mine" | "theirs" | "error" | Resolve;
  readonly onInterrupted: "discard" | "error";
  readonly onUnavailable: "error" | "anonymous";
  readonly storeTimeout: number;
  readonly clearExpiredEvery: number;
  readonly lazy: boolean;
  readonly legacy: LegacySettings | null;
  readonly schema: StandardSchema | null;
  readonly deviceBound: DeviceSettings | null;
  readonly clock: () => number;
}

/** The age from which on a number of seconds is absurd: 3,170 years. The record takes larger numbers for dates. */
const LONGEST_AGE = 1e11;

const FOUR_HUNDRED_DAYS = 400 * 86_400;

/** Reads one option after the other, each with its check, then refuses those that are left over. */
class Reader {
  readonly #given: Record<string, unknown>;
  readonly #within: string;
  readonly #known: string[] = [];

  constructor(given: unknown, within: string) {
    if (within === "") checkIsOptions(given);
    else if (typeof given !== "object" || given === null) throw new SettingsError(within, "an object", given);
    this.#given = given as Record<string, unknown>;
    this.#within = within;
  }

  value<T>(name: string, fallback: T, takes: string, fits: (value: unknown) => boolean): T {
    this.#known.push(name);
    const value = this.#given[name];
    if (value === undefined) return fallback;
    if (!fits(value)) throw new SettingsError(this.#path(name), takes, value);
    return value as T;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.value(name, fallback, "true or false", (value) => typeof value === "boolean");
  }

  /** Seconds that a session lives. Warns of so many that they may have been meant as milliseconds. */
  age<T>(name: string, fallback: T): T | number {
    const isAge = (value: unknown) => typeof value === "number" && value > 0 && value < LONGEST_AGE;
    const takes = "seconds, more than 0 and less than 3,170 years";
    const age = this.value<T | number>(name, fallback, takes, isAge);
    if (typeof age === "number" && age > FOUR_HUNDRED_DAYS) {
      warn(
        "COATCHECK_LONG_AGE",
        `The option ${name} is in seconds, and ${age} of them are more than 400 days, the longest that browsers keep a cookie. ` +
          "If milliseconds were meant, divide them by 1000.",
      );
    }
    return age;
  }

  oneOf<const T>(name: string, fallback: T, choices: readonly T[]): T {
    const takes = `one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`;
    return this.value(name, fallback, takes, (value) => choices.includes(value as T));
  }

  end(): void {
    for (const name of Object.keys(this.#given)) {
      if (this.#known.includes(name)) continue;
      const known = `There are ${this.#known.join(", ")}`;
      const advice = adviceFor(name, this.#within);
      throw new SettingsError(this.#path(name), `no value: there is no such option. ${known}${advice}`);
    }
  }

  #path(name: string): string {
    return this.#within ? `${this.#within}.${name}` : name;
  }
}

const isWait = (value: unknown) => typeof value === "number" && value > 0 && value <= 3600;
const isInterval = (value: unknown) => Number.isFinite(value) && (value as number) >= 0;

/** Schemas of arktype are functions. */
const isSchema = (value: unknown) =>
  (typeof value === "object" || typeof value === "function") &&
  typeof (value as StandardSchema | null)?.["~standard"]?.validate === "function";

const isSwitchOrObject = (value: unknown) =>
  typeof value === "boolean" || (typeof value === "object" && value !== null);
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1;
const isDate = (value: unknown) => value instanceof Date && !Number.isNaN(value.getTime());

/** A cookie name is a token of RFC 9110, 5.6.2. */
const isToken = (value: unknown) => typeof value === "string" && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(value);
const isPath = (value: unknown) => typeof value === "string" && /^\/[\x20-\x3a\x3c-\x7e]*$/.test(value);
const isDomain = (value: unknown) =>
  typeof value === "string" && /^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(value);

function readCookie(given: CookieOptions): CookieSettings {
  const read = new Reader(given, "cookie");
  const cookie = {
    name: read.value<string | null>(
      "name",
      null,
      "a cookie name: letters, digits and - _ . and the like",
      isToken,
    ),
    path: read.value("path", "/", 'a path that begins with "/" and has no ";"', isPath),
    domain: read.value<string | null>("domain", null, "a host name such as example.com", isDomain),
    secure: read.oneOf<boolean | "auto">("secure", "auto", [true, false, "auto"]),
    httpOnly: read.flag("httpOnly", true),
    sameSite: read.oneOf("sameSite", "lax", ["strict", "lax", "none"]),
    partitioned: read.flag("partitioned", false),
  };
  read.end();
  // Browsers compare the prefixes without regard to case (RFC 6265bis, 5.7).
  const prefix = /^__(host|secure)-/i.exec(cookie.name ?? "")?.[1]?.toLowerCase();
  if (prefix === "host" && (cookie.domain !== null || cookie.path !== "/")) {
    throw new SettingsError(
      "cookie.name",
      "a __Host- name only without a domain and with the path /",
      cookie.name,
    );
  }
  const needsSecure = prefix
    ? "its prefix"
    : cookie.sameSite === "none"
      ? "sameSite: none"
      : cookie.partitioned
        ? "partitioned"
        : null;
  if (needsSecure === null) return cookie;
  if (cookie.secure === false)
    throw new SettingsError("cookie.secure", `true or "auto" here, as ${needsSecure} demands`, false);
  return { ...cookie, secure: true };
}

function readLegacy(given: unknown, store: Store | undefined): LegacySettings | null {
  if (given === undefined) return null;
  if (store?.ticket !== undefined) {
    throw new SettingsError("legacy", "no value with a store that brings its own kind of cookie");
  }
  const takes = "an object with the secret of express-session: a text, or a list of them";
  // Neither value is shown, because it may be a secret.
  if (typeof given !== "object" || given === null) throw new SettingsError("legacy", takes);
  const read = new Reader(given, "legacy");
  const secret = read.value<unknown>("secret", undefined, "a secret", () => true);
  const name = read.value("name", "connect.sid", "a cookie name, such as connect.sid", isToken);
  read.end();
  const secrets = [secret].flat();
  if (secrets.length === 0 || !secrets.every((one) => typeof one === "string" && one !== "")) {
    throw new SettingsError("legacy.secret", "the secret of express-session: a text, or a list of them");
  }
  return { name, secrets: secrets as string[] };
}

/** The name of the session cookie on https. */
export const secureNameOf = ({ name, path, domain }: CookieSettings): string =>
  name ?? (path === "/" && domain === null ? "__Host-sessionid" : "sessionid");

const isBoundAge = (value: unknown) => isCount(value) && (value as number) <= 86_400;

/** Only characters that every router and every browser leaves as they are, and no `.` or `..` as a step. */
const isPlainPath = (value: unknown) =>
  typeof value === "string" && /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/.test(value);

function readDeviceBound(
  given: unknown,
  cookie: CookieSettings,
  store: Store | undefined,
): DeviceSettings | null {
  if (given === undefined || given === false) return null;
  const read = new Reader(given === true ? {} : given, "deviceBound");
  const cookieAge = read.value("cookieAge", 600, "whole seconds, 1 to 86400", isBoundAge);
  const folder = cookie.path.endsWith("/") ? cookie.path : `${cookie.path}/`;
  const path = read.value(
    "path",
    `${folder}.coatcheck/${secureNameOf(cookie)}`,
    'a path of letters, digits and - _ . ~ between its slashes, such as "/device"',
    isPlainPath,
  );
  read.end();
  checkDeviceBound(cookie, store);
  // Where the default does not fit, by its characters or because the path of the cookie is none, one must be given.
  if (!isPlainPath(path) || !path.startsWith(folder)) {
    throw new SettingsError("deviceBound.path", `a path of plain letters under cookie.path, ${folder}`, path);
  }
  return { cookieAge, path };
}

/** Throws SettingsError where cookie or store cannot hold a session to its device. */
function checkDeviceBound(cookie: CookieSettings, store: Store | undefined): void {
  const refuse = (why: string) => {
    throw new SettingsError("deviceBound", `no value ${why}`);
  };
  const kind = store?.ticket?.kind ?? "keyed";
  if (kind === "carried")
    refuse("with a store that keeps sessions in cookies: one from before the binding would stay valid");
  if (kind === "clear" || (store !== undefined && !keepsExtras(store)))
    refuse("with this store, which has no place for the key of a device");
  if (store?.capabilities?.compareAndSet === false)
    refuse("with a store that cannot compare and set: the request beside the registration could undo it");
  if (cookie.domain !== null) refuse("together with cookie.domain: a browser binds the session of one host");
  if (cookie.partitioned) refuse("together with cookie.partitioned, which browsers do not bind");
  if (cookie.secure === false) refuse("together with cookie.secure: false, as browsers bind over https only");
}

/** Checks the options and fills in the defaults. Throws SettingsError, naming the option and what it takes. */
export function readSettings(options: Options): Settings {
  const read = new Reader(options, "");
  const store = read.value(
    "store",
    undefined as unknown as Store,
    "a store, such as sqliteStore(path) or memoryStore()",
    isStore,
  );
  const cookie = readCookie(read.value("cookie", {}, "an object", () => true));
  const settings: Settings = {
    store,
    cookie,
    cookieAge: read.age("cookieAge", 1_209_600),
    expireAtBrowserClose: read.flag("expireAtBrowserClose", false),
    saveEveryRequest: read.flag("saveEveryRequest", false),
    idleTimeout: read.age("idleTimeout", null),
    absoluteTimeout: read.age("absoluteTimeout", null),
    maxUserSessions: read.value<number | null>("maxUserSessions", null, "a whole number, 1 or more", isCount),
    notBefore: read.value<Date | null>("notBefore", null, "a valid Date", isDate)?.getTime() ?? null,
    nestedChanges: read.oneOf("nestedChanges", "detect", ["detect", "ignore"]),
    onConflict: read.value<Settings["onConflict"]>(
      "onConflict",
      "mine",
      '"mine", "theirs", "error" or a function (key, base, mine, theirs) => value',
      (value) => typeof value === "function" || ["mine", "theirs", "error"].includes(value as string),
    ),
    onInterrupted: read.oneOf("onInterrupted", "discard", ["discard", "error"]),
    onUnavailable: read.oneOf("onUnavailable", "error", ["error", "anonymous"]),
    storeTimeout: read.value("storeTimeout", 5, "seconds, more than 0 and at most 3600", isWait),
    clearExpiredEvery: read.value("clearExpiredEvery", 3600, "seconds, 0 or more", isInterval),
    lazy: read.flag("lazy", false),
    legacy: readLegacy(
      read.value<unknown>("legacy", undefined, "an object", () => true),
      options?.store,
    ),
    schema: read.value<StandardSchema | null>(
      "schema",
      null,
      "a schema with the Standard Schema interface, as zod, valibot and arktype make them",
      isSchema,
    ),
    deviceBound: readDeviceBound(
      read.value<unknown>(
        "deviceBound",
        undefined,
        "true, false or an object with cookieAge and path",
        isSwitchOrObject,
      ),
      cookie,
      store,
    ),
    clock: read.value(
      "clock",
      () => Date.now(), // Looked up at each call, because fake timers replace Date.now.
      "a function that returns epoch milliseconds",
      (value) => typeof value === "function",
    ),
  };
  read.end();
  if (settings.store === undefined) {
    throw new SettingsError(
      "store",
      "a store: here it has no default. Give one, such as sqliteStore(path) or memoryStore()",
    );
  }
  if (settings.absoluteTimeout !== null && settings.store.capabilities?.keepsLoginTime === false) {
    throw new SettingsError(
      "absoluteTimeout",
      "no value with this store, which keeps no time of login: it could not tell when such a session ends",
    );
  }
  checkLimits(settings);
  return settings;
}

/** Throws SettingsError where the store or the clock cannot do what `maxUserSessions` and `notBefore` ask. */
function checkLimits({ store, maxUserSessions, notBefore, clock }: Settings): void {
  const keepsLoginTime = store.capabilities?.keepsLoginTime !== false;
  if (maxUserSessions !== null && (store.listUser === undefined || !keepsLoginTime)) {
    throw new SettingsError(
      "maxUserSessions",
      "no value with this store: it cannot list the sessions of a user with the times of their logins",
    );
  }
  if (notBefore === null) return;
  if (!keepsLoginTime) {
    throw new SettingsError("notBefore", "no value with this store, which keeps no time of login");
  }
  // On workerd the clock stands at 0 while a program starts.
  const now = clock();
  if (now > 0 && notBefore > now) {
    throw new SettingsError(
      "notBefore",
      "a date that is not in the future, else no login would last",
      new Date(notBefore).toISOString(),
    );
  }
}
