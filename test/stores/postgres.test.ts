import { postgresStore } from "coatcheck/postgres";
import { testStore } from "coatcheck/testing";
import pg from "pg";
import { describe, expect, it } from "vitest";
import type { StoreId } from "../../src/store.ts";
import { postgres } from "../servers/postgres.ts";
import { describeWithServer } from "../servers/suite.ts";
import { call, describeSqlStore, newId, newTable, record } from "./sql-suite.ts";

/** Pools and options that must make no difference. */
const variants: Record<string, { pool?: pg.PoolConfig; namedStatements?: boolean }> = {
  "as it comes": {},
  "with named statements": { namedStatements: true },
  "with pools that are REPEATABLE READ": { pool: isolation("repeatable read") },
  "with pools that are SERIALIZABLE": { pool: isolation("serializable"), namedStatements: true },
  "with pools that read other types": {
    pool: {
      types: {
        getTypeParser: (oid: number) => (text: string) => (oid === 20 ? BigInt(text) : text),
      } as never,
    },
  },
};

function isolation(level: string): pg.PoolConfig {
  return { options: `-c default_transaction_isolation=${level.replace(" ", "\\ ")}` };
}

describeWithServer(postgres, (server) => {
  const pools = new Map<string, pg.Pool>();
  const poolOf = (variant: string, which: string) => {
    const key = `${variant} ${which}`;
    const config = {
      connectionString: server().url,
      max: 8,
      allowExitOnIdle: true,
      ...variants[variant]?.pool,
    };
    pools.set(key, pools.get(key) ?? new pg.Pool(config));
    return pools.get(key) as pg.Pool;
  };

  for (const [variant, { namedStatements = false }] of Object.entries(variants)) {
    testStore(
      `postgres, ${variant}`,
      async () => {
        const table = newTable();
        const [pool, second] = [poolOf(variant, "here"), poolOf(variant, "elsewhere")];
        const store = postgresStore({ pool, table, namedStatements });
        await store.createTable();
        return {
          store,
          elsewhere: postgresStore({ pool: second, table, namedStatements }),
          async peek(id) {
            const text = `SELECT concat_ws(' ', data, user_id, encode(moved_to, 'hex')) AS all FROM ${table} WHERE id = $1`;
            return (await pool.query(text, [`\\x${id}`])).rows[0]?.all ?? "";
          },
          dispose: () => pool.query(`DROP TABLE ${table}`),
        };
      },
      { describe, it },
    );
  }

  describeSqlStore(
    {
      name: "postgres",
      literal: (id) => `'\\x${id}'`,
      open(table, { port = server().port, connections = 10 } = {}) {
        const pool = new pg.Pool({
          host: "127.0.0.1",
          port,
          user: "postgres",
          database: "postgres",
          max: connections,
        });
        return {
          store: postgresStore({ pool, table }),
          sql: async (text) => (await pool.query(text)).rows,
          async begin() {
            const client = await pool.connect();
            client.on("error", () => {});
            await client.query("BEGIN");
            return {
              sql: (text) => client.query(text),
              end: async () =>
                client.release(
                  await client.query("ROLLBACK").then(
                    () => false,
                    () => true,
                  ),
                ),
            };
          },
          end: () => pool.end(),
        };
      },
    },
    server,
  );
});
