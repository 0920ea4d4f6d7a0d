import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { type BetterSQLite3Database, drizzle } from "drizzle-orm/better-sqlite3";
import { seed } from "../seed/seed.ts";
import { fold } from "./fold.ts";
import { migrate } from "./migrate.ts";

/** Drizzle's queries. `$client` is the better-sqlite3 handle, which the session store uses too. */
export type LibraryDatabase = BetterSQLite3Database & { $client: Database.Database };

/** Opens the library's file. Makes and fills a new file, and runs the migrations that an older one has not had. */
export function openDatabase(path: string): LibraryDatabase {
  mkdirSync(dirname(path), { recursive: true });
  const client = new Database(path);
  client.pragma("journal_mode = WAL");
  client.pragma("foreign_keys = ON");
  client.function("fold", { deterministic: true }, (text) => fold(String(text)));
  const database = drizzle({ client });

  // An immediate transaction locks the file before it looks: if two servers start on one new file, the second waits, and
  // finds it filled.
  client
    .transaction(() => {
      const isNew = migrate(client);
      if (isNew) seed(database);
    })
    .immediate();

  return database;
}
