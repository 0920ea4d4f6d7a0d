import type { StoredRecord } from "../../contract/record.ts";
import { type MysqlConnection, numberOf, rowsOf } from "./connection.ts";

/** 300 characters of four bytes. */
export const USER_ID_BYTES = 1200;

/** With other column types, ids or user ids would not compare exactly, or data would be cut. */
const types = {
  id: "binary",
  data: "longtext",
  version: "bigint",
  user_id: "varbinary",
  created_at: "bigint",
  authenticated_at: "bigint",
  expires_at: "bigint",
  expiry: "double",
  format: "bigint",
  moved_to: "binary",
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

export const quote = (table: string) => table.replace(/\w+/g, "`$&`");

/** What to do about an error of `check`; undefined if the error itself says it better. */
export function adviceOn(errorNumber: number, table: string): string | undefined {
  if (errorNumber === NO_SUCH_TABLE) {
    return `There is no table ${table}. Create it once: await store.createTable(), or npx coatcheck create-table.`;
  }
  if (errorNumber === TABLE_ACCESS_DENIED) {
    return `The pool's user may not use the table ${table}: GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO that user.`;
  }
  return errorNumber === NO_SUCH_COLUMN ? wrongColumns(table) : undefined;
}

const wrongColumns = (table: string) =>
  `The table ${table} cannot hold sessions: it has not the columns that mysqlStore gives it. ` +
  "Choose another name by the option table, or drop it and create it anew.";

/** Rejects if every statement runs, but the table or the connection breaks a promise of the store. */
export async function checkTable(connection: MysqlConnection, table: string): Promise<void> {
  const [name = "", database = null] = table.split(".").reverse();
  const sql = `
    SELECT column_name, data_type, engine, @@autocommit
    FROM information_schema.tables JOIN information_schema.columns USING (table_schema, table_name)
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?`;
  const columns = await rowsOf(connection, sql, [database, name]);
  const found = new Map(columns.map(([column, type]) => [column, type]));
  if (Object.entries(types).some(([column, type]) => found.get(column) !== type)) {
    throw new Error(wrongColumns(table));
  }
  const [, , engine, autocommit] = columns[0] ?? [];
  if (engine !== "InnoDB") {
    throw new Error(
      `The table ${table} is kept by ${engine}, which has no transactions: ALTER TABLE ${table} ENGINE = InnoDB.`,
    );
  }
  if (Number(autocommit) !== 1) {
    throw new Error("The pool's connections do not commit by themselves: let them have autocommit = 1.");
  }
}

/** Asks first, so that a database user without the right to create tables can call it too. */
export async function createTable(connection: MysqlConnection, table: string): Promise<void> {
  try {
    await rowsOf(connection, `SELECT 1 FROM ${quote(table)} LIMIT 0`, []);
    return;
  } catch (error) {
    if (numberOf(error) !== NO_SUCH_TABLE) throw error;
  }
  const name = table.split(".").at(-1);
  await connection.query(`
    CREATE TABLE IF NOT EXISTS ${quote(table)} (
      id BINARY(32) NOT NULL PRIMARY KEY, data LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
      version BIGINT NOT NULL, user_id VARBINARY(${USER_ID_BYTES}), created_at BIGINT NOT NULL, authenticated_at BIGINT,
      expires_at BIGINT NOT NULL, expiry DOUBLE, format BIGINT NOT NULL, moved_to BINARY(32),
      INDEX ${name}_expires_at (expires_at), INDEX ${name}_user_id (user_id)
    ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`);
}
