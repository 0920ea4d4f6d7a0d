import { and, eq, ne, sql } from "drizzle-orm";
import { fold } from "../database/fold.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { bookGenres, genres } from "../database/schema.ts";

/** Whether another genre has this name, in whatever case. */
export function isGenreTaken(database: LibraryDatabase, name: string, id = 0): boolean {
  const sameName = and(sql`fold(${genres.name}) = ${fold(name)}`, ne(genres.id, id));
  return database.select().from(genres).where(sameName).get() !== undefined;
}

/** Adds nothing where the genre was added meanwhile. */
export function createGenre(database: LibraryDatabase, name: string): void {
  database.insert(genres).values({ name }).onConflictDoNothing().run();
}

export function updateGenre(database: LibraryDatabase, id: number, name: string): void {
  database.update(genres).set({ name }).where(eq(genres.id, id)).run();
}

/** Returns false, and removes nothing, while a book has the genre. */
export function deleteGenre(database: LibraryDatabase, id: number): boolean {
  return database.transaction(
    (transaction) => {
      if (transaction.select().from(bookGenres).where(eq(bookGenres.genreId, id)).get()) return false;
      transaction.delete(genres).where(eq(genres.id, id)).run();
      return true;
    },
    { behavior: "immediate" },
  );
}
