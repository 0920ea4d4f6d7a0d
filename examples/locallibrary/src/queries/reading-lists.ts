import { and, asc, eq } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { books, readingLists } from "../database/schema.ts";

/** The ids of the books on a user's list, in the order in which they were added. */
export function findList(database: LibraryDatabase, userId: number): number[] {
  return database
    .select({ bookId: readingLists.bookId })
    .from(readingLists)
    .where(eq(readingLists.userId, userId))
    .orderBy(asc(readingLists.id))
    .all()
    .map(({ bookId }) => bookId);
}

/** Returns false if the list holds `most` other books. Adds nothing for a book that was removed from the library. */
export function addToList(database: LibraryDatabase, userId: number, bookId: number, most: number): boolean {
  return database.transaction(
    (transaction) => {
      const list = transaction.select().from(readingLists).where(eq(readingLists.userId, userId)).all();
      if (list.some((listed) => listed.bookId === bookId)) return true;
      if (list.length >= most) return false;
      const book = transaction.select().from(books).where(eq(books.id, bookId)).get();
      if (book) transaction.insert(readingLists).values({ userId, bookId }).run();
      return true;
    },
    { behavior: "immediate" },
  );
}

export function removeFromList(database: LibraryDatabase, userId: number, bookId: number): void {
  database
    .delete(readingLists)
    .where(and(eq(readingLists.userId, userId), eq(readingLists.bookId, bookId)))
    .run();
}
