import { and, asc, count, eq, lt, type SQL } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, books, copies, users } from "../database/schema.ts";
import { today } from "../format/days.ts";
import type { Page } from "../request/paging.ts";

/** Whose loans; everybody's where nobody is named. */
export interface LoanFilter {
  borrowerId?: number;
}

/** How many loans there are, and how many of them should have been back before today. */
export function countLoans(database: LibraryDatabase, filter: LoanFilter = {}) {
  const rows = (condition: SQL | undefined) =>
    database.select({ loans: count() }).from(copies).where(condition).get()?.loans ?? 0;
  const onLoan = isOnLoan(filter);
  return { all: rows(onLoan), overdue: rows(and(onLoan, lt(copies.dueBack, today()))) };
}

/** The loans, the one that is due first at the head. */
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

/** Lends a copy that is there; false when someone was quicker. */
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

/** Takes a copy back; false when it was not on loan, or not to that borrower where one is named. */
export function takeBack(database: LibraryDatabase, copyId: string, filter: LoanFilter): boolean {
  const { changes } = database
    .update(copies)
    .set({ status: "available", borrowerId: null, dueBack: null })
    .where(and(eq(copies.id, copyId), isOnLoan(filter)))
    .run();
  return changes === 1;
}

/** Moves the day on which a loan is due; false when the copy has come back meanwhile. */
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
