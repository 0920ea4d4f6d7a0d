/**
 * The life of a binding, as the record of the session keeps it: unbound; then bound, when a key has come; then enforced, some time
 * after the first request that showed a valid bound cookie. Only then is it sure that the browser has what it needs.
 */
import type { StoredRecord } from "../contract/record.ts";
import { changeExtras, type Device, type DeviceKey, extrasOf } from "../contract/record-data.ts";

/** A device that has registered its key. */
export type BoundDevice = Device & { readonly k: DeviceKey };

/** Milliseconds: the requests that were under way when the bound cookie came have then arrived. */
const GRACE = 30_000;

/** Milliseconds by which clocks may differ. A clock further behind must not put the enforcement off until it has caught up. */
const SKEW = 60_000;

/** Milliseconds after a login or confirmation in which the binding is offered. */
const OFFER = {
  /** The registration that the response to the login has caused is over by then, so that no second one begins beside it. */
  from: 10_000,
  /** Never later: a thief could bind a key of his own to an old session that is unbound. */
  until: 300_000,
} as const;

/** The device of a session; null where it has none, or its record cannot be read. */
export function deviceOf({ data }: StoredRecord): Device | null {
  try {
    return extrasOf(data).device ?? null;
  } catch {
    return null;
  }
}

export const isBound = (device: Device | null): device is BoundDevice => device?.k !== undefined;

/** Whether requests without a bound cookie are refused. From then on the key is not replaced either. */
export const isEnforced = ({ since }: Device, now: number): boolean =>
  since !== undefined && (now >= since + GRACE || now < since - SKEW);

/** The record with its device changed. */
export const withDevice = (record: StoredRecord, device: Device): StoredRecord => ({
  ...record,
  data: changeExtras(record.data, [(there) => ({ ...there, device })]),
});

/** Whether a page that is opened now may offer the binding again, where the offer with the login did not arrive. */
export function isOfferedAgain({ data, authenticatedAt }: StoredRecord, now: number): boolean {
  if (authenticatedAt === null) return false;
  const age = now - Math.max(authenticatedAt, extrasOf(data).confirmedAt ?? 0);
  return age >= OFFER.from && age <= OFFER.until;
}
