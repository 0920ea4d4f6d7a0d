/** The table of sessions in a SQLite database, whatever reaches the database: its columns, and the way to see whether it can hold sessions. */
import {
  type Column,
  type Columns,
  cannotHoldSessions,
  compareColumns,
  isOlder,
  SCHEMA,
  SCHEMA_MARK,
  schemaOf,
} from "./table-shape.ts";

export type SqliteValue = string | number | null;

/** A statement with the values of its places. */
export interface Sql {
  readonly sql: string;
  readonly args: SqliteValue[];
}

/** What a statement has read: each column has a name of its own. */
export type Rows = readonly unknown[];

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

/** Whether a text can be the name of the table. */
export const isTableName = (table: string) => /^(?!sqlite_)[a-z_][a-z0-9_]{0,62}$/i.test(table);

export const TABLE_NAME =
  "a name of at most 63 letters, digits and _, beginning with no digit and not sqlite_";

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

/** The three statements whose rows `stateOf` reads. */
export function inspection(table: string): Sql[] {
  return [
    {
      sql: 'SELECT name, type, "notnull", dflt_value AS preset, hidden FROM pragma_table_xinfo(?)',
      args: [table],
    },
    {
      sql: `SELECT list.name, list."unique" AND NOT list.partial AS isUnique, part.name AS "column", part.coll AS collation
        FROM pragma_index_list(?) AS list JOIN pragma_index_xinfo(list.name) AS part WHERE part.key`,
      args: [table],
    },
    {
      sql: "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ? COLLATE NOCASE",
      args: [markOf(table)],
    },
  ];
}

export interface TableState {
  readonly missing: readonly string[];
  readonly faults: readonly string[];
  readonly schema: number;
  readonly lacking: ReturnType<typeof indexesOf>;
}

/** The state of an existing table; null where there is none. */
export function stateOf(
  [shape = [], parts = [], marks = []]: readonly Rows[],
  table: string,
): TableState | null {
  if (shape.length === 0) return null;
  const found: Record<string, Column> = {};
  for (const { name, type, notnull, preset, hidden } of shape as Shape[]) {
    found[name] = {
      type: type.toUpperCase(),
      takesNull: Number(notnull) === 0,
      hasDefault: preset !== null || Number(hidden) > 0,
    };
  }
  const { missing, faults } = compareColumns(columns, found);

  const keys = parts as Part[];
  const isKey = ({ name, isUnique }: Part) =>
    Number(isUnique) === 1 && keys.every((part) => part.name !== name || part.column === "id");
  if (!keys.some(isKey)) faults.push("id is not its primary key");
  if (keys.some(({ column, collation }) => column === "user_id" && collation !== "BINARY")) {
    faults.push("user_id does not compare exactly");
  }
  const names = new Set(keys.map(({ name }) => name.toLowerCase()));
  const [mark] = marks as { sql: string }[];
  return {
    missing,
    faults,
    schema: schemaOf(mark?.sql),
    lacking: indexesOf(table).filter(({ name }) => !names.has(name.toLowerCase())),
  };
}

interface Shape {
  readonly name: string;
  readonly type: string;
  readonly notnull: unknown;
  readonly preset: unknown;
  readonly hidden: unknown;
}

interface Part {
  readonly name: string;
  readonly isUnique: unknown;
  readonly column: string;
  readonly collation: string;
}

function refuseUnfit({ faults }: TableState, table: string, store: string): void {
  if (faults.length > 0) throw new Error(cannotHoldSessions(table, store, faults));
}

/** Throws, saying what to do, where the table cannot hold sessions. */
export function refuseUnusable(state: TableState, table: string, store: string, create?: string): void {
  refuseUnfit(state, table, store);
  if (state.missing.length > 0) throw new Error(isOlder(table, state.missing, create));
}

/**
 * The statements that are needed to bring the table up to date; none where all is there. Throws where a table of that name cannot
 * hold sessions.
 */
export function changesFor(state: TableState | null, table: string, store: string): string[] {
  if (state === null) return [create(table), ...indexesOf(table).map(createIndex(table)), ...mark(table)];
  refuseUnfit(state, table, store);
  return [
    ...state.missing.map((name) => `ALTER TABLE ${quote(table)} ADD COLUMN ${name} ${columns[name]?.type}`),
    ...state.lacking.map(createIndex(table)),
    ...(state.schema < SCHEMA ? mark(table) : []),
  ];
}

function create(table: string): string {
  const layout = Object.entries(columns).map(
    ([name, { type, takesNull }]) => `${name} ${type}${takesNull ? "" : " NOT NULL"}`,
  );
  return `CREATE TABLE IF NOT EXISTS ${quote(table)} (${layout.join(", ")}, PRIMARY KEY (id)) STRICT`;
}

const createIndex =
  (table: string) =>
  ({ name, on }: ReturnType<typeof indexesOf>[number]) =>
    `CREATE INDEX IF NOT EXISTS ${quote(name)} ON ${quote(table)} ${on}`;

const mark = (table: string) => [
  `DROP VIEW IF EXISTS ${quote(markOf(table))}`,
  `CREATE VIEW ${quote(markOf(table))} AS SELECT '${SCHEMA_MARK}' AS version`,
];
