/**
 * The text that a browser signs: `handle.exp.mac`. It is made of the session's secret, and nothing of it is kept. The handle
 * leads to the session where no session cookie comes along: after a login that another site began, the browser sends none.
 */

import { isStoreId, type StoreId } from "../contract/record.ts";
import type { Device } from "../contract/record-data.ts";
import { isMacOf, macOf } from "./mac.ts";
import { millisecondsOf, momentAt } from "./moment.ts";

type ChallengePurpose = "registration" | "refresh";

/** A challenge that came back. It is the server's own only if `isGood` says so. */
export interface Challenge {
  readonly handle: StoreId;
  readonly exp: string;
  readonly mac: string;
}

/** A challenge for the session of this handle, good until `end`, epoch milliseconds. */
export function challengeFor(handle: StoreId, { s }: Device, purpose: ChallengePurpose, end: number): string {
  const exp = momentAt(end);
  return `${handle}.${exp}.${macOf(s, purpose, exp)}`;
}

/** null for a text that is no challenge. */
export function parseChallenge(text: string): Challenge | null {
  const [handle, exp = "", mac = "", ...rest] = text.split(".");
  return isStoreId(handle) && rest.length === 0 ? { handle, exp, mac } : null;
}

/** Whether the session of this device made the challenge for this purpose, and its time is not over. */
export function isGood(
  { exp, mac }: Challenge,
  { s }: Device,
  purpose: ChallengePurpose,
  now: number,
): boolean {
  return millisecondsOf(exp) > now && isMacOf(mac, s, purpose, exp);
}
