/** A process of its own that raises the number in one session by compare-and-set: `… postgres|mysql url table id times`. */

import type { StoreId } from "coatcheck";
import { type MysqlPool, mysqlStore } from "coatcheck/mysql";
import { postgresStore } from "coatcheck/postgres";
import mysql from "mysql2/promise";
import pg from "pg";

const [kind, url = "", table = "", id, times] = process.argv.slice(2);
const pool = kind === "postgres" ? new pg.Pool({ connectionString: url }) : mysql.createPool(url);
const store =
  kind === "postgres"
    ? postgresStore({ pool: pool as pg.Pool, table })
    : mysqlStore({ pool: pool as MysqlPool, table });

for (let raised = 0; raised < Number(times); ) {
  const call = { signal: AbortSignal.timeout(20_000), now: Date.now() };
  const found = await store.read(id as StoreId, call);
  if (found === null || found === "moved") throw new Error(`The session was read as ${found}.`);
  const version = Math.floor(Math.random() * 2 ** 53);
  const next = { ...found, data: String(Number(found.data) + 1), version };
  if ((await store.update(id as StoreId, next, found.version, call)) === "saved") raised++;
}
await pool.end();
