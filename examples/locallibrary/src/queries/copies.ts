import { and, eq, ne } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { books, copies, users } from "../database/schema.ts";

/** A copy with its book, and who has it at home. */
export function findCopy(database: LibraryDatabase, id: string) {
  return database
    .select({ copy: copies, book: books, borrower: { id: users.id, name: users.name } })
    .from(copies)
    .innerJoin(books, eq(books.id, copies.bookId))
    .leftJoin(users, eq(users.id, copies.borrowerId))
    .where(eq(copies.id, id))
    .get();
}

export function addCopy(database: LibraryDatabase, copy: typeof copies.$inferInsert): void {
  database.insert(copies).values(copy).run();
}

/** False when it is on loan, and somebody would bring back what we do not have. */
export function removeCopy(database: LibraryDatabase, id: string): boolean {
  return (
    database
      .delete(copies)
      .where(and(eq(copies.id, id), ne(copies.status, "on loan")))
      .run().changes === 1
  );
}
