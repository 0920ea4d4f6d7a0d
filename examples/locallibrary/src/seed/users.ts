/** Accounts for trying the site; the login page names them. Only their argon2 hashes are stored. */
export const demoUsers = [
  { username: "reader", password: "borrow-a-book", name: "Robin Reader", role: "reader" },
  { username: "librarian", password: "mind-the-shelves", name: "Lee Librarian", role: "librarian" },
] as const;

export type DemoUser = (typeof demoUsers)[number];

/** The rest of the town: they have books at home, and nobody knows their passwords. */
export const neighbours = [
  { username: "ada", name: "Ada Quill" },
  { username: "bela", name: "Béla Farkas" },
  { username: "chidi", name: "Chidi Okafor" },
  { username: "dora", name: "Dora Lindqvist" },
  { username: "emil", name: "Emil Novák" },
  { username: "fatima", name: "Fatima Haddad" },
] as const;
