import { mysqlStore } from "coatcheck/mysql";
import { testStore } from "coatcheck/testing";
import { createPool as createCallbackPool } from "mysql2";
import mysql from "mysql2/promise";
import { describe, expect, it } from "vitest";
import { mariadb } from "../servers/mariadb.ts";
import { describeWithServer } from "../servers/suite.ts";
import { call, describeSqlStore, newId, newTable, record } from "./sql-suite.ts";

/** Pools that must make no difference: what their options are, and what is set on each connection. */
const variants: Record<string, { pool?: mysql.PoolOptions; set?: string }> = {
  "as it comes": {},
  "with pools that are READ COMMITTED": { set: "tx_isolation = 'READ-COMMITTED'" },
  "with pools that are SERIALIZABLE, and forgive nothing stale": {
    set: "tx_isolation = 'SERIALIZABLE', innodb_snapshot_isolation = ON",
  },
  "with pools that speak latin1, are not strict and read other types": {
    pool: {
      charset: "latin1",
      supportBigNumbers: true,
      bigNumberStrings: true,
      nestTables: true,
      typeCast: false,
      namedPlaceholders: true,
      flags: ["-FOUND_ROWS"],
    },
    set: "sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
  },
};

describeWithServer(mariadb, (server) => {
  const pools = new Map<string, mysql.Pool>();
  const poolOf = (variant: string, which: string) => {
    const key = `${variant} ${which}`;
    const known = pools.get(key);
    if (known) return known;
    const { pool: options, set } = variants[variant] ?? {};
    const pool = createCallbackPool({ uri: server().url, connectionLimit: 8, ...options });
    if (set) pool.on("connection", (connection) => connection.query(`SET ${set}`));
    pools.set(key, pool.promise());
    return pool.promise();
  };

  for (const variant of Object.keys(variants)) {
    testStore(
      `mysql, ${variant}`,
      async () => {
        const table = newTable();
        const [pool, second] = [poolOf(variant, "here"), poolOf(variant, "elsewhere")];
        const store = mysqlStore({ pool, table });
        await store.createTable();
        return {
          store,
          elsewhere: mysqlStore({ pool: second, table }),
          async peek(id) {
            const sql = `SELECT CONCAT_WS(' ', data, user_id, HEX(moved_to)) FROM ${table} WHERE id = UNHEX('${id}')`;
            const [rows] = await pool.query({ sql, rowsAsArray: true, nestTables: false, typeCast: true });
            return String((rows as unknown[][])[0]?.[0] ?? "").toLowerCase();
          },
          dispose: () => pool.query(`DROP TABLE ${table}`),
        };
      },
      { describe, it },
    );
  }

  describeSqlStore(
    {
      name: "mysql",
      literal: (id) => `UNHEX('${id}')`,
      open(table, { port = server().port, connections = 10 } = {}) {
        const pool = mysql.createPool({
          host: "127.0.0.1",
          port,
          user: "root",
          database: "test",
          connectionLimit: connections,
        });
        return {
          store: mysqlStore({ pool, table }),
          sql: async (text) => (await pool.query(text))[0] as Record<string, unknown>[],
          async begin() {
            const connection = await pool.getConnection();
            await connection.query("START TRANSACTION");
            return {
              sql: (text) => connection.query(text),
              end: async () => {
                await connection.query("ROLLBACK").catch(() => connection.destroy());
                connection.release();
              },
            };
          },
          end: () => pool.end(),
        };
      },
    },
    server,
  );
});
