/** The default of the Node adapters: SQLite in ./sessions.sqlite3, opened when a session is first read or stored. */
import type { SessionData } from "../../data/session-data.ts";
import { createSessions, ENGINE, isSessions, type Sessions } from "../../sessions.ts";
import { checkIsOptions } from "../../settings/mistaken-options.ts";
import type { Options } from "../../settings/options.ts";
import { storeOpenedLater } from "../../stores/calls/opened-later.ts";
import { DatabaseFile } from "../../stores/sqlite/file.ts";
import { noteMade } from "../made-at-start.ts";

/** The `Sessions` given, or new ones by the options; on SQLite where they name no store. */
export function sessionsOnNode<Name extends string, Data = SessionData>(
  options: Options<Name, Data> | Sessions<Data> = {},
): Sessions<Data> {
  if (isSessions<Data>(options)) return options;
  checkIsOptions(options);
  const sessions = createSessions<Data, Name>({ ...options, store: options.store ?? sqliteHere() });
  noteMade(sessions[ENGINE]);
  return sessions;
}

function sqliteHere() {
  // The path is looked at now, so that a folder or a SQLite that is missing is an error at start, and a later chdir is none.
  const { path } = new DatabaseFile("sessions.sqlite3");
  const open = async () => {
    const { sqliteStore } = await import("../../stores/sqlite.ts");
    return sqliteStore(path);
  };
  return storeOpenedLater(open, {
    name: "sqlite",
    verbs: ["clearExpired", "listUser", "stats", "check", "createTable"],
  });
}
