import type { Store } from "../contract/store.ts";

/** The store cannot carry out the command: the command was called wrongly. */
export class WrongStoreError extends Error {
  override readonly name = "WrongStoreError";
}

/** Throws where the store keeps no index of users. */
export function needUserIndex(store: Store): void {
  if (store.listUser !== undefined) return;
  throw new WrongStoreError(
    "This store keeps no list of a user's sessions, so they cannot be listed or ended by user. SQLite, PostgreSQL, MariaDB, " +
      "MySQL, Redis and files keep one.",
  );
}
