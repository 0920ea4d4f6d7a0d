import { eq } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { users } from "../database/schema.ts";

export function findUser(database: LibraryDatabase, id: number) {
  return database.select().from(users).where(eq(users.id, id)).get();
}

export function findUserByName(database: LibraryDatabase, username: string) {
  return database.select().from(users).where(eq(users.username, username)).get();
}
