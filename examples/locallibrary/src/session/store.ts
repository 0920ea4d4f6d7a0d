import type { Store } from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";
import { storeFromUrl } from "coatcheck/store-url";
import type { LibraryDatabase } from "../database/open.ts";
import { failFast } from "./fail-fast.ts";

export interface SessionStore {
  store: Store;
  /** Shown in the banner and on the dashboard. Never contains a password. */
  name: string;
}

/**
 * The store that SESSION_STORE names. Without it, the sessions are kept in the library's own file, and through the same
 * handle: two SQLite libraries that open one file in one process would undo each other's locks.
 */
export async function openSessionStore(
  url: string | undefined,
  database: LibraryDatabase,
): Promise<SessionStore> {
  if (!url) return { store: sqliteStore(database.$client), name: "SQLite, with the books" };
  const store = storeFromUrl(url);
  if (!store.listUser || !store.stats) {
    throw new Error(
      "this store cannot list a user's sessions; take one that can, such as redis: or postgres:",
    );
  }
  await store.createTable?.();
  await store.check?.({ signal: AbortSignal.timeout(10_000), now: Date.now() });
  return { store: failFast(store), name: withoutSecrets(url) };
}

/** By regular expression, because `URL` refuses the several hosts in the URL of a cluster. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//").replace(/[?#].*$/, "");
}
