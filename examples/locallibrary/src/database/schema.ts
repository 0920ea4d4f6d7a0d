import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { themes } from "../choices/choices.ts";

// The tables as the queries use them. The SQL that makes them is in migrations/.

export const authors = sqliteTable("authors", {
  id: integer().primaryKey(),
  firstName: text("first_name").notNull(),
  lastName: text("last_name").notNull(),
  born: integer(),
  died: integer(),
});

export const genres = sqliteTable("genres", {
  id: integer().primaryKey(),
  name: text().notNull().unique(),
});

/** The language a book was written in. */
export const languages = sqliteTable("languages", {
  id: integer().primaryKey(),
  name: text().notNull().unique(),
});

export const books = sqliteTable("books", {
  id: integer().primaryKey(),
  title: text().notNull(),
  authorId: integer("author_id")
    .notNull()
    .references(() => authors.id),
  languageId: integer("language_id")
    .notNull()
    .references(() => languages.id),
  /** The year of the first edition; null for books that are older than print. */
  published: integer(),
  summary: text().notNull(),
  isbn: text().unique(),
});

export const bookGenres = sqliteTable(
  "book_genres",
  {
    bookId: integer("book_id")
      .notNull()
      .references(() => books.id, { onDelete: "cascade" }),
    genreId: integer("genre_id")
      .notNull()
      .references(() => genres.id),
  },
  (table) => [primaryKey({ columns: [table.bookId, table.genreId] })],
);

export const copyStatuses = ["available", "on loan", "maintenance", "reserved"] as const;
export type CopyStatus = (typeof copyStatuses)[number];

/** One copy of a book. Django's tutorial calls it BookInstance. */
export const copies = sqliteTable("copies", {
  /** A UUID, printed on the copy's label. */
  id: text().primaryKey(),
  bookId: integer("book_id")
    .notNull()
    .references(() => books.id),
  imprint: text().notNull(),
  status: text({ enum: copyStatuses }).notNull(),
  /** The day it should come back, as YYYY-MM-DD. */
  dueBack: text("due_back"),
  borrowerId: integer("borrower_id").references(() => users.id),
});

export const roles = ["reader", "librarian"] as const;

export const users = sqliteTable("users", {
  id: integer().primaryKey(),
  username: text().notNull().unique(),
  name: text().notNull(),
  /** In lower case. */
  email: text().notNull().unique(),
  role: text({ enum: roles }).notNull(),
  /** False for a user who may not sign in. */
  isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
  passwordHash: text("password_hash").notNull(),
  /** Epoch milliseconds; null while the user has the password from the seed. */
  passwordChangedAt: integer("password_changed_at"),
  // Preferences; null until the user has chosen.
  theme: text({ enum: themes }),
  perPage: integer("per_page"),
  noticeDismissed: integer("notice_dismissed", { mode: "boolean" }),
});
export type User = typeof users.$inferSelect;

/** The books that a user wants to read some day. The order of the ids is the order in which they were added. */
export const readingLists = sqliteTable("reading_list", {
  id: integer().primaryKey(),
  userId: integer("user_id")
    .notNull()
    .references(() => users.id, { onDelete: "cascade" }),
  bookId: integer("book_id")
    .notNull()
    .references(() => books.id, { onDelete: "cascade" }),
});

/** Counts what is limited within a quarter of an hour: wrong passwords, and requests for letters. */
export const attempts = sqliteTable("attempts", {
  subject: text().primaryKey(),
  count: integer().notNull(),
  since: integer().notNull(),
});

/** The links in letters that are still good. */
export const mailTokens = sqliteTable("mail_tokens", {
  /** The SHA-256 of the token; the token itself is only in the letter. */
  hash: text().primaryKey(),
  purpose: text({ enum: ["reset", "sign up"] }).notNull(),
  email: text().notNull(),
  /** Epoch milliseconds. */
  expiresAt: integer("expires_at").notNull(),
});

/** The letters that the demo has sent. */
export const outbox = sqliteTable("outbox", {
  id: integer().primaryKey(),
  recipient: text().notNull(),
  subject: text().notNull(),
  body: text().notNull(),
  sentAt: integer("sent_at", { mode: "timestamp_ms" }).notNull(),
});

/** The numbers of the session store at one moment; null where the store cannot count. */
export const storeSamples = sqliteTable("store_samples", {
  /** Epoch milliseconds. */
  at: integer().primaryKey(),
  live: integer(),
  authenticated: integer(),
  expired: integer(),
  bytes: integer(),
});
