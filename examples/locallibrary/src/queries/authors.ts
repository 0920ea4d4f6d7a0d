import { count, eq, sql } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, books } from "../database/schema.ts";

/** The order of authors in every list: by last name, without case and accents, so "de Beauvoir" follows "Darwin". */
export const byName = [sql`fold(${authors.lastName})`, sql`fold(${authors.firstName})`, authors.id];

export function countAuthors(database: LibraryDatabase): number {
  return database.select({ authors: count() }).from(authors).get()?.authors ?? 0;
}

export function findAuthors(database: LibraryDatabase, { limit, offset }: { limit: number; offset: number }) {
  return database
    .select({ author: authors, books: count(books.id) })
    .from(authors)
    .leftJoin(books, eq(books.authorId, authors.id))
    .groupBy(authors.id)
    .orderBy(...byName)
    .limit(limit)
    .offset(offset)
    .all();
}

export function findAuthor(database: LibraryDatabase, id: number) {
  return database.select().from(authors).where(eq(authors.id, id)).get();
}
