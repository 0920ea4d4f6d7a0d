/** The connection to the database of a Django site, by the client that the application has for it. */
import { SettingsError } from "../../errors.ts";
import type { MysqlPool } from "../mysql/connection.ts";
import type { PostgresPool } from "../postgres/connection.ts";
import type { SqliteDatabase } from "../sqlite/database.ts";
import type { Connection } from "./connection.ts";
import { mysqlConnection } from "./mysql.ts";
import { postgresConnection } from "./postgres.ts";
import { sqliteConnection } from "./sqlite.ts";

/** A database: PostgreSQL, MariaDB or MySQL by its pool, SQLite by an open database or a path. */
export type DjangoDatabase = PostgresPool | MysqlPool | { promise(): MysqlPool } | SqliteDatabase | string;

/** Throws a SettingsError for what is no database. */
export function connect(database: DjangoDatabase): Connection {
  if (typeof database === "string" && database !== "") return sqliteConnection(database);
  if (typeof database === "object" && database !== null) {
    if ("prepare" in database) return sqliteConnection(database);
    if ("getConnection" in database || "promise" in database) return mysqlConnection(database);
    if ("connect" in database) return postgresConnection(database);
  }
  throw new SettingsError(
    "database",
    "the database of the Django site: a Pool of pg, a pool of mysql2, an open SQLite database, or the path of one that exists",
  );
}
