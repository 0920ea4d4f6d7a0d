import { and, asc, count, eq, lt, type SQL } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, books, copies, users } from "../database/schema.ts";
import { today } from "../format/days.ts";
import type { Page } from "../request/paging.ts";

/** The loans of one borrower, or all loans where no borrower is given. */
export interface LoanFilter {
  borrowerId?: number;
}

/** Counts the loans, and those among them that were due before today. */
export function countLoans(database: LibraryDatabase, filter: LoanFilter = {}) {
  const rows = (condition: SQL | undefined) =>
    database.select({ loans: count() }).from(copies).where(condition).get()?.loans ?? 0;
  const onLoan = isOnLoan(filter);
  return { all: rows(onLoan), overdue: rows(and(onLoan, lt(copies.dueBack, today()))) };
}

/** One page of the loans, in the order in which they are due. */
export function findLoans(database: LibraryDatabase, filter: LoanFilter, { limit, offset }: Page) {
  return database
    .select({ copy: copies, book: books, author: authors, borrower: { id: users.id, name: users.name } })
    .from(copies)
    .innerJoin(books, eq(books.id, copies.bookId))
    .innerJoin(authors, eq(authors.id, books.authorId))
    .leftJoin(users, eq(users.id, copies.borrowerId))
    .where(isOnLoan(filter))
    .orderBy(asc(copies.dueBack), asc(copies.id))
    .limit(limit)
    .offset(offset)
    .all();
}

/** Lends a copy. Returns false if it is not available: another reader may have been quicker. */
export function borrow(
  database: LibraryDatabase,
  copyId: string,
  borrowerId: number,
  dueBack: string,
): boolean {
  const { changes } = database
    .update(copies)
    .set({ status: "on loan", borrowerId, dueBack })
    .where(and(eq(copies.id, copyId), eq(copies.status, "available")))
    .run();
  return changes === 1;
}

/** Takes a copy back. Returns false if it is not on loan, or not to the borrower of the filter. */
export function takeBack(database: LibraryDatabase, copyId: string, filter: LoanFilter): boolean {
  const { changes } = database
    .update(copies)
    .set({ status: "available", borrowerId: null, dueBack: null })
    .where(and(eq(copies.id, copyId), isOnLoan(filter)))
    .run();
  return changes === 1;
}

/** Moves the day on which a loan is due. Returns false if the copy is not on loan any more. */
export function renew(database: LibraryDatabase, copyId: string, dueBack: string): boolean {
  const { changes } = database
    .update(copies)
    .set({ dueBack })
    .where(and(eq(copies.id, copyId), isOnLoan({})))
    .run();
  return changes === 1;
}

function isOnLoan({ borrowerId }: LoanFilter): SQL | undefined {
  const onLoan = eq(copies.status, "on loan");
  return borrowerId === undefined ? onLoan : and(onLoan, eq(copies.borrowerId, borrowerId));
}
