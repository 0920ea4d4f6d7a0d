/**
 * When a session ends. What `setExpiry` asked for is one number in the record: null = the default age, 0 = when the
 * browser closes, below `AS_DATE` = seconds from the last write, from there on = a date in epoch milliseconds.
 */

import type { StoredRecord } from "../contract/record.ts";
import type { Settings } from "../settings.ts";

/** 1e11 seconds are 3,170 years; 1e11 milliseconds are March 1973: no age is as long, no useful date as old. */
const AS_DATE = 1e11;

/** What a user gives: seconds, a moment, or null for the default. */
export type Expiry = number | Date | null;

/** Throws a TypeError for what is neither seconds nor a valid Date nor null. */
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

type Born = Pick<StoredRecord, "createdAt" | "authenticatedAt" | "expiry">;

/** The latest moment a record may live to, whatever happens in it. */
function absoluteEnd(record: Born, settings: Settings): number {
  if (settings.absoluteTimeout === null) return Number.POSITIVE_INFINITY;
  return (record.authenticatedAt ?? record.createdAt) + settings.absoluteTimeout * 1000;
}

/** How long a write or touch keeps a record, in milliseconds from then; null when it ends at a date anyway. */
function lifetime(record: Born, settings: Settings): number | null {
  const expiry = decodeExpiry(record.expiry);
  if (expiry instanceof Date) return settings.idleTimeout === null ? null : settings.idleTimeout * 1000;
  const age = (expiry || settings.cookieAge) * 1000;
  return settings.idleTimeout === null ? age : Math.min(age, settings.idleTimeout * 1000);
}

/** When a record that is written or touched now expires, epoch milliseconds. */
export function expiresAt(record: Born, settings: Settings, now: number): number {
  const date = expiryDate(decodeExpiry(record.expiry), new Date(now), settings.cookieAge).getTime();
  const idle = settings.idleTimeout === null ? Number.POSITIVE_INFINITY : now + settings.idleTimeout * 1000;
  return Math.floor(Math.min(date, idle, absoluteEnd(record, settings)));
}

/** Whether a life that would now end at `fresh` is worth renewing: it moves by more than 1/100 of the lifetime. */
export function isRenewal(record: StoredRecord, fresh: number, settings: Settings): boolean {
  const life = lifetime(record, settings);
  return life !== null && Math.abs(fresh - record.expiresAt) > Math.abs(life) / 100;
}

/** Whether the record is over, by its own word or by an absolute timeout that has been shortened since. */
export function isOver(record: StoredRecord, settings: Settings, now: number): boolean {
  return record.expiresAt <= now || absoluteEnd(record, settings) <= now;
}

/** When the session was last written or touched, as near as its record tells: to 1/100 of its lifetime. */
export function lastSeenAt(record: StoredRecord, settings: Settings, now: number): number {
  const life = lifetime(record, settings);
  const earliest = Math.max(record.createdAt, record.authenticatedAt ?? 0);
  return life === null ? earliest : Math.min(now, Math.max(earliest, record.expiresAt - life));
}
