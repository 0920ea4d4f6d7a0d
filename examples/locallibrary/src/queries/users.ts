import { and, eq, isNull, sql } from "drizzle-orm";
import type { Preferences } from "../choices/choices.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { type User, users } from "../database/schema.ts";
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

/** The id after the highest that a user has or had. SQLite would give the id of a user who was removed once more. */
const neverUsed = sql`(SELECT 1 + max(id) FROM (SELECT id FROM users UNION ALL SELECT id FROM former_users))`;

/** Adds a user, by default a reader. Returns undefined, and adds nothing, when the username or the address was taken meanwhile. */
export function addUser(
  database: Pick<LibraryDatabase, "insert">,
  fields: Pick<typeof users.$inferInsert, "username" | "name" | "email" | "passwordHash"> &
    Partial<Pick<User, "role" | "isActive">>,
) {
  return database
    .insert(users)
    .values({ role: "reader", ...fields, id: neverUsed, passwordChangedAt: Date.now() })
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
