import { eq } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, books } from "../database/schema.ts";

export type AuthorFields = Omit<typeof authors.$inferInsert, "id">;

export function createAuthor(database: LibraryDatabase, fields: AuthorFields): number {
  return database.insert(authors).values(fields).returning().get().id;
}

export function updateAuthor(database: LibraryDatabase, id: number, fields: AuthorFields): void {
  database.update(authors).set(fields).where(eq(authors.id, id)).run();
}

/** Returns false, and removes nothing, while the library has books by the author. */
export function deleteAuthor(database: LibraryDatabase, id: number): boolean {
  return database.transaction((transaction) => {
    if (transaction.select().from(books).where(eq(books.authorId, id)).get()) return false;
    transaction.delete(authors).where(eq(authors.id, id)).run();
    return true;
  });
}
