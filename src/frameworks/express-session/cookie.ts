/** The `cookie` of a session: its attributes and its end. */
import { type CookieData, serialize } from "./cookie-header.ts";

/** The attributes of the cookie. All of them are sent as they are. */
export interface CookieOptions {
  /** The life of session and cookie in milliseconds. Default none: the cookie lasts until the browser closes. */
  maxAge?: number | null | undefined;
  /** The moment of the end; `maxAge` is the better choice. */
  expires?: Date | null | undefined;
  /** Default "/". */
  path?: string | undefined;
  domain?: string | undefined;
  /** Default true. */
  httpOnly?: boolean | undefined;
  /** "auto" follows the connection of the request. Default false. */
  secure?: boolean | "auto" | undefined;
  /** "auto" is "none" on https and "lax" elsewhere. */
  sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
  partitioned?: boolean | undefined;
  priority?: "low" | "medium" | "high" | undefined;
}

export class Cookie {
  path = "/";
  /** The end as it was set; read it as `expires`. */
  _expires: Date | null = null;
  /** The life in milliseconds that `touch` gives again; null = until the browser closes. */
  originalMaxAge: number | null = null;
  httpOnly = true;
  declare domain?: string | undefined;
  declare secure?: boolean | "auto" | undefined;
  declare sameSite?: CookieOptions["sameSite"];
  declare partitioned?: boolean | undefined;
  declare priority?: CookieOptions["priority"];

  /** Throws a TypeError for options that are no object. */
  constructor(options?: object) {
    if (!options) return;
    if (typeof options !== "object")
      throw new TypeError("The argument options of a Cookie must be an object.");
    const given = options as Record<string, unknown>;
    const own = this as unknown as Record<string, unknown>;
    for (const name in given) if (name !== "data") own[name] = given[name];
    if (this.originalMaxAge === undefined || this.originalMaxAge === null) this.originalMaxAge = this.maxAge;
  }

  get expires(): Date | null {
    return this._expires;
  }

  /** Sets the end, and the life that `touch` gives again: the time from now until then. */
  set expires(end: Date | null) {
    this._expires = end;
    this.originalMaxAge = this.maxAge;
  }

  /** The milliseconds until the end; null or false where there is none. */
  get maxAge(): number | null {
    const { expires } = this;
    return expires instanceof Date ? expires.valueOf() - Date.now() : (expires as null);
  }

  /** Throws a TypeError for anything but a number, a Date or nothing. */
  set maxAge(age: number | Date | null | undefined) {
    if (age && typeof age !== "number" && !(age instanceof Date)) {
      throw new TypeError("The maxAge of a cookie must be a number of milliseconds, or a Date.");
    }
    this.expires = typeof age === "number" ? new Date(Date.now() + age) : (age as Date | null);
    // Exactly the number that was given, however long the lines above took.
    if (typeof age === "number") this.originalMaxAge = age;
  }

  get data(): CookieData {
    return {
      originalMaxAge: this.originalMaxAge,
      partitioned: this.partitioned,
      priority: this.priority,
      expires: this._expires,
      secure: this.secure,
      httpOnly: this.httpOnly,
      domain: this.domain,
      path: this.path,
      sameSite: this.sameSite,
    };
  }

  /** The cookie as a `Set-Cookie` header. */
  serialize(name: string, value: string): string {
    return serialize(name, value, this.data);
  }

  toJSON(): CookieData {
    return this.data;
  }
}
