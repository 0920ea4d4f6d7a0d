/** Accounts for trying the site; the login page names them. Only their argon2 hashes are stored. */
export const demoUsers = [
  { username: "reader", password: "borrow-a-book", name: "Robin Reader", role: "reader" },
  { username: "librarian", password: "mind-the-shelves", name: "Lee Librarian", role: "librarian" },
] as const;
