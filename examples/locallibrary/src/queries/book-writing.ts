import { and, eq, ne } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, bookGenres, books, copies, genres, languages } from "../database/schema.ts";
import type { BookFields } from "../forms/book-form.ts";
import type { FieldErrors } from "../forms/read-form.ts";
import { byName } from "./authors.ts";

/** The authors, languages and genres that the form offers. */
export function findChoices(database: LibraryDatabase) {
  return {
    authors: database
      .select()
      .from(authors)
      .orderBy(...byName)
      .all(),
    languages: database.select().from(languages).orderBy(languages.name).all(),
    genres: database.select().from(genres).orderBy(genres.name).all(),
  };
}

/** The errors that only the database shows: choices that were removed meanwhile, and an ISBN that another book has. */
export function faultsOf(database: LibraryDatabase, fields: BookFields, id?: number): FieldErrors {
  const chosen = findChoices(database);
  const isOffered = (rows: { id: number }[], ...ids: number[]) =>
    ids.every((wanted) => rows.some((row) => row.id === wanted));
  const gone = "This has gone from the list meanwhile. Choose another.";
  const namesake =
    fields.isbn !== null &&
    database
      .select()
      .from(books)
      .where(and(eq(books.isbn, fields.isbn), ne(books.id, id ?? 0)))
      .get();
  return {
    ...(!isOffered(chosen.authors, fields.authorId) && { authorId: gone }),
    ...(!isOffered(chosen.languages, fields.languageId) && { languageId: gone }),
    ...(!isOffered(chosen.genres, ...fields.genreIds) && { genreIds: gone }),
    ...(namesake && { isbn: `“${namesake.title}” has this ISBN already.` }),
  };
}

export function createBook(database: LibraryDatabase, { genreIds, ...fields }: BookFields): number {
  return database.transaction((transaction) => {
    const { id } = transaction.insert(books).values(fields).returning().get();
    for (const genreId of new Set(genreIds))
      transaction.insert(bookGenres).values({ bookId: id, genreId }).run();
    return id;
  });
}

export function updateBook(database: LibraryDatabase, id: number, { genreIds, ...fields }: BookFields): void {
  database.transaction((transaction) => {
    transaction.update(books).set(fields).where(eq(books.id, id)).run();
    transaction.delete(bookGenres).where(eq(bookGenres.bookId, id)).run();
    for (const genreId of new Set(genreIds))
      transaction.insert(bookGenres).values({ bookId: id, genreId }).run();
  });
}

/** Removes a book with its copies. Returns false, and removes nothing, while one of them is on loan. */
export function deleteBook(database: LibraryDatabase, id: number): boolean {
  return database.transaction((transaction) => {
    const ofThisBook = eq(copies.bookId, id);
    const onLoan = transaction
      .select()
      .from(copies)
      .where(and(ofThisBook, eq(copies.status, "on loan")))
      .get();
    if (onLoan) return false;
    transaction.delete(copies).where(ofThisBook).run();
    transaction.delete(books).where(eq(books.id, id)).run();
    return true;
  });
}
