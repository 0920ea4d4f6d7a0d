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

export function findUserByEmail(database: LibraryDatabase, email: string) {
  return database.select().from(users).where(eq(users.email, email)).get();
}

/** Adds a reader. Returns undefined, and adds nothing, when the username or the address was taken meanwhile. */
export function addUser(
  database: Pick<LibraryDatabase, "insert">,
  fields: Pick<typeof users.$inferInsert, "username" | "name" | "email" | "passwordHash">,
) {
  return database
    .insert(users)
    .values({ ...fields, role: "reader", passwordChangedAt: Date.now() })
    .onConflictDoNothing()
    .returning()
    .get();
}

/** Returns false if `oldHash` is no longer the user's: the password was changed by another request meanwhile. */
export function setPassword(
  database: Pick<LibraryDatabase, "update">,
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
