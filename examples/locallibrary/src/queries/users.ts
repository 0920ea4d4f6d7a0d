import { and, eq, isNull } from "drizzle-orm";
import type { Preferences } from "../choices/choices.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { users } from "../database/schema.ts";
import { demoUsers } from "../seed/users.ts";

export function findUser(database: LibraryDatabase, id: number) {
  return database.select().from(users).where(eq(users.id, id)).get();
}

export function findUserByName(database: LibraryDatabase, username: string) {
  return database.select().from(users).where(eq(users.username, username)).get();
}

/** Returns false if `oldHash` is no longer the user's: the password was changed by another request meanwhile. */
export function setPassword(
  database: LibraryDatabase,
  id: number,
  oldHash: string,
  newHash: string,
): boolean {
  const { changes } = database
    .update(users)
    .set({ passwordHash: newHash, passwordChangedAt: Date.now() })
    .where(and(eq(users.id, id), eq(users.passwordHash, oldHash)))
    .run();
  return changes === 1;
}

export function setPreferences(
  database: LibraryDatabase,
  id: number,
  preferences: Partial<Preferences>,
): void {
  database.update(users).set(preferences).where(eq(users.id, id)).run();
}

/** The demo accounts that still have the password from the seed: only those passwords may be shown. */
export function findDemoUsers(database: LibraryDatabase) {
  const unchanged = database
    .select({ username: users.username })
    .from(users)
    .where(isNull(users.passwordChangedAt))
    .all()
    .map(({ username }) => username);
  return demoUsers.filter(({ username }) => unchanged.includes(username));
}
