/** Accounts for trying the site. The login page shows the passwords; the database holds only their argon2 hashes. */
export const demoUsers = [
  { username: "reader", password: "borrow-a-book", name: "Robin Reader", role: "reader" },
  { username: "librarian", password: "mind-the-shelves", name: "Lee Librarian", role: "librarian" },
] as const;

export type DemoUser = (typeof demoUsers)[number];

/** Other readers, who have books at home. Their passwords are random, so no visitor can sign in as one of them. */
export const neighbours = [
  { username: "ada", name: "Ada Quill" },
  { username: "bela", name: "Béla Farkas" },
  { username: "chidi", name: "Chidi Okafor" },
  { username: "dora", name: "Dora Lindqvist" },
  { username: "emil", name: "Emil Novák" },
  { username: "fatima", name: "Fatima Haddad" },
] as const;
