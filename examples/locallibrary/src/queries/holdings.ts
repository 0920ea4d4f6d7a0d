import { count, eq } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, books, copies, genres, languages } from "../database/schema.ts";

/** Counts what the library holds, for the home page. */
export function countHoldings(database: LibraryDatabase) {
  const rowsOf = (table: SQLiteTable) => database.select({ rows: count() }).from(table);
  return {
    books: rowsOf(books).get()?.rows,
    copies: rowsOf(copies).get()?.rows,
    available: rowsOf(copies).where(eq(copies.status, "available")).get()?.rows,
    authors: rowsOf(authors).get()?.rows,
    genres: rowsOf(genres).get()?.rows,
    languages: rowsOf(languages).get()?.rows,
  };
}
