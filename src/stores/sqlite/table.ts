import { changesFor, inspection, refuseUnusable, stateOf } from "../sql/sqlite-table.ts";
import { prepare, type SqliteDatabase, transaction } from "./database.ts";

const STORE = "sqliteStore";

function inspect(database: SqliteDatabase, table: string) {
  const rows = inspection(table).map(({ sql, args }) => prepare(database, sql).all(...args));
  return stateOf(rows, table);
}

/** Throws, saying what to do, where the table cannot hold sessions. */
export function checkTable(database: SqliteDatabase, table: string): void {
  const found = inspect(database, table);
  if (found !== null) refuseUnusable(found, table, STORE);
}

/**
 * Creates the table where it is missing, and brings an older one up to date. Throws where a table of that name cannot hold
 * sessions. Where all is there it only reads.
 */
export function createTable(database: SqliteDatabase, table: string): void {
  const changes = () => changesFor(inspect(database, table), table, STORE);
  if (changes().length === 0) return;
  transaction(database, () => {
    // Another process may have made the same changes meanwhile.
    for (const change of changes()) database.exec(change);
  });
}
