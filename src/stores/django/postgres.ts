import { borrow } from "../calls/borrow.ts";
import { codeOf, lenderOf, type PostgresPool } from "../postgres/connection.ts";
import type { Connection, Value } from "./connection.ts";

/** `$1` in the place of `?`. */
function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll("?", () => `$${++count}`);
}

/** Invalid text for the type of the column, and a number beyond its range. */
const OTHER_TYPE = ["22P02", "22003"];

export function postgresConnection(pool: PostgresPool): Connection {
  const lender = lenderOf(pool);
  const ask = (
    sql: string,
    values: readonly Value[],
    signal: Parameters<Connection["rows"]>[2],
    repeatInDoubt = true,
  ) =>
    borrow(
      lender,
      signal,
      (client) => client.query({ text: numbered(sql), values: [...values], rowMode: "array" }),
      {
        repeatInDoubt,
      },
    );
  return {
    dialect: {
      datesHaveOffset: true,
      quote: (name) => `"${name}"`,
      asText: (expression) => `${expression}::text`,
      dateAsText: (column) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')`,
      equals: (column) => `${column} = ?`,
      // Rows that another transaction is writing are passed over. The outer condition looks at each row again.
      deleteExpired: (table, limit) =>
        `DELETE FROM ${table} WHERE expire_date <= ? AND session_key = ANY (ARRAY(SELECT session_key FROM ${table}
          WHERE expire_date <= ? ORDER BY expire_date LIMIT ${limit} FOR UPDATE SKIP LOCKED))`,
    },
    rows: async (sql, values, signal) => (await ask(sql, values, signal)).rows,
    change: async (sql, values, signal, mayRepeat) =>
      (await ask(sql, values, signal, mayRepeat)).rowCount ?? 0,
    insert: async (sql, values, signal) =>
      (await ask(`${sql} ON CONFLICT DO NOTHING`, values, signal, false)).rowCount === 1,
    isOtherType: (error) => OTHER_TYPE.includes(codeOf(error)),
    close() {},
  };
}
