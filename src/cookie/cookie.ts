/** The session cookie on the wire: read strictly, written whole. */
import { type CookieSettings, secureNameOf } from "../settings/cookie.ts";

/** Seconds: browsers keep no cookie longer (RFC 6265bis, 5.5). */
const LONGEST_AGE = 400 * 24 * 60 * 60;

/** Spaces and tabs only: trimming more would let `\u2000__Host-x` pass for `__Host-x`. */
function trim(text: string): string {
  return isBlank(text.charCodeAt(0)) || isBlank(text.charCodeAt(text.length - 1))
    ? text.replace(/^[ \t]+|[ \t]+$/g, "")
    : text;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * The values that a Cookie header gives to one name, in its order (RFC 6265, 5.4): split at ";", nothing decoded, no
 * quotes removed, `$Version` not special.
 */
export function readCookie(header: string | null | undefined, name: string): string[] {
  // Most requests of a site without sessions end here, so the name is looked for before the header is taken apart.
  if (!header?.includes(name)) return [];
  const values: string[] = [];
  for (let start = 0, end = 0; end !== -1; start = end + 1) {
    end = header.indexOf(";", start);
    const pair = header.slice(start, end === -1 ? header.length : end);
    const equals = pair.indexOf("=");
    if (equals !== -1 && trim(pair.slice(0, equals)) === name) values.push(trim(pair.slice(equals + 1)));
  }
  return values;
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
