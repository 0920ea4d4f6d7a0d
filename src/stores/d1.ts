/** Sessions in Cloudflare D1, through the binding of a worker. The table is that of `sqliteStore`. */
import { SettingsError } from "../errors.ts";
import { type AsyncSqliteStore, asyncSqliteStore } from "./sql/async-sqlite.ts";
import type { Sql } from "./sql/sqlite-table.ts";

/** The part of a binding of D1 that the store uses. */
export interface D1Binding {
  prepare(sql: string): D1Statement;
  batch(statements: D1Statement[]): Promise<D1Result[]>;
}

export interface D1Statement {
  bind(...values: unknown[]): D1Statement;
}

export interface D1Result {
  readonly results: readonly unknown[];
  readonly meta: { readonly changes?: number };
}

export interface D1StoreOptions {
  /** The binding, as the worker has it in `env`. */
  readonly database: D1Binding;
  /** Letters, digits and `_`. Default is `coatcheck_sessions`. */
  readonly table?: string;
}

export interface D1Store extends AsyncSqliteStore {}

/**
 * A store in Cloudflare D1. Nothing is sent before the first call; the table must have been created once, by `createTable` or by a
 * migration. Throws a SettingsError for options that cannot work.
 */
export function d1Store({ database, table = "coatcheck_sessions" }: D1StoreOptions): D1Store {
  if (typeof database?.prepare !== "function" || typeof database.batch !== "function") {
    throw new SettingsError("database", "a binding of D1, such as env.DB");
  }
  // D1 runs a batch as one transaction, on the primary.
  async function batch(statements: readonly Sql[]) {
    const bound = statements.map(({ sql, args }) => database.prepare(sql).bind(...args));
    return (await database.batch(bound)).map(({ results, meta }) => ({
      rows: results,
      changes: meta.changes ?? 0,
    }));
  }
  return asyncSqliteStore(
    // D1 does not say whether a batch that failed was carried out.
    { read: batch, write: batch, fateOf: () => "in doubt" },
    {
      name: "d1",
      store: "d1Store",
      table,
      create: "await store.createTable(), or a migration with the SQL of docs/stores/d1.md",
    },
  );
}
