import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "better-sqlite3";

const MIGRATIONS = join(import.meta.dirname, "../../migrations");

/**
 * Runs the migrations that this file has not had, in the order of their names. Returns whether the file was new.
 * SQLite's own `user_version` counts the migrations. Drizzle's migrator is not used: it looks before it locks, so two
 * servers that start together would both create the tables.
 */
export function migrate(client: Database): boolean {
  const migrations = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  const done = client.pragma("user_version", { simple: true }) as number;
  if (done > migrations.length) {
    throw new Error(
      `a newer LocalLibrary made it: it has had ${done} migrations of the ${migrations.length} known here`,
    );
  }
  for (const migration of migrations.slice(done))
    client.exec(readFileSync(join(MIGRATIONS, migration), "utf8"));
  client.pragma(`user_version = ${migrations.length}`);
  return done === 0;
}
