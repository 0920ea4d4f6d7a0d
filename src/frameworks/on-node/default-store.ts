/** The default of the Node adapters: SQLite in ./sessions.sqlite3, opened when a session is first read or stored. */
import { createSessions, Sessions } from "../../sessions.ts";
import type { Options } from "../../settings.ts";
import { storeOpenedLater } from "../../stores/calls/opened-later.ts";

/** The `Sessions` given, or new ones by the options; on SQLite where they name no store. */
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
