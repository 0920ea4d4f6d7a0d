/** Joins the headers of a session with those that the application has set, on Node and on the web. */
import type { Header } from "../engine/commit.ts";

export type { Header } from "../engine/commit.ts";

/** The value of a header, as Node keeps it. */
export type HeaderValue = number | string | string[];

/** The value of a header once the session's is joined to the application's: `present` is the application's. */
export function joined([name, value]: Header, present: HeaderValue | null | undefined): HeaderValue {
  if (present === undefined || present === null) return value;
  switch (name.toLowerCase()) {
    case "vary": {
      const words = wordsOf(present);
      const missing = wordsOf(value).filter((word) => !includes(words, word));
      return words.includes("*") ? present : [...words, ...missing].join(", ");
    }
    case "cache-control":
      return includes(wordsOf(present), "public") ? value : present;
    default:
      // A new list: the application may use its own for every response, and this one holds a visitor's cookie.
      return [present].flat().map(String).concat(value);
  }
}

function wordsOf(value: HeaderValue): string[] {
  return String(value)
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function includes(words: readonly string[], wanted: string): boolean {
  return words.some((word) => word.toLowerCase() === wanted.toLowerCase());
}
