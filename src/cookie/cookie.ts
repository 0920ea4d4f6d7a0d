/** The session cookie on the wire: read strictly, written whole. */
import { type CookieSettings, secureNameOf } from "../settings/cookie.ts";

/** Seconds: browsers keep no cookie longer (RFC 6265bis, 5.5). */
const LONGEST_AGE = 400 * 24 * 60 * 60;

/**
 * The values that a Cookie header gives to one name, in its order (RFC 6265, 5.4): split at ";", nothing decoded, no
 * quotes removed, `$Version` not special.
 */
export function readCookie(header: string | null | undefined, name: string): string[] {
  const values: string[] = [];
  if (!header) return values;
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + 1)) {
    const equals = pastBlanks(header, at + name.length, 1);
    if (header[equals] !== "=") continue;
    const before = pastBlanks(header, at - 1, -1);
    if (before !== -1 && header[before] !== ";") continue;
    const end = header.indexOf(";", equals);
    const last = pastBlanks(header, (end === -1 ? header.length : end) - 1, -1);
    values.push(header.slice(pastBlanks(header, equals + 1, 1), last + 1));
  }
  return values;
}

/**
 * The first index from `at` on, in steps of 1 or -1, where there is no blank. Spaces and tabs only: skipping more would let
 * `\u2000__Host-x` pass for `__Host-x`.
 */
function pastBlanks(text: string, at: number, step: number): number {
  let index = at;
  for (let code = text.charCodeAt(index); code === 0x20 || code === 0x09; code = text.charCodeAt(index))
    index += step;
  return index;
}

const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

/** Names and writes the session cookie. The parts that are the same for every request are made once. */
export class SessionCookie {
  readonly #settings: CookieSettings;
  readonly #plain: { name: string; attributes: string };
  readonly #secure: { name: string; attributes: string };

  constructor(settings: CookieSettings) {
    this.#settings = settings;
    const { path, domain, httpOnly, sameSite, partitioned } = settings;
    const attributes = (secure: boolean) =>
      [
        `; Path=${path}`,
        domain === null ? "" : `; Domain=${domain}`,
        secure ? "; Secure" : "",
        httpOnly ? "; HttpOnly" : "",
        `; SameSite=${SAME_SITE[sameSite]}`,
        partitioned ? "; Partitioned" : "",
      ].join("");
    this.#plain = { name: settings.name ?? "sessionid", attributes: attributes(false) };
    this.#secure = { name: secureNameOf(settings), attributes: attributes(true) };
  }

  #form(secure: boolean) {
    const { secure: wanted } = this.#settings;
    return (wanted === "auto" ? secure : wanted) ? this.#secure : this.#plain;
  }

  /** The one cookie name that a request reads and sets. */
  name(secure: boolean): string {
    return this.#form(secure).name;
  }

  /** Name and path: a browser that has two cookies with both the same cannot tell the server which is which. */
  place(secure: boolean): string {
    return `${this.name(secure)}; Path=${this.#settings.path}`;
  }

  /** Whether a browser would refuse the cookie: it is Secure, and the request is not. */
  isWithheld(secure: boolean): boolean {
    return this.#settings.secure === true && !secure;
  }

  /** A Set-Cookie header; `maxAge` in seconds, null = until the browser closes. */
  set(value: string, secure: boolean, maxAge: number | null): string {
    const { name, attributes } = this.#form(secure);
    const age = maxAge === null ? "" : `; Max-Age=${Math.max(0, Math.min(Math.floor(maxAge), LONGEST_AGE))}`;
    return `${name}=${value}${age}${attributes}`;
  }

  /**
   * A Set-Cookie header that removes the cookie, or one of another name and the same attributes. It repeats every attribute, or
   * the browser would keep the old cookie.
   */
  remove(secure: boolean, otherName?: string): string {
    const { name, attributes } = this.#form(secure);
    return `${otherName ?? name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT${attributes}`;
  }
}
