import { and, asc, count, eq, inArray, type SQL, sql } from "drizzle-orm";
import { fold } from "../database/fold.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, bookGenres, books, copies, genres, languages } from "../database/schema.ts";

/** Chooses the books of a list. An empty filter chooses all books. */
export interface BookFilter {
  search?: string;
  authorId?: number;
  genreId?: number;
  languageId?: number;
}

interface Rows {
  limit: number;
  offset: number;
}

export function countBooks(database: LibraryDatabase, filter: BookFilter): number {
  const row = database
    .select({ books: count() })
    .from(books)
    .innerJoin(authors, eq(authors.id, books.authorId))
    .where(matches(database, filter))
    .get();
  return row?.books ?? 0;
}

export function findBooks(database: LibraryDatabase, filter: BookFilter, { limit, offset }: Rows) {
  return selectBooks(database)
    .where(matches(database, filter))
    .orderBy(sql`fold(${books.title})`, books.id)
    .limit(limit)
    .offset(offset)
    .all();
}

/** Some available books, chosen at random. */
export function suggestBooks(database: LibraryDatabase, limit: number) {
  return selectBooks(database)
    .where(inArray(books.id, availableBookIds(database)))
    .orderBy(sql`random()`)
    .limit(limit)
    .all();
}

/** The books with these ids, in the order of the ids. Leaves out books that were removed. */
export function findBooksInOrder(database: LibraryDatabase, ids: number[]) {
  const found = new Map(
    selectBooks(database)
      .where(inArray(books.id, ids))
      .all()
      .map((book) => [book.id, book]),
  );
  return ids.flatMap((id) => found.get(id) ?? []);
}

export function findBook(database: LibraryDatabase, id: number) {
  const book = database
    .select()
    .from(books)
    .innerJoin(authors, eq(authors.id, books.authorId))
    .innerJoin(languages, eq(languages.id, books.languageId))
    .where(eq(books.id, id))
    .get();
  if (!book) return undefined;
  return {
    ...book.books,
    author: book.authors,
    language: book.languages,
    genres: database
      .select({ id: genres.id, name: genres.name })
      .from(genres)
      .innerJoin(bookGenres, eq(bookGenres.genreId, genres.id))
      .where(eq(bookGenres.bookId, id))
      .orderBy(asc(genres.name))
      .all(),
    copies: database
      .select()
      .from(copies)
      .where(eq(copies.bookId, id))
      .orderBy(asc(copies.status), asc(copies.dueBack), asc(copies.imprint))
      .all(),
  };
}

function selectBooks(database: LibraryDatabase) {
  const ofThisBook = eq(copies.bookId, books.id);
  return database
    .select({
      id: books.id,
      title: books.title,
      published: books.published,
      author: authors,
      copies: database.$count(copies, ofThisBook),
      available: database.$count(copies, and(ofThisBook, eq(copies.status, "available"))),
    })
    .from(books)
    .innerJoin(authors, eq(authors.id, books.authorId));
}

function availableBookIds(database: LibraryDatabase) {
  return database.select({ id: copies.bookId }).from(copies).where(eq(copies.status, "available"));
}

function matches(
  database: LibraryDatabase,
  { search, authorId, genreId, languageId }: BookFilter,
): SQL | undefined {
  const conditions: SQL[] = [];
  if (authorId !== undefined) conditions.push(eq(books.authorId, authorId));
  if (languageId !== undefined) conditions.push(eq(books.languageId, languageId));
  if (genreId !== undefined) {
    const bookIds = database
      .select({ id: bookGenres.bookId })
      .from(bookGenres)
      .where(eq(bookGenres.genreId, genreId));
    conditions.push(inArray(books.id, bookIds));
  }
  const words = [...new Set(fold(search ?? "").split(/\s+/))].filter(Boolean);
  if (words.length > 0) {
    // Each word has to occur in the title or in the author's name. All words are one JSON parameter: with a condition for
    // each, a thousand words would exceed SQLite's limit for the depth of an expression.
    const searched = sql`fold(${books.title} || ' ' || ${authors.firstName} || ' ' || ${authors.lastName})`;
    conditions.push(
      sql`not exists (select 1 from json_each(${JSON.stringify(words)}) where instr(${searched}, value) = 0)`,
    );
  }
  return and(...conditions);
}
