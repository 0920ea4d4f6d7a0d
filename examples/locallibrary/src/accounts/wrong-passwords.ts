import type { LibraryDatabase } from "../database/open.ts";
import { countAttempt, forgetAttempts, type Limit, secondsUntilFree } from "./attempts.ts";

/**
 * The number of wrong passwords within a quarter of an hour after which further ones must wait. The limit for one account
 * from one address (`pair`) is the lowest, so that a stranger at another address cannot lock a reader out. The others
 * stop an attacker who tries many accounts, or one account from many addresses.
 */
const limits = { pair: 5, address: 50, account: 100 };

export interface Attempt {
  username: string;
  address: string;
}

/** The seconds to wait before the next attempt, because too many were wrong; else 0. */
export function secondsToWait(database: LibraryDatabase, attempt: Attempt): number {
  return secondsUntilFree(database, limitsOf(attempt));
}

export function countWrong(database: LibraryDatabase, attempt: Attempt): void {
  countAttempt(database, limitsOf(attempt));
}

/** Called after a right password: sets the count of this account from this address back to 0. */
export function resetCount(database: LibraryDatabase, attempt: Attempt): void {
  forgetAttempts(database, pairOf(attempt));
}

function limitsOf(attempt: Attempt): Limit[] {
  return [
    { subject: pairOf(attempt), limit: limits.pair },
    { subject: `address:${attempt.address}`, limit: limits.address },
    { subject: `account:${attempt.username}`, limit: limits.account },
  ];
}

function pairOf({ username, address }: Attempt): string {
  return `pair:${JSON.stringify([username, address])}`;
}
