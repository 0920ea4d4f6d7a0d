import { asc, count, eq } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { books, languages } from "../database/schema.ts";

export function findLanguages(database: LibraryDatabase) {
  return database
    .select({ id: languages.id, name: languages.name, books: count(books.id) })
    .from(languages)
    .leftJoin(books, eq(books.languageId, languages.id))
    .groupBy(languages.id)
    .orderBy(asc(languages.name))
    .all();
}

export function findLanguage(database: LibraryDatabase, id: number) {
  return database.select().from(languages).where(eq(languages.id, id)).get();
}
