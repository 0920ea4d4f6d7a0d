import type { StoreStats } from "coatcheck";
import { asc, gte, lt } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { storeSamples } from "../database/schema.ts";

const KEPT_MS = 7 * 24 * 60 * 60_000;

/** Adds the numbers of now, and deletes those that are older than a week. */
export function addSample(
  database: LibraryDatabase,
  { live, authenticated, expired, bytes }: StoreStats,
): void {
  const at = Date.now();
  // If two servers on one database count in the same millisecond, one sample is enough.
  database
    .insert(storeSamples)
    .values({ at, live, authenticated, expired, bytes })
    .onConflictDoNothing()
    .run();
  database
    .delete(storeSamples)
    .where(lt(storeSamples.at, at - KEPT_MS))
    .run();
}

export function findSamples(database: LibraryDatabase, since: number) {
  return database
    .select()
    .from(storeSamples)
    .where(gte(storeSamples.at, since))
    .orderBy(asc(storeSamples.at))
    .all();
}
