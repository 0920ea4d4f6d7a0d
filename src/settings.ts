import { type Store, VERBS } from "./contract/store.ts";
import { SettingsError } from "./errors.ts";

/** What a cookie name promises to browsers (RFC 6265bis, 4.1.3): the types refuse attributes that break it. */
type PrefixRules<Name extends string> = Name extends `__Host-${string}`
  ? { secure?: true | "auto"; path?: "/"; domain?: undefined }
  : Name extends `__Secure-${string}`
    ? { secure?: true | "auto" }
    : unknown;

interface CookieAttributes<Name extends string> {
  /** Default: `__Host-sessionid` on https where `domain` and `path` allow it, else `sessionid`. Used as given. */
  name?: Name;
  /** The part of the site that gets the cookie. Default "/". */
  path?: string;
  /** Default none: this host only. A domain sends the cookie to all its subdomains. */
  domain?: string | undefined;
  /** Default "auto": Secure whenever the request came over TLS. */
  secure?: boolean | "auto";
  /** Default true: scripts in the page cannot read the cookie. */
  httpOnly?: boolean;
  /** Default "lax". "none" is for sites that run inside others' frames, and needs https. */
  sameSite?: "strict" | "lax" | "none";
  /** A jar of its own for each site that embeds this one (CHIPS). Needs https. Default false. */
  partitioned?: boolean;
}

export type CookieOptions<Name extends string = string> = CookieAttributes<Name> & PrefixRules<Name>;

/** Decides a key that two requests changed; undefined deletes it. `base` is what this request had read. */
export type Resolve = (key: string, base: unknown, mine: unknown, theirs: unknown) => unknown;

/** What `createSessions` and every adapter take. Django's name in brackets. */
export interface Options<Name extends string = string> {
  /** Where sessions live [SESSION_ENGINE]. The Node adapters default to SQLite in ./sessions.sqlite3. */
  store?: Store;
  /** [SESSION_COOKIE_*] */
  cookie?: CookieOptions<Name>;
  /** Life of a session after its last write, seconds [SESSION_COOKIE_AGE]. Default two weeks. */
  cookieAge?: number;
  /** Let the browser forget the cookie when it closes [SESSION_EXPIRE_AT_BROWSER_CLOSE]. Default false. */
  expireAtBrowserClose?: boolean;
  /** Count every request as activity and send the cookie again when it moves the expiry [SESSION_SAVE_EVERY_REQUEST]. Default false. */
  saveEveryRequest?: boolean;
  /** End a session this many seconds after its last request. Default: only `cookieAge` counts. */
  idleTimeout?: number;
  /** End a session this many seconds after login, or its creation, whatever happens in it. Default never. */
  absoluteTimeout?: number;
  /** Whether changes inside objects and lists are found by comparing. Default "detect". */
  nestedChanges?: "detect" | "ignore";
  /** Whose value stays when two requests changed one key other than by `update`. Default "mine": the later write. */
  onConflict?: "mine" | "theirs" | "error" | Resolve;
  /** When another request ended the session: drop the changes and succeed (default), or fail with a 400. */
  onInterrupted?: "discard" | "error";
  /** When the store cannot be read: fail with a 503 (default), or go on with an empty session that is never stored. */
  onUnavailable?: "error" | "anonymous";
  /** How long to wait for the store, seconds. Default 5. */
  storeTimeout?: number;
  /** How often expired sessions are cleared, seconds, where the store needs it; 0 = never. Default an hour. */
  clearExpiredEvery?: number;
  /** Ask the store only when a handler awaits `session.load()`. Default false. */
  lazy?: boolean;
  /** The time, epoch milliseconds. Default Date.now. */
  clock?: () => number;
}

/** The cookie's attributes, checked, with their defaults. */
export interface CookieSettings {
  /** null = chosen for each request. */
  readonly name: string | null;
  readonly path: string;
  readonly domain: string | null;
  readonly secure: boolean | "auto";
  readonly httpOnly: boolean;
  readonly sameSite: "strict" | "lax" | "none";
  readonly partitioned: boolean;
}

/** The options, checked, with their defaults. null = not asked for. */
export interface Settings {
  readonly store: Store;
  readonly cookie: CookieSettings;
  readonly cookieAge: number;
  readonly expireAtBrowserClose: boolean;
  readonly saveEveryRequest: boolean;
  readonly idleTimeout: number | null;
  readonly absoluteTimeout: number | null;
  readonly nestedChanges: "detect" | "ignore";
  readonly onConflict: "mine" | "theirs" | "error" | Resolve;
  readonly onInterrupted: "discard" | "error";
  readonly onUnavailable: "error" | "anonymous";
  readonly storeTimeout: number;
  readonly clearExpiredEvery: number;
  readonly lazy: boolean;
  readonly clock: () => number;
}

/** Reads one option after the other, each with its check, then refuses what is left over. */
class Reader {
  readonly #given: Record<string, unknown>;
  readonly #within: string;
  readonly #known: string[] = [];

  constructor(given: unknown, within: string) {
    if (typeof given !== "object" || given === null)
      throw new SettingsError(within || "options", "an object", given);
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

  seconds<T>(name: string, fallback: T, { least = Number.MIN_VALUE } = {}): T | number {
    const takes = least === 0 ? "seconds, 0 or more" : "seconds, more than 0";
    return this.value<T | number>(
      name,
      fallback,
      takes,
      (value) => Number.isFinite(value) && (value as number) >= least,
    );
  }

  oneOf<const T>(name: string, fallback: T, choices: readonly T[]): T {
    const takes = `one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`;
    return this.value(name, fallback, takes, (value) => choices.includes(value as T));
  }

  end(): void {
    for (const name of Object.keys(this.#given)) {
      if (this.#known.includes(name)) continue;
      throw new SettingsError(
        this.#path(name),
        `no value: there is no such option. There are ${this.#known.join(", ")}`,
      );
    }
  }

  #path(name: string): string {
    return this.#within ? `${this.#within}.${name}` : name;
  }
}

const isWait = (value: unknown) => typeof value === "number" && value > 0 && value <= 3600;

function isStore(value: unknown): boolean {
  const store = value as Record<string, unknown> | null;
  return (
    typeof store === "object" && store !== null && VERBS.every((verb) => typeof store[verb] === "function")
  );
}

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

/** Checks the options and fills in the defaults. Throws SettingsError, naming the option and what it takes. */
export function readSettings(options: Options): Settings {
  const read = new Reader(options, "");
  const settings: Settings = {
    store: read.value(
      "store",
      undefined as unknown as Store,
      "a store, such as sqliteStore(path) or memoryStore()",
      isStore,
    ),
    cookie: readCookie(read.value("cookie", {}, "an object", () => true)),
    cookieAge: read.seconds("cookieAge", 1_209_600),
    expireAtBrowserClose: read.flag("expireAtBrowserClose", false),
    saveEveryRequest: read.flag("saveEveryRequest", false),
    idleTimeout: read.seconds("idleTimeout", null),
    absoluteTimeout: read.seconds("absoluteTimeout", null),
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
    clearExpiredEvery: read.seconds("clearExpiredEvery", 3600, { least: 0 }),
    lazy: read.flag("lazy", false),
    clock: read.value(
      "clock",
      Date.now,
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
  return settings;
}
