export const pageSizes = [12, 24, 48] as const;

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

export interface Preferences {
  theme: Theme;
  /** The number of books, authors or loans on one page of a list. */
  perPage: number;
  /** True when the notice about this site is not to be shown any more. */
  noticeDismissed: boolean;
}

export const defaults: Preferences = { theme: "auto", perPage: pageSizes[0], noticeDismissed: false };

/** The number of books that a reading list holds at most. */
export const LONGEST_READING_LIST = 100;

/**
 * What a visitor has chosen. The account keeps it for a user, on every device and through every sign-out; the session
 * keeps it for a visitor without an account.
 */
export interface Choices {
  readonly preferences: Preferences;
  prefer(changes: Partial<Preferences>): void;
  /** The ids of the books to read some day, in the order in which they were added. */
  readonly readingList: number[];
  /** Puts a book on the reading list. Returns false if the list is full. */
  list(bookId: number): boolean;
  unlist(bookId: number): void;
}
