import {
  type Column,
  type Columns,
  cannotHoldSessions,
  compareColumns,
  isOlder,
  SCHEMA,
  SCHEMA_MARK,
  schemaOf,
} from "../sql/table-shape.ts";
import { prepare, type SqliteDatabase, transaction } from "./database.ts";

const columns: Columns = {
  id: { type: "TEXT", takesNull: false },
  data: { type: "TEXT", takesNull: false },
  version: { type: "INTEGER", takesNull: false },
  user_id: { type: "TEXT", takesNull: true },
  created_at: { type: "INTEGER", takesNull: false },
  authenticated_at: { type: "INTEGER", takesNull: true },
  expires_at: { type: "INTEGER", takesNull: false },
  expiry: { type: "REAL", takesNull: true },
  format: { type: "INTEGER", takesNull: false },
  moved_to: { type: "TEXT", takesNull: true },
};

/** A table may be named like a word of SQL, such as `order`. */
export const quote = (table: string) => `"${table}"`;

function indexesOf(table: string) {
  return [
    { name: `${table}_expires_at`, on: "(expires_at)" },
    { name: `${table}_user_id`, on: "(user_id) WHERE user_id IS NOT NULL" },
  ];
}

/** SQLite has no comments on tables, and `user_version` belongs to the whole file: a view keeps the version. */
const markOf = (table: string) => `${table}_schema`;

/** The state of an existing table; null where there is none. */
function inspect(database: SqliteDatabase, table: string) {
  const all = <Row>(sql: string, ...values: string[]) => prepare(database, sql).all(...values) as Row[];
  const shape = all<{ name: string; type: string; notnull: number; preset: unknown; hidden: number }>(
    'SELECT name, type, "notnull", dflt_value AS preset, hidden FROM pragma_table_xinfo(?)',
    table,
  );
  if (shape.length === 0) return null;
  const found: Record<string, Column> = {};
  for (const { name, type, notnull, preset, hidden } of shape) {
    found[name] = {
      type: type.toUpperCase(),
      takesNull: notnull === 0,
      hasDefault: preset !== null || hidden > 0,
    };
  }
  const { missing, faults } = compareColumns(columns, found);

  const parts = all<{ name: string; isUnique: number; column: string; collation: string }>(
    `SELECT list.name, list."unique" AND NOT list.partial AS isUnique, part.name AS "column", part.coll AS collation
    FROM pragma_index_list(?) AS list JOIN pragma_index_xinfo(list.name) AS part WHERE part.key`,
    table,
  );
  const isKey = ({ name, isUnique }: (typeof parts)[number]) =>
    isUnique === 1 && parts.every((part) => part.name !== name || part.column === "id");
  if (!parts.some(isKey)) faults.push("id is not its primary key");
  if (parts.some(({ column, collation }) => column === "user_id" && collation !== "BINARY")) {
    faults.push("user_id does not compare exactly");
  }
  const names = new Set(parts.map(({ name }) => name.toLowerCase()));
  const [mark] = all<{ sql: string }>(
    "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ? COLLATE NOCASE",
    markOf(table),
  );
  return {
    missing,
    faults,
    schema: schemaOf(mark?.sql),
    lacking: indexesOf(table).filter(({ name }) => !names.has(name.toLowerCase())),
  };
}

function refuseUnfit(faults: readonly string[], table: string): void {
  if (faults.length > 0) throw new Error(cannotHoldSessions(table, "sqliteStore", faults));
}

/** Throws, saying what to do, where the table cannot hold sessions. */
export function checkTable(database: SqliteDatabase, table: string): void {
  const found = inspect(database, table);
  refuseUnfit(found?.faults ?? [], table);
  if (found !== null && found.missing.length > 0) throw new Error(isOlder(table, found.missing));
}

/**
 * Creates the table where it is missing, and brings an older one up to date. Throws where a table of that name cannot hold
 * sessions. Where all is there it only reads.
 */
export function createTable(database: SqliteDatabase, table: string): void {
  if (changesFor(database, table).length === 0) return;
  transaction(database, () => {
    // Another process may have made the same changes meanwhile.
    for (const change of changesFor(database, table)) database.exec(change);
  });
}

/** The statements that are needed to bring the table up to date. */
function changesFor(database: SqliteDatabase, table: string): string[] {
  const found = inspect(database, table);
  if (found === null) return [create(table), ...indexesOf(table).map(createIndex(table)), ...mark(table)];
  refuseUnfit(found.faults, table);
  return [
    ...found.missing.map((name) => `ALTER TABLE ${quote(table)} ADD COLUMN ${name} ${columns[name]?.type}`),
    ...found.lacking.map(createIndex(table)),
    ...(found.schema < SCHEMA ? mark(table) : []),
  ];
}

function create(table: string): string {
  const layout = Object.entries(columns).map(
    ([name, { type, takesNull }]) => `${name} ${type}${takesNull ? "" : " NOT NULL"}`,
  );
  return `CREATE TABLE ${quote(table)} (${layout.join(", ")}, PRIMARY KEY (id)) STRICT`;
}

const createIndex =
  (table: string) =>
  ({ name, on }: ReturnType<typeof indexesOf>[number]) =>
    `CREATE INDEX IF NOT EXISTS ${quote(name)} ON ${quote(table)} ${on}`;

const mark = (table: string) => [
  `DROP VIEW IF EXISTS ${quote(markOf(table))}`,
  `CREATE VIEW ${quote(markOf(table))} AS SELECT '${SCHEMA_MARK}' AS version`,
];
