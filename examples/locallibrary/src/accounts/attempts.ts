import { and, eq, gte, lt, sql } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { attempts } from "../database/schema.ts";

const WINDOW_MS = 15 * 60_000;

/** The number of attempts within a quarter of an hour after which further ones of this subject must wait. */
export interface Limit {
  subject: string;
  limit: number;
}

/** The seconds to wait before the next attempt, because there were too many; else 0. */
export function secondsUntilFree(database: LibraryDatabase, limits: readonly Limit[]): number {
  const since = Date.now() - WINDOW_MS;
  const reached = limits.flatMap(({ subject, limit }) =>
    database
      .select()
      .from(attempts)
      .where(and(eq(attempts.subject, subject), gte(attempts.since, since), gte(attempts.count, limit)))
      .all(),
  );
  return Math.max(0, ...reached.map((row) => Math.ceil((row.since - since) / 1000)));
}

/** Counts one attempt for each subject. */
export function countAttempt(database: LibraryDatabase, limits: readonly Limit[]): void {
  const now = Date.now();
  database.transaction(
    (transaction) => {
      transaction
        .delete(attempts)
        .where(lt(attempts.since, now - WINDOW_MS))
        .run();
      for (const { subject } of limits) {
        transaction
          .insert(attempts)
          .values({ subject, count: 1, since: now })
          .onConflictDoUpdate({ target: attempts.subject, set: { count: sql`count + 1` } })
          .run();
      }
    },
    { behavior: "immediate" },
  );
}

export function forgetAttempts(database: LibraryDatabase, subject: string): void {
  database.delete(attempts).where(eq(attempts.subject, subject)).run();
}
