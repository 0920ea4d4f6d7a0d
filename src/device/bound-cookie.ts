/**
 * The bound cookie stands beside the session cookie, with the same attributes, and lives for minutes. Its value is `exp.mac`, made
 * of the session's secret, so that a request is checked without asking the store again. Only a proof of the device's key brings a
 * new one.
 */
import type { Device } from "../contract/record-data.ts";
import { readCookie, SessionCookie } from "../cookie/cookie.ts";
import { secureNameOf } from "../settings/cookie.ts";
import type { Settings } from "../settings/settings.ts";
import { isMacOf, macOf } from "./mac.ts";
import { millisecondsOf, momentAt } from "./moment.ts";

/** Milliseconds for which a value is good after its cookie has ended: for requests under way, and for clocks that differ. */
const LEEWAY = 60_000;

export class BoundCookie {
  readonly name: string;
  readonly #cookie: SessionCookie;
  readonly #age: number;

  constructor({ cookie }: Settings, age: number) {
    // The name on https, because browsers bind nowhere else. A request over http is held to the same cookie.
    this.name = `${secureNameOf(cookie)}-device`;
    this.#cookie = new SessionCookie({ ...cookie, name: this.name });
    this.#age = age;
  }

  /** A Set-Cookie header with a new value. */
  set({ s }: Device, now: number): string {
    const exp = momentAt(now + this.#age * 1000 + LEEWAY);
    return this.#cookie.set(`${exp}.${macOf(s, "cookie", exp)}`, true, this.#age);
  }

  /** A Set-Cookie header that removes the cookie. */
  remove(): string {
    return this.#cookie.remove(true);
  }

  /** The attributes that the browser compares, as they stand in Set-Cookie. */
  get attributes(): string {
    return this.#cookie.set("", true, null).split("; ").slice(1).join("; ");
  }

  /** The values that came with a request. */
  valuesIn(cookieHeader: string | null | undefined): string[] {
    return readCookie(cookieHeader, this.name);
  }

  /** Whether a value was made for this session, and is still good. */
  fits(value: string, { s }: Device, now: number): boolean {
    const [exp = "", mac = "", ...rest] = value.split(".");
    return rest.length === 0 && millisecondsOf(exp) > now && isMacOf(mac, s, "cookie", exp);
  }
}
