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
import { type MysqlConnection, numberOf, rowsOf } from "./connection.ts";

/** 300 characters of four bytes. */
export const USER_ID_BYTES = 1200;

/** With other column types, ids or user ids would not compare exactly, or data would be cut. */
const columns: Columns = {
  id: { type: "binary(32)", takesNull: false },
  data: { type: "longtext character set utf8mb4", takesNull: false },
  version: { type: "bigint", takesNull: false },
  user_id: { type: `varbinary(${USER_ID_BYTES})`, takesNull: true },
  created_at: { type: "bigint", takesNull: false },
  authenticated_at: { type: "bigint", takesNull: true },
  expires_at: { type: "bigint", takesNull: false },
  expiry: { type: "double", takesNull: true },
  format: { type: "bigint", takesNull: false },
  moved_to: { type: "binary(32)", takesNull: true },
};

export const anyRecord: StoredRecord = {
  data: "",
  version: 0,
  userId: null,
  createdAt: 0,
  authenticatedAt: null,
  expiresAt: 0,
  expiry: null,
  format: 1,
};

const [NO_SUCH_TABLE, TABLE_ACCESS_DENIED, NO_SUCH_COLUMN] = [1146, 1142, 1054];

/** ER_DUP_FIELDNAME and ER_DUP_KEYNAME: another server has made the same change. */
const ALREADY_THERE = [1060, 1061];

const LOCK_WAIT_TIMEOUT = 1205;

/** How often a change of the table waits for its lock, a second each, before it is given up. */
const LOCK_TRIES = 15;

export const quote = (table: string) => table.replace(/\w+/g, "`$&`");

/** What to do about an error of `check`; undefined if the error itself says it better. */
export function adviceOn(errorNumber: number, table: string): string | undefined {
  if (errorNumber === NO_SUCH_TABLE) return noTable(table);
  if (errorNumber === TABLE_ACCESS_DENIED) {
    return `The pool's user may not use the table ${table}: GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO that user.`;
  }
  return errorNumber === NO_SUCH_COLUMN ? cannotHoldSessions(table, "mysqlStore", []) : undefined;
}

function indexesOf(table: string) {
  const name = table.split(".").at(-1);
  return [
    { name: `${name}_expires_at`, on: "(expires_at)" },
    { name: `${name}_user_id`, on: "(user_id)" },
  ];
}

/** The state of an existing table; null where there is none, or none that the pool's user may see. */
async function inspect(connection: MysqlConnection, table: string) {
  const [name = "", database = null] = table.split(".").reverse();
  const where = "WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
  const shape = await rowsOf(
    connection,
    `SELECT column_name, column_type, character_set_name, is_nullable, column_default, extra, engine,
      table_comment
    FROM information_schema.tables JOIN information_schema.columns USING (table_schema, table_name) ${where}`,
    [database, name],
  );
  if (shape.length === 0) return null;
  const found: Record<string, Columns[string]> = {};
  for (const [column, type, characters, isNullable, preset, extra] of shape) {
    const text = characters === null ? "" : ` character set ${characters}`;
    found[String(column)] = {
      // Older servers show a width of numbers for display, which means nothing.
      type: String(type).replace(/^(bigint|double)\([\d,]+\)/, "$1") + text,
      takesNull: isNullable === "YES",
      hasDefault: preset !== null || /auto_increment|generated/i.test(String(extra)),
    };
  }
  const { missing, faults } = compareColumns(columns, found);

  const parts = await rowsOf(
    connection,
    `SELECT index_name, non_unique, GROUP_CONCAT(column_name) FROM information_schema.statistics ${where}
    GROUP BY index_name, non_unique`,
    [database, name],
  );
  if (!parts.some(([, isNotUnique, on]) => Number(isNotUnique) === 0 && on === "id")) {
    faults.push("id is not its primary key");
  }
  const names = new Set(parts.map(([index]) => index));
  return {
    missing,
    faults,
    engine: shape[0]?.[6],
    schema: schemaOf(shape[0]?.[7]),
    lacking: indexesOf(table).filter(({ name }) => !names.has(name)),
  };
}

