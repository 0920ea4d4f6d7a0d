/** Tells the browser of its session: the cookie that a response sets or removes, and the headers that go along. */
import type { StoredRecord } from "../contract/record.ts";
import type { StoredSession } from "../contract/ticket.ts";
import type { SessionCookie } from "../cookie/cookie.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings/settings.ts";
import type { Departed } from "./departed.ts";
import type { Draft } from "./draft.ts";
import { cookieEndsAt, isCookieDue } from "./expiry.ts";

/** A response header to add. */
export type Header = [name: string, value: string];

export class Announcer {
  readonly #settings: Settings;
  readonly #cookie: SessionCookie;
  readonly #departed: Departed;
  readonly #warnOnce: (code: string, message: string) => void;

  constructor(
    settings: Settings,
    cookie: SessionCookie,
    departed: Departed,
    warnOnce: (code: string, message: string) => void,
  ) {
    this.#settings = settings;
    this.#cookie = cookie;
    this.#departed = departed;
    this.#warnOnce = warnOnce;
  }

  /** Removes the cookie from the browser, if it sent one. */
  announceEnd(draft: Draft): void {
    const { values, legacyValues } = draft.arrival;
    draft.cookie = values.length > 0 || legacyValues.length > 0 ? "remove" : null;
  }

  /** Sets the cookie of a session that was written `now`. If another request changed the key, its response sends it. */
  announce(draft: Draft, session: StoredSession, now: number, isRenewal: boolean): void {
    const { settings, ticket, arrival } = draft;
    if (draft.hasMoved(session)) return;
    const { id, record } = session;
    const end = cookieEndsAt(record, settings, now);
    // The key that an earlier write of this request has made is still new to the browser.
    const isNew = draft.newKeyOf === id;
    draft.cookie = {
      id,
      value: ticket.issue(session, arrival.name),
      maxAge: end === null ? null : (end - now) / 1000,
      // A cookie that carries the record has a new value each time, and no other response can have replaced its session.
      isRenewal: isRenewal && !isNew && ticket.kind !== "carried",
    };
  }

  /**
   * Renews the cookie where a write before the response has moved the end of the session, whose record was `before`: no later request
   * would find that it is due.
   */
  renew(draft: Draft, before: StoredRecord, session: StoredSession): void {
    const { settings, isCommitted } = draft;
    const end = session.record.expiresAt;
    if (isCommitted || end <= before.expiresAt) return;
    const now = settings.clock();
    if (isCookieDue(before, end, settings, now)) this.announce(draft, session, now, true);
  }

  /** Whether the browser would not accept the new key. Nothing is stored then, as no request could ever ask for it. */
  isWithheld(draft: Draft): boolean {
    if (!this.#cookie.isWithheld(draft.arrival.secure)) return false;
    const name = this.#cookie.name(draft.arrival.secure);
    tell("withheld", () => ({ name }));
    this.#warnOnce(
      "COATCHECK_COOKIE_WITHHELD",
      `The session cookie ${name} is Secure and the request did not come over https, so the session was not stored. Serve the site over ` +
        'https; trust your proxy (in Express: app.set("trust proxy", 1)); to develop over http, leave cookie.secure at "auto".',
    );
    return true;
  }

  /**
   * The headers that the response must carry, also where the commit failed: an error announces what `save()` stored before. To be
   * asked for when the first byte leaves: another response of this process may have changed the key, or removed the cookie, since
   * the commit.
   */
  headers({ accessed, cookie, arrival }: Draft): Header[] {
    const headers: Header[] = [];
    if (cookie === "remove") {
      headers.push(["Set-Cookie", this.#cookie.remove(arrival.secure)]);
      const { legacy } = this.#settings;
      if (legacy !== null && arrival.legacyValues.length > 0)
        headers.push(["Set-Cookie", this.#cookie.remove(arrival.secure, legacy.name)]);
    } else if (
      cookie !== null &&
      !this.#departed.has(cookie.id) &&
      !this.#cookie.isWithheld(arrival.secure)
    ) {
      headers.push(["Set-Cookie", this.#cookie.set(cookie.value, arrival.secure, cookie.maxAge)]);
    }
    // A cache that kept the cookie would hand one visitor's session to the next (CVE-2026-35192).
    if (headers.length > 0) headers.push(["Cache-Control", "private, no-store"]);
    if (accessed || headers.length > 0) headers.push(["Vary", "Cookie"]);
    return headers;
  }
}
