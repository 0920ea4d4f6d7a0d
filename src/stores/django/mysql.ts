import { borrow } from "../calls/borrow.ts";
import { changesOf, DUPLICATE, lenderOf, type MysqlPool, numberOf, rowsOf } from "../mysql/connection.ts";
import type { Connection } from "./connection.ts";

export function mysqlConnection(pool: MysqlPool | { promise(): MysqlPool }): Connection {
  const lender = lenderOf(pool);
  return {
    dialect: {
      datesHaveOffset: false,
      quote: (name) => `\`${name}\``,
      asText: (expression) => `CAST(${expression} AS CHAR)`,
      dateAsText: (column) => `DATE_FORMAT(${column}, '%Y-%m-%d %H:%i:%s.%f')`,
      // The first comparison finds the row by its index, but ignores case and trailing spaces.
      equals: (column) => `${column} = ? AND CAST(${column} AS BINARY) = CAST(? AS BINARY)`,
      deleteExpired: (table, limit) =>
        `DELETE FROM ${table} WHERE expire_date <= ? AND expire_date <= ? ORDER BY expire_date LIMIT ${limit}`,
    },
    rows: (sql, values, signal) =>
      borrow(lender, signal, (connection) => rowsOf(connection, sql, [...values])),
    change: (sql, values, signal, repeatInDoubt = true) =>
      borrow(lender, signal, (connection) => changesOf(connection, sql, [...values]), { repeatInDoubt }),
    insert: (sql, values, signal) =>
      borrow(
        lender,
        signal,
        async (connection) => {
          try {
            return (await changesOf(connection, sql, [...values])) === 1;
          } catch (error) {
            if (numberOf(error) === DUPLICATE) return false;
            throw error;
          }
        },
        { repeatInDoubt: false },
      ),
    isOtherType: () => false,
    close() {},
  };
}