type Found = NonNullable<Awaited<ReturnType<typeof inspect>>>;

function refuseUnfit({ faults, engine }: Found, table: string): void {
  if (faults.length > 0) throw new Error(cannotHoldSessions(table, "mysqlStore", faults));
  if (engine !== "InnoDB") {
    throw new Error(
      `The table ${table} is kept by ${engine}, which has no transactions: ALTER TABLE ${table} ENGINE = InnoDB.`,
    );
  }
}

/**
 * Rejects, saying what to do, where the table cannot hold sessions or the connection breaks a promise of the store. Says
 * nothing of a table that is not there or may not be seen: the server says which, at the first statement.
 */
export async function checkTable(connection: MysqlConnection, table: string): Promise<void> {
  const found = await inspect(connection, table);
  if (found === null) return;
  refuseUnfit(found, table);
  if (found.missing.length > 0) throw new Error(isOlder(table, found.missing));
  const [[autocommit] = []] = await rowsOf(connection, "SELECT @@autocommit", []);
  if (Number(autocommit) !== 1) {
    throw new Error("The pool's connections do not commit by themselves: let them have autocommit = 1.");
  }
}

/**
 * Creates the table where it is missing, and brings an older one up to date while the site runs: the change waits only for
 * moments when no other transaction is in the way, and lets reads and writes go on. Where all is there it only looks.
 */
export async function createTable(connection: MysqlConnection, table: string): Promise<void> {
  const found = await inspect(connection, table);
  if (found === null) return await createNew(connection, table);
  refuseUnfit(found, table);
  const changes = [
    ...found.missing.map((name) => `ADD COLUMN ${name} ${typeOf(name)}`),
    ...found.lacking.map(({ name, on }) => `ADD INDEX ${quote(name)} ${on}`),
  ];
  const mark = found.schema < SCHEMA ? [`COMMENT = '${SCHEMA_MARK}'`] : [];
  if (changes.length + mark.length === 0) return;
  const alter = `ALTER TABLE ${quote(table)} ${[...changes, ...mark].join(", ")}, ALGORITHM = INPLACE, LOCK = NONE`;
  try {
    await whenUnlocked(connection, alter);
  } catch (error) {
    // The table serves without its mark too, so a user who may not alter it may leave it unmarked.
    if (numberOf(error) === TABLE_ACCESS_DENIED && changes.length === 0) return;
    if (!ALREADY_THERE.includes(numberOf(error))) throw error;
  }
}

async function createNew(connection: MysqlConnection, table: string): Promise<void> {
  const layout = Object.entries(columns).map(
    ([name, { takesNull }]) => `${name} ${typeOf(name)}${takesNull ? "" : " NOT NULL"}`,
  );
  const indexes = indexesOf(table).map(({ name, on }) => `INDEX ${quote(name)} ${on}`);
  await connection.query(`
    CREATE TABLE IF NOT EXISTS ${quote(table)} (${[...layout, "PRIMARY KEY (id)", ...indexes].join(", ")})
    ENGINE = InnoDB ROW_FORMAT = DYNAMIC COMMENT = '${SCHEMA_MARK}'`);
}

const typeOf = (column: string) =>
  `${columns[column]?.type}${column === "data" ? " collate utf8mb4_bin" : ""}`;

/** A change that waits for its lock makes all later statements wait behind it, so it waits only for a moment, again and again. */
async function whenUnlocked(connection: MysqlConnection, change: string): Promise<void> {
  const [[before] = []] = await rowsOf(connection, "SELECT @@lock_wait_timeout", []);
  await connection.query("SET SESSION lock_wait_timeout = 1");
  try {
    for (let tries = 1; ; tries++) {
      try {
        await connection.query(change);
        return;
      } catch (error) {
        if (numberOf(error) !== LOCK_WAIT_TIMEOUT || tries === LOCK_TRIES) throw error;
      }
      await wait(250 + Math.random() * 500);
    }
  } finally {
    await connection.query(`SET SESSION lock_wait_timeout = ${Number(before)}`);
  }
}
