/** The cookie that the options give to a session. A record keeps one of its own only where that differs. */
import { Cookie } from "./cookie.ts";
import type { CookieData } from "./cookie-header.ts";

export class UsualCookie {
  readonly #attributes: Partial<CookieData>;
  readonly #json: string;

  /** `cookie` is the cookie of a new session. */
  constructor(cookie: Cookie) {
    this.#json = textOf(cookie.data);
    this.#attributes = JSON.parse(this.#json);
  }

  /** The cookie of a session that was read: as the options say, but for what its record has of its own. */
  with(own: object | undefined, expires: string | null): object {
    return { ...this.#attributes, ...own, expires };
  }

  /** What a record must keep of a cookie, as JSON; null where that is as the options say. Its end is not part of it. */
  ownPart(cookie: Partial<Cookie> | undefined): string | null {
    // Most cookies are as the options say, and to compare members is faster than to make the text.
    if (cookie instanceof Cookie && this.#isUsual(cookie)) return null;
    // A tool that gave no cookie gets none back.
    if (cookie === undefined) return "null";
    const json = textOf((cookie.data ?? cookie) as CookieData);
    return json === this.#json ? null : json;
  }

  /** Written out, because this runs for each request, and a loop over the names is slower. */
  #isUsual(cookie: Cookie): boolean {
    const usual = this.#attributes;
    return (
      cookie.originalMaxAge === usual.originalMaxAge &&
      cookie.path === usual.path &&
      cookie.domain === usual.domain &&
      cookie.httpOnly === usual.httpOnly &&
      cookie.secure === usual.secure &&
      cookie.sameSite === usual.sameSite &&
      cookie.partitioned === usual.partitioned &&
      cookie.priority === usual.priority
    );
  }
}

/** What JSON shows of a cookie, without its end. */
function textOf({ expires: _, ...cookie }: CookieData): string {
  return JSON.stringify(cookie);
}
