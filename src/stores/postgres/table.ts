import type { StoredRecord } from "../../contract/record.ts";
import { codeOf, type PostgresClient } from "./connection.ts";

/** Fits only into columns of the right types, in a database that holds every alphabet. */
export const anyRecord: StoredRecord = {
  data: "\u{1f9e5}",
  version: Number.MAX_SAFE_INTEGER,
  userId: "\u{1f9e5}",
  createdAt: Number.MAX_SAFE_INTEGER,
  authenticatedAt: Number.MAX_SAFE_INTEGER,
  expiresAt: Number.MAX_SAFE_INTEGER,
  expiry: 0.5,
  format: Number.MAX_SAFE_INTEGER,
};

/** What to do about an error of `check`; undefined if the error itself says it better. */
export function adviceOn(error: unknown, table: string): string | undefined {
  const code = codeOf(error);
  // undefined_table, invalid_schema_name
  if (code === "42P01" || code === "3F000") {
    return `There is no table ${table}. Create it once: await store.createTable(), or npx coatcheck create-table.`;
  }
  // insufficient_privilege
  if (code === "42501") {
    return `The pool's user may not use the table ${table}: GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO that user.`;
  }
  // read_only_sql_transaction
  if (code === "25006")
    return "The pool's server is read only, a standby perhaps: give the pool of the primary.";
  // Other classes of wrong names and types, and of values that do not fit
  if (/^(42|22)/.test(code)) {
    return (
      `The table ${table} cannot hold sessions: it has not the columns that postgresStore gives it, or the database is ` +
      "not in UTF8. The cause says more. Choose another name by the option table, or drop it and create it anew."
    );
  }
  return undefined;
}

export const quote = (table: string) => table.replace(/\w+/g, '"$&"');

/** Asks first and locks nothing if all is there: CREATE INDEX IF NOT EXISTS alone would wait for every writer. */
export async function createTable(client: PostgresClient, table: string): Promise<void> {
  const ask = (text: string) => client.query({ text, rowMode: "array" });
  const [byEnd, byUser] = [`${table}_expires_at`, `${table}_user_id`];
  const found = [table, byEnd, byUser].map((name) => `to_regclass('${quote(name)}')`);
  const { rows } = await ask(`SELECT ${found.join(", ")}`);
  if (rows[0]?.every((relation) => relation !== null)) return;
  // An index is created in the schema of its table, and named without it.
  const local = (name: string) => quote(name.slice(name.indexOf(".") + 1));
  // Statements that are sent together are one transaction. Its lock makes servers that create the table wait for each other.
  await ask(`
    SELECT pg_advisory_xact_lock(7102015);
    CREATE TABLE IF NOT EXISTS ${quote(table)} (
      id bytea NOT NULL PRIMARY KEY, data text NOT NULL, version bigint NOT NULL, user_id text COLLATE "C",
      created_at bigint NOT NULL, authenticated_at bigint, expires_at bigint NOT NULL, expiry double precision,
      format bigint NOT NULL, moved_to bytea
    ) WITH (fillfactor = 90);
    CREATE INDEX IF NOT EXISTS ${local(byEnd)} ON ${quote(table)} (expires_at);
    CREATE INDEX IF NOT EXISTS ${local(byUser)} ON ${quote(table)} (user_id) WHERE user_id IS NOT NULL`);
}
