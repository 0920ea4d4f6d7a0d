import { and, eq, gte, lt, sql } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { wrongPasswords } from "../database/schema.ts";

const WINDOW_MS = 15 * 60_000;

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
  const since = Date.now() - WINDOW_MS;
  const counted = subjectsOf(attempt).flatMap(({ subject, limit }) =>
    database
      .select()
      .from(wrongPasswords)
      .where(
        and(
          eq(wrongPasswords.subject, subject),
          gte(wrongPasswords.since, since),
          gte(wrongPasswords.count, limit),
        ),
      )
      .all(),
  );
  return Math.max(0, ...counted.map((row) => Math.ceil((row.since - since) / 1000)));
}

export function countWrong(database: LibraryDatabase, attempt: Attempt): void {
  const now = Date.now();
  database.transaction(
    (transaction) => {
      transaction
        .delete(wrongPasswords)
        .where(lt(wrongPasswords.since, now - WINDOW_MS))
        .run();
      for (const { subject } of subjectsOf(attempt)) {
        transaction
          .insert(wrongPasswords)
          .values({ subject, count: 1, since: now })
          .onConflictDoUpdate({ target: wrongPasswords.subject, set: { count: sql`count + 1` } })
          .run();
      }
    },
    { behavior: "immediate" },
  );
}

/** Called after a right password: sets the count of this account from this address back to 0. */
export function resetCount(database: LibraryDatabase, attempt: Attempt): void {
  database
    .delete(wrongPasswords)
    .where(eq(wrongPasswords.subject, pairOf(attempt)))
    .run();
}

function subjectsOf(attempt: Attempt) {
  return [
    { subject: pairOf(attempt), limit: limits.pair },
    { subject: `address:${attempt.address}`, limit: limits.address },
    { subject: `account:${attempt.username}`, limit: limits.account },
  ];
}

function pairOf({ username, address }: Attempt): string {
  return `pair:${JSON.stringify([username, address])}`;
}
