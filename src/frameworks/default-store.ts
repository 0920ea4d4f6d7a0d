/** What the Node adapters use when no store is given: SQLite in ./sessions.sqlite3, opened at the first need. */
import { createSessions, Sessions } from "../sessions.ts";
import type { Options } from "../settings.ts";
import type { Store } from "../store.ts";

/** The `Sessions` given, or new ones; on SQLite where the options name no store. */
export function sessionsOnNode<Name extends string>(options: Options<Name> | Sessions = {}): Sessions {
  if (options instanceof Sessions) return options;
  return createSessions({ ...options, store: options.store ?? storeOpenedLater(openSqlite) });
}

async function openSqlite(): Promise<WholeStore> {
  const { sqliteStore } = await import("../stores/sqlite.ts");
  return sqliteStore("./sessions.sqlite3");
}

/** A store with every verb, as SQLite has. */
type WholeStore = Required<Omit<Store, "capabilities" | "ticket">>;

/** A store that is opened when it is first needed. What could not be opened is tried again at the next need. */
export function storeOpenedLater(open: () => Promise<WholeStore>): WholeStore {
  let opened: Promise<WholeStore> | undefined;

  function store(): Promise<WholeStore> {
    opened ??= open().catch((error) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  return {
    read: async (...args) => (await store()).read(...args),
    create: async (...args) => (await store()).create(...args),
    update: async (...args) => (await store()).update(...args),
    rotate: async (...args) => (await store()).rotate(...args),
    touch: async (...args) => (await store()).touch(...args),
    delete: async (...args) => (await store()).delete(...args),
    clearExpired: async (...args) => (await store()).clearExpired(...args),
    listUser: async (...args) => (await store()).listUser(...args),
    stats: async (...args) => (await store()).stats(...args),
    check: async (...args) => (await store()).check(...args),
    close: async () => (await opened)?.close(),
  };
}
