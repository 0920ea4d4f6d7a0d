import { randomUUID } from "node:crypto";
import { hashSync } from "@node-rs/argon2";
import type { LibraryDatabase } from "../database/open.ts";
import { authors, bookGenres, books, copies, genres, languages, users } from "../database/schema.ts";
import { daysFromToday } from "../format/days.ts";
import { type Genre, genreNames, type SeedBook } from "./shelf.ts";
import { shelves } from "./shelves/shelves.ts";
import { demoUsers, neighbours } from "./users.ts";

/** Fills a new library. Synchronous, because it runs inside the transaction that makes the tables. */
export function seed(database: LibraryDatabase): void {
  const borrowers = endlessly(addUsers(database));

  const genreIds = new Map<Genre, number>();
  for (const name of genreNames) {
    genreIds.set(name, database.insert(genres).values({ name }).returning().get().id);
  }

  for (const [name, shelf] of Object.entries(shelves)) {
    const languageId = database.insert(languages).values({ name }).returning().get().id;
    for (const { books: written, ...author } of shelf) {
      const authorId = database.insert(authors).values(author).returning().get().id;
      for (const book of written) addBook(database, book, borrowers, { authorId, languageId, genreIds });
    }
  }
}

/** Adds the users. Returns the ids of the readers, to whom the seeded loans are given. */
function addUsers(database: LibraryDatabase): number[] {
  const add = (user: Omit<typeof users.$inferInsert, "email">) =>
    database
      .insert(users)
      .values({ ...user, email: `${user.username}@library.example` })
      .returning()
      .get();
  const unknownHash = hashSync(randomUUID());
  return [
    ...demoUsers.map(({ password, ...user }) => add({ ...user, passwordHash: hashSync(password) })),
    ...neighbours.map((user) => add({ ...user, role: "reader", passwordHash: unknownHash })),
  ]
    .filter(({ role }) => role === "reader")
    .map(({ id }) => id);
}

function* endlessly(ids: number[]): Generator<number, never> {
  for (;;) yield* ids;
}

interface Place {
  authorId: number;
  languageId: number;
  genreIds: Map<Genre, number>;
}

function addBook(
  database: LibraryDatabase,
  seedBook: SeedBook,
  borrowers: Generator<number, never>,
  { genreIds, ...place }: Place,
): void {
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
    const dueBack = dueInDays === undefined ? null : daysFromToday(dueInDays);
    const borrowerId = copy.status === "on loan" ? borrowers.next().value : null;
    database
      .insert(copies)
      .values({ id: randomUUID(), bookId, dueBack, borrowerId, ...copy })
      .run();
  }
}
