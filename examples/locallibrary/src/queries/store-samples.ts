import type { StoreStats } from "coatcheck";
import { asc, gte, lt } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { storeSamples } from "../database/schema.ts";

const KEPT_MS = 7 * 24 * 60 * 60_000;

/** Keeps what the store held just now, and lets go of what is older than a week. */
export function addSample(
  database: LibraryDatabase,
  { live, authenticated, expired, bytes }: StoreStats,
): void {
  const at = Date.now();
  // Two servers on one database may sample at the same moment, and one sample of it is enough.
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
