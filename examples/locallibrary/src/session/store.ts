import type { Store } from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";
import { storeFromUrl } from "coatcheck/store-url";
import type { LibraryDatabase } from "../database/open.ts";
import { failFast } from "./fail-fast.ts";

export interface SessionStore {
  store: Store;
  /** For the banner and the dashboard: never a password. */
  name: string;
}

/** The store that SESSION_STORE names; without one the sessions live beside the books, in the same file and through the same handle. */
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

/** By pattern: the URL of a cluster names several hosts, which `URL` refuses. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//").replace(/[?#].*$/, "");
}
