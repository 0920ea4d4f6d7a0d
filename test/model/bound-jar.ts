/** What a browser keeps of sessions that are bound to its device: the key in its hardware, the bound cookie, and the next challenge. */
import { Device } from "../instruments/device.ts";

/** Making keys takes time, so each browser has one for all schedules. The thief, browser 2, has none. */
const devices = [new Device(), new Device(), null];

/** Milliseconds, the default of `deviceBound`. */
const COOKIE_AGE = 600_000;

/** A device as the record of a session has it. */
export interface RecordDevice {
  readonly s: string;
  readonly k?: { readonly x?: string };
  readonly since?: number;
}

/** Milliseconds, from the first request that showed a bound cookie. */
const GRACE = 30_000;

interface BoundCookie {
  readonly value: string;
  readonly until: number;
  /** That of the session for which it was made; null where the session got another one meanwhile. */
  readonly secret: string | null;
}

export class BoundJar {
  readonly device: Device | null;
  #cookie: BoundCookie | null = null;
  isBound = false;
  challenge: string | null = null;
  /** The challenge of an offer that was not taken yet. */
  offer: string | null = null;

  constructor(browser: number) {
    this.device = devices[browser] ?? null;
  }

  /** The bound cookie, while the browser has it. */
  cookie(now: number): BoundCookie | null {
    return this.#cookie !== null && this.#cookie.until > now ? this.#cookie : null;
  }

  /** Takes the headers of any response. */
  take(headers: readonly (readonly [string, string])[], now: number, secret: string | null): void {
    for (const [name, value] of headers) {
      const set = /^__Host-sessionid-device=([^;]*)/.exec(value)?.[1];
      if (name === "Set-Cookie" && set !== undefined)
        this.#cookie = set === "" ? null : { value: set, until: now + COOKIE_AGE, secret };
      if (name === "Secure-Session-Registration") this.offer = /challenge="([^"]*)"/.exec(value)?.[1] ?? null;
      if (name === "Secure-Session-Challenge") this.challenge = /^"([^"]*)"/.exec(value)?.[1] ?? null;
    }
  }

  /** Whether a request that came with this bound cookie must be served: its device is that of the session, or not asked for yet. */
  fits(shown: BoundCookie | null, device: RecordDevice | undefined, now: number): boolean {
    return !isEnforced(device, now) || shown?.secret === device?.s;
  }

  /** Whether a request with the cookies of this browser must be refused. */
  isForeign(device: RecordDevice | undefined, now: number): boolean {
    const cookie = this.cookie(now);
    return isEnforced(device, now) && (cookie === null || ![null, device?.s].includes(cookie.secret));
  }

  isOwner(device: RecordDevice | undefined): boolean {
    return device?.k !== undefined && device.k.x === this.device?.jwk.x;
  }
}

function isEnforced(device: RecordDevice | undefined, now: number): boolean {
  return device?.k !== undefined && device.since !== undefined && now >= device.since + GRACE;
}
