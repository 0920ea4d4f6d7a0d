/**
 * Sessions in libSQL: a database of Turso, a libSQL server, or a local file, through the client of `@libsql/client`. The table is
 * that of `sqliteStore`.
 */
import { SettingsError } from "../errors.ts";
import { type AsyncSqliteStore, asyncSqliteStore } from "./sql/async-sqlite.ts";
import type { Sql } from "./sql/sqlite-table.ts";

/** The part of a client of `@libsql/client` that the store uses. */
export interface LibsqlClient {
  execute(statement: LibsqlStatement): Promise<LibsqlResult>;
  batch(statements: LibsqlStatement[], mode: "read" | "write"): Promise<LibsqlResult[]>;
}

export interface LibsqlStatement {
  sql: string;
  args: (string | number | null)[];
}

export interface LibsqlResult {
  readonly rows: readonly unknown[];
  readonly rowsAffected: number;
}

export interface LibsqlStoreOptions {
  /** A client of `createClient` of `@libsql/client`, or of one of its entries `/http` and `/web`. It stays yours: the store never closes it. */
  readonly client: LibsqlClient;
  /** Letters, digits and `_`. Default is `coatcheck_sessions`. */
  readonly table?: string;
}

export interface LibsqlStore extends AsyncSqliteStore {}

/**
 * A store in libSQL. Nothing is sent before the first call; `createTable` must have run once. While the database is locked, calls
 * wait until their signal aborts. A local file is for one process: where several write to it, use `sqliteStore`, which has the
 * same table. Throws a SettingsError for options that cannot work.
 */
export function libsqlStore({ client, table = "coatcheck_sessions" }: LibsqlStoreOptions): LibsqlStore {
  if (typeof client?.execute !== "function" || typeof client.batch !== "function") {
    throw new SettingsError("client", "a client of @libsql/client");
  }
  const resultOf = ({ rows, rowsAffected }: LibsqlResult) => ({ rows, changes: rowsAffected });
  const batch = async (statements: readonly Sql[], mode: "read" | "write") =>
    (await client.batch([...statements], mode)).map(resultOf);
  return asyncSqliteStore(
    {
      async read(statements) {
        const [only, ...others] = statements;
        if (only !== undefined && others.length === 0) return [resultOf(await client.execute(only))];
        return await batch(statements, "read");
      },
      write: (statements) => batch(statements, "write"),
      fateOf,
    },
    { name: "libsql", store: "libsqlStore", table, create: "await store.createTable()" },
  );
}

/** The codes of SQLite itself, from a local file or through a server; the client's own codes have other names. */
function fateOf(error: unknown) {
  const code = String((error as { code?: unknown } | null)?.code);
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return "locked";
  return code.startsWith("SQLITE_") ? "refused" : "in doubt";
}
