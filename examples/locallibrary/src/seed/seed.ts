import { randomUUID } from "node:crypto";
import { hashSync } from "@node-rs/argon2";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, bookGenres, books, copies, genres, languages, users } from "../database/schema.ts";
import { type Genre, genreNames, type SeedBook } from "./shelf.ts";
import { shelves } from "./shelves/shelves.ts";
import { demoUsers } from "./users.ts";

/** Fills a new library. It is synchronous because it runs inside the transaction that makes the tables. */
export function seed(database: LibraryDatabase): void {
  for (const { password, ...user } of demoUsers) {
    database
      .insert(users)
      .values({ ...user, passwordHash: hashSync(password) })
      .run();
  }

  const genreIds = new Map<Genre, number>();
  for (const name of genreNames) {
    genreIds.set(name, database.insert(genres).values({ name }).returning().get().id);
  }

  for (const [name, shelf] of Object.entries(shelves)) {
    const languageId = database.insert(languages).values({ name }).returning().get().id;
    for (const { books: written, ...author } of shelf) {
      const authorId = database.insert(authors).values(author).returning().get().id;
      for (const book of written) shelve(database, book, { authorId, languageId, genreIds });
    }
  }
}

interface Place {
  authorId: number;
  languageId: number;
  genreIds: Map<Genre, number>;
}

function shelve(database: LibraryDatabase, seedBook: SeedBook, { genreIds, ...place }: Place): void {
  const { genres: ofGenres, copies: labelled, ...book } = seedBook;
  const bookId = database
    .insert(books)
    .values({ ...book, ...place })
    .returning()
    .get().id;
  for (const name of ofGenres) {
    database
      .insert(bookGenres)
      .values({ bookId, genreId: genreIds.get(name) as number })
      .run();
  }
  for (const { dueInDays, ...copy } of labelled) {
    const dueBack = dueInDays === undefined ? null : daysFromNow(dueInDays);
    database
      .insert(copies)
      .values({ id: randomUUID(), bookId, dueBack, ...copy })
      .run();
  }
}

function daysFromNow(days: number): string {
  const date = new Date();
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}
