/**
 * The end of a session. The argument of `setExpiry` is one number in the record: null = the default age, 0 = until the
 * browser closes, below `AS_DATE` = seconds from the last write, from there on = a date in epoch milliseconds.
 */

import type { StoredRecord } from "../contract/record.ts";
import type { Settings } from "../settings/settings.ts";

/** 1e11 seconds are 3,170 years, and 1e11 milliseconds are March 1973: no age is as long, no useful date as old. */
const AS_DATE = 1e11;

/** The expiry as handlers give it: seconds, a moment, or null for the default. */
export type Expiry = number | Date | null;

/** Throws a TypeError when the expiry is neither seconds nor a valid Date nor null. */
export function encodeExpiry(expiry: Expiry): number | null {
  if (expiry === null) return null;
  if (expiry instanceof Date && !Number.isNaN(expiry.getTime())) return Math.max(expiry.getTime(), AS_DATE);
  if (typeof expiry === "number" && Math.abs(expiry) < AS_DATE) return expiry;
  throw new TypeError(
    `setExpiry takes seconds, a Date or null, and got ${String(expiry)}. Give 0 for "until the browser closes" and null for the default.`,
  );
}

export function decodeExpiry(stored: number | null): Expiry {
  return stored !== null && stored >= AS_DATE ? new Date(stored) : stored;
}

/** Seconds from `modification` to the end: Django's `get_expiry_age`, branch by branch. May be negative. */
export function expiryAge(expiry: Expiry, modification: Date, cookieAge: number): number {
  if (expiry === null || expiry === 0) return cookieAge;
  if (typeof expiry === "number") return expiry;
  return Math.floor((expiry.getTime() - modification.getTime()) / 1000);
}

/** The moment of the end: Django's `get_expiry_date`. */
export function expiryDate(expiry: Expiry, modification: Date, cookieAge: number): Date {
  if (expiry instanceof Date) return expiry;
  return new Date(modification.getTime() + (expiry || cookieAge) * 1000);
}

/** The same, of a stored expiry and of a write `now`, in epoch milliseconds. */
function endOf(stored: number | null, now: number, cookieAge: number): number {
  const isDate = stored !== null && stored >= AS_DATE;
  return isDate ? stored : now + (stored || cookieAge) * 1000;
}

type Born = Pick<StoredRecord, "createdAt" | "authenticatedAt" | "expiry">;

/** The moment at which a record ends even when it is used all the time, epoch milliseconds. */
function absoluteEnd(record: Born, settings: Settings): number {
  if (settings.absoluteTimeout === null) return Number.POSITIVE_INFINITY;
  return (record.authenticatedAt ?? record.createdAt) + settings.absoluteTimeout * 1000;
}

/** The life that a write or touch gives a record, milliseconds; null when the record ends at a date anyway. */
function lifetime(record: Born, settings: Settings): number | null {
  const expiry = decodeExpiry(record.expiry);
  if (expiry instanceof Date) return settings.idleTimeout === null ? null : settings.idleTimeout * 1000;
  const age = (expiry || settings.cookieAge) * 1000;
  return settings.idleTimeout === null ? age : Math.min(age, settings.idleTimeout * 1000);
}

/** The expiry of a record that is written or touched `now`, epoch milliseconds. */
export function expiresAt(record: Born, settings: Settings, now: number): number {
  const date = endOf(record.expiry, now, settings.cookieAge);
  const idle = settings.idleTimeout === null ? Number.POSITIVE_INFINITY : now + settings.idleTimeout * 1000;
  return Math.floor(Math.min(date, idle, absoluteEnd(record, settings)));
}

/** Whether the new end `fresh` is worth a renewal: it moves the old one by more than 1/100 of the lifetime. */
export function isRenewal(record: StoredRecord, fresh: number, settings: Settings): boolean {
  const life = lifetime(record, settings);
  return life !== null && Math.abs(fresh - record.expiresAt) > Math.abs(life) / 100;
}

/** The new end that a request gives a record by being activity `now`; null where that is not asked for or moves it too little. */
export function endByActivity(record: StoredRecord, settings: Settings, now?: number): number | null {
  if (!settings.saveEveryRequest && settings.idleTimeout === null) return null;
  const fresh = expiresAt(record, settings, now ?? settings.clock());
  return fresh > record.expiresAt && isRenewal(record, fresh, settings) ? fresh : null;
}

/** Whether the cookie lasts until the browser closes, and so has no `Max-Age`. */
function isUntilClose({ expiry }: Born, settings: Settings): boolean {
  return expiry === 0 || (expiry === null && settings.expireAtBrowserClose);
}

/**
 * The end of a cookie that is sent `now`, epoch milliseconds; null = when the browser closes. A shorter `idleTimeout` ends the
 * record and not the cookie, so that the cookie need not be sent with every click.
 */
export function cookieEndsAt(record: Born, settings: Settings, now: number): number | null {
  if (isUntilClose(record, settings)) return null;
  return Math.min(endOf(record.expiry, now, settings.cookieAge), absoluteEnd(record, settings));
}

/**
 * Whether a write or touch `now`, which moves the record's end to `fresh`, must send the cookie again. `before` is the record
 * until then. Cookies that last until the browser closes, or until a date, are not renewed. Where a shorter `idleTimeout`
 * moves the record's end with every click, the time since the session's creation is cut in hundredths of the cookie's life,
 * and the first write or touch in each sends it.
 */
export function isCookieDue(before: StoredRecord, fresh: number, settings: Settings, now: number): boolean {
  const expiry = decodeExpiry(before.expiry);
  if (expiry instanceof Date || isUntilClose(before, settings)) return false;
  const life = Math.abs((expiry ?? settings.cookieAge) * 1000);
  const idle = settings.idleTimeout === null ? life : settings.idleTimeout * 1000;
  if (idle >= life) return isRenewal(before, fresh, settings);
  const lastActivity = before.expiresAt - idle;
  if (cookieEndsAt(before, settings, now) === cookieEndsAt(before, settings, lastActivity)) return false;
  const period = (moment: number) => Math.floor((moment - before.createdAt) / (life / 100));
  return period(now) !== period(lastActivity);
}

/** Whether the record has expired, by its own `expiresAt`, by an absolute timeout that was shortened since, or by `notBefore`. */
export function isOver(record: StoredRecord, settings: Settings, now: number): boolean {
  if (record.expiresAt <= now || absoluteEnd(record, settings) <= now) return true;
  return settings.notBefore !== null && (record.authenticatedAt ?? record.createdAt) < settings.notBefore;
}

/** The last write or touch of the session, epoch milliseconds, as near as its record tells: to 1/100 of its lifetime. */
export function lastSeenAt(record: StoredRecord, settings: Settings, now: number): number {
  const life = lifetime(record, settings);
  const earliest = Math.max(record.createdAt, record.authenticatedAt ?? 0);
  return life === null ? earliest : Math.min(now, Math.max(earliest, record.expiresAt - life));
}
