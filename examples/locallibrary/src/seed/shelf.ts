import type { CopyStatus } from "../database/schema.ts";

/** An author with books, as the seed writes it; each book has its copies. */
export interface SeedAuthor {
  firstName: string;
  lastName: string;
  born?: number;
  died?: number;
  books: SeedBook[];
}

export interface SeedBook {
  title: string;
  published?: number;
  isbn?: string;
  genres: Genre[];
  summary: string;
  copies: SeedCopy[];
}

export interface SeedCopy {
  imprint: string;
  status: CopyStatus;
  /** Counted from the day of the first start, so that a new library has loans that are not due yet. */
  dueInDays?: number;
}

export const genreNames = [
  "Adventure",
  "Autobiography",
  "Children's literature",
  "Coming of age",
  "Detective fiction",
  "Drama",
  "Epic poetry",
  "Essay",
  "Fantasy",
  "Gothic fiction",
  "Historical novel",
  "Philosophy",
  "Psychological novel",
  "Romance",
  "Satire",
  "Science",
  "Science fiction",
  "Short stories",
  "Social novel",
] as const;
export type Genre = (typeof genreNames)[number];

export const available = (imprint: string): SeedCopy => ({ imprint, status: "available" });
export const reserved = (imprint: string): SeedCopy => ({ imprint, status: "reserved" });
export const maintenance = (imprint: string, dueInDays: number): SeedCopy => ({
  imprint,
  status: "maintenance",
  dueInDays,
});
export const onLoan = (imprint: string, dueInDays: number): SeedCopy => ({
  imprint,
  status: "on loan",
  dueInDays,
});
