import { asc, count, eq } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { bookGenres, genres } from "../database/schema.ts";

export function findGenres(database: LibraryDatabase) {
  return database
    .select({ id: genres.id, name: genres.name, books: count(bookGenres.bookId) })
    .from(genres)
    .leftJoin(bookGenres, eq(bookGenres.genreId, genres.id))
    .groupBy(genres.id)
    .orderBy(asc(genres.name))
    .all();
}

export function findGenre(database: LibraryDatabase, id: number) {
  return database.select().from(genres).where(eq(genres.id, id)).get();
}
