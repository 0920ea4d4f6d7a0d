import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { type BetterSQLite3Database, drizzle } from "drizzle-orm/better-sqlite3";
import { seed } from "../seed/seed.ts";
import { fold } from "./fold.ts";
import { migrate } from "./migrate.ts";

/** Drizzle's queries; `$client` is the better-sqlite3 handle, which the sessions share. */
export type LibraryDatabase = BetterSQLite3Database & { $client: Database.Database };

/** Opens the library's file, made and filled on first use, and brought up to date on any. */
export function openDatabase(path: string): LibraryDatabase {
  mkdirSync(dirname(path), { recursive: true });
  const client = new Database(path);
  client.pragma("journal_mode = WAL");
  client.pragma("foreign_keys = ON");
  client.function("fold", { deterministic: true }, (text) => fold(String(text)));
  const database = drizzle({ client });

  // One transaction that locks before it looks: of two servers starting on one new file, the second finds it ready.
  client
    .transaction(() => {
      const isNew = migrate(client);
      if (isNew) seed(database);
    })
    .immediate();

  return database;
}
