import type { StoredRecord } from "../../contract/record.ts";
import { wait } from "../../wait.ts";
import {
  type Columns,
  cannotHoldSessions,
  compareColumns,
  isOlder,
  noTable,
  SCHEMA,
  SCHEMA_MARK,
  schemaOf,
} from "../sql/table-shape.ts";
import { codeOf, LOCK_NOT_AVAILABLE, type PostgresClient } from "./connection.ts";

const columns: Columns = {
  id: { type: "bytea", takesNull: false },
  data: { type: "text", takesNull: false },
  version: { type: "bigint", takesNull: false },
  user_id: { type: "text", takesNull: true },
  created_at: { type: "bigint", takesNull: false },
  authenticated_at: { type: "bigint", takesNull: true },
  expires_at: { type: "bigint", takesNull: false },
  expiry: { type: "double precision", takesNull: true },
  format: { type: "bigint", takesNull: false },
  moved_to: { type: "bytea", takesNull: true },
};

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

/** How often a change of the table waits for a lock, half a second each, before it is given up. */
const LOCK_TRIES = 20;

/** What to do about an error of `check`; undefined if the error itself says it better. */
export function adviceOn(error: unknown, table: string): string | undefined {
  const code = codeOf(error);
  // undefined_table, invalid_schema_name
  if (code === "42P01" || code === "3F000") return noTable(table);
  // insufficient_privilege
  if (code === "42501") {
    return `The pool's user may not use the table ${table}: GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO that user.`;
  }
  // read_only_sql_transaction
  if (code === "25006")
    return "The pool's server is read only, a standby perhaps: give the pool of the primary.";
  // Other classes of wrong names and types, and of values that do not fit
  if (/^(42|22)/.test(code)) {
    return cannotHoldSessions(table, "postgresStore", [
      "or the database is not in UTF8; the cause says more",
    ]);
  }
  return undefined;
}

export const quote = (table: string) => table.replace(/\w+/g, '"$&"');

/** An index is created in the schema of its table, and named without it. */
function indexesOf(table: string) {
  const local = table.slice(table.indexOf(".") + 1);
  return [
    { name: `${local}_expires_at`, on: "(expires_at)" },
    { name: `${local}_user_id`, on: "(user_id) WHERE user_id IS NOT NULL" },
  ];
}

type Ask = (text: string) => Promise<{ rows: unknown[][] }>;

const asker =
  (client: PostgresClient): Ask =>
  (text) =>
    client.query({ text, rowMode: "array" });

/** The state of an existing table; null where there is none. */
async function inspect(ask: Ask, table: string) {
  const relation = `to_regclass('${quote(table)}')`;
  const { rows: shape } = await ask(`
    SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull AS takes_null,
      atthasdef OR attidentity <> '' AS has_default, obj_description(attrelid, 'pg_class'),
      COALESCE(collisdeterministic, true) AS is_exact
    FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    WHERE attrelid = ${relation} AND attnum > 0 AND NOT attisdropped`);
  if (shape.length === 0) return null;
  const found = Object.fromEntries(
    shape.map(([name, type, takesNull, hasDefault, , isExact]) => [
      name,
      { type: isExact ? type : `${type} of an inexact collation`, takesNull, hasDefault },
    ]),
  ) as Columns;
  const { missing, faults } = compareColumns(columns, found);

  const { rows: indexes } = await ask(`
    SELECT relname, indisvalid, indisunique AND indpred IS NULL AND indnkeyatts = 1 AND EXISTS (
      SELECT FROM pg_attribute WHERE attrelid = indrelid AND attnum = indkey[0] AND attname = 'id') AS is_key
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = ${relation}`);
  if (!indexes.some(([, isValid, isKey]) => isValid && isKey)) faults.push("id is not its primary key");
  const validity = new Map(indexes.map(([name, isValid]) => [name, isValid]));
  return {
    missing,
    faults,
    schema: schemaOf(shape[0]?.[4]),
    /** Indexes to be made: they are not there, or were left half built. */
    lacking: indexesOf(table).filter(({ name }) => validity.get(name) !== true),
    invalid: indexesOf(table).filter(({ name }) => validity.get(name) === false),
  };
}

/** Rejects, saying what to do, where the table is missing or cannot hold sessions. */
export async function checkTable(client: PostgresClient, table: string): Promise<void> {
  const found = await inspect(asker(client), table);
  if (found === null) throw new Error(noTable(table));
  if (found.faults.length > 0) throw new Error(cannotHoldSessions(table, "postgresStore", found.faults));
  if (found.missing.length > 0) throw new Error(isOlder(table, found.missing));
}

/**
 * Creates the table where it is missing, and brings an older one up to date while the site runs: columns are added only when
 * no other transaction is in the way, and indexes are built beside the traffic. Where all is there it only looks.
 */
export async function createTable(client: PostgresClient, table: string): Promise<void> {
  const ask = asker(client);
  const found = await inspect(ask, table);
  if (found === null) return await createNew(ask, table);
  if (found.faults.length > 0) throw new Error(cannotHoldSessions(table, "postgresStore", found.faults));
  if (found.missing.length > 0) {
    const added = found.missing.map((name) => `ADD COLUMN IF NOT EXISTS ${name} ${typeOf(name)}`);
    await whenUnlocked(ask, `ALTER TABLE ${quote(table)} ${added.join(", ")}`);
  }
  const schema = table.slice(0, table.indexOf(".") + 1);
  for (const { name } of found.invalid) {
    await ask(`DROP INDEX CONCURRENTLY IF EXISTS ${quote(schema + name)}`);
  }
  for (const { name, on } of found.lacking) {
    await ask(`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${quote(name)} ON ${quote(table)} ${on}`);
  }
  if (found.schema < SCHEMA) await markSchema(ask, table);
}

async function createNew(ask: Ask, table: string): Promise<void> {
  const layout = Object.entries(columns).map(
    ([name, { takesNull }]) => `${name} ${typeOf(name)}${takesNull ? "" : " NOT NULL"}`,
  );
  const indexes = indexesOf(table).map(
    ({ name, on }) => `CREATE INDEX IF NOT EXISTS ${quote(name)} ON ${quote(table)} ${on}`,
  );
  // Statements that are sent together are one transaction. Its lock makes servers that create the table wait for each other.
  await ask(`
    SELECT pg_advisory_xact_lock(7102015);
    CREATE TABLE IF NOT EXISTS ${quote(table)} (${layout.join(", ")}, PRIMARY KEY (id)) WITH (fillfactor = 90);
    ${indexes.join("; ")};
    COMMENT ON TABLE ${quote(table)} IS '${SCHEMA_MARK}'`);
}

const typeOf = (column: string) => `${columns[column]?.type}${column === "user_id" ? ' COLLATE "C"' : ""}`;

/** A change that waits for a lock makes all later statements wait behind it, so it waits only for a moment, again and again. */
async function whenUnlocked(ask: Ask, change: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await ask(`SET LOCAL lock_timeout = '500ms'; ${change}`);
      return;
    } catch (error) {
      if (codeOf(error) !== LOCK_NOT_AVAILABLE || tries === LOCK_TRIES) throw error;
    }
    await wait(250 + Math.random() * 500);
  }
}

/** The table serves without its mark too, so a user who does not own it may leave it unmarked. */
async function markSchema(ask: Ask, table: string): Promise<void> {
  try {
    await whenUnlocked(ask, `COMMENT ON TABLE ${quote(table)} IS '${SCHEMA_MARK}'`);
  } catch (error) {
    if (codeOf(error) !== "42501") throw error;
  }
}
