import { and, eq, ne } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { books, type CopyStatus, copies, users } from "../database/schema.ts";

/** A copy with its book and its borrower. */
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

/** Returns false, and changes nothing, while the copy is on loan: a loan ends only when the copy comes back. */
export function setCopyStatus(database: LibraryDatabase, id: string, status: CopyStatus): boolean {
  const { changes } = database
    .update(copies)
    .set({ status, dueBack: null })
    .where(and(eq(copies.id, id), ne(copies.status, "on loan")))
    .run();
  return changes === 1;
}

/** Returns false, and removes nothing, while the copy is on loan. */
export function removeCopy(database: LibraryDatabase, id: string): boolean {
  return (
    database
      .delete(copies)
      .where(and(eq(copies.id, id), ne(copies.status, "on loan")))
      .run().changes === 1
  );
}
