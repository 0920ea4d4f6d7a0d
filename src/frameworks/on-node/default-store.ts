/** What the Node adapters use when no store is given: SQLite in ./sessions.sqlite3, opened at the first need. */
import { createSessions, Sessions } from "../../sessions.ts";
import type { Options } from "../../settings.ts";
import { storeOpenedLater } from "../../stores/calls/opened-later.ts";

/** The `Sessions` given, or new ones; on SQLite where the options name no store. */
export function sessionsOnNode<Name extends string>(options: Options<Name> | Sessions = {}): Sessions {
  if (options instanceof Sessions) return options;
  return createSessions({ ...options, store: options.store ?? sqliteHere() });
}

const sqliteHere = () =>
  storeOpenedLater(openSqlite, { verbs: ["clearExpired", "listUser", "stats", "check", "createTable"] });

async function openSqlite() {
  const { sqliteStore } = await import("../../stores/sqlite.ts");
  return sqliteStore("./sessions.sqlite3");
}
