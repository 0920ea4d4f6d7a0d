/** The blocks of docs/orms.md: each makes the table with the tool of its ORM, and keeps the store contract on its connection. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type LibsqlStoreOptions, libsqlStore } from "coatcheck/libsql";
import { type MysqlStoreOptions, mysqlStore } from "coatcheck/mysql";
import { type PostgresStoreOptions, postgresStore } from "coatcheck/postgres";
import { testStore } from "coatcheck/testing";
import mysql from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, test, vi } from "vitest";
import { installed } from "../runtimes/install.ts";
import { mariadb } from "../servers/mariadb.ts";
import { postgres } from "../servers/postgres.ts";
import { describeWithServer } from "../servers/suite.ts";
import { call, newId, record } from "../stores/suites/sql.ts";

/** What the last block has given to its store. */
const given = vi.hoisted(() => ({ options: {} as object }));

/** The factory of a store, which notes what it is given. */
const noting = vi.hoisted(
  () =>
    <Options extends object, Store>(make: (options: Options) => Store) =>
    (options: Options) => {
      if (!("table" in options)) given.options = options;
      return make(options);
    },
);

vi.mock("coatcheck/postgres", async (original) => {
  const { postgresStore } = await original<typeof import("coatcheck/postgres")>();
  return { postgresStore: noting(postgresStore) };
});
vi.mock("coatcheck/mysql", async (original) => {
  const { mysqlStore } = await original<typeof import("coatcheck/mysql")>();
  return { mysqlStore: noting(mysqlStore) };
});
vi.mock("coatcheck/libsql", async (original) => {
  const { libsqlStore } = await original<typeof import("coatcheck/libsql")>();
  return { libsqlStore: noting(libsqlStore) };
});

const folder = new URL("orms/", import.meta.url);
const here = (path: string) => fileURLToPath(new URL(path, folder));
const node = (...args: string[]) =>
  promisify(execFile)(process.execPath, args, {
    cwd: here("."),
    // The client is generated without an engine, and Prisma's command would download one first.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
  }).catch(({ stdout, stderr }) => {
    throw new Error(stdout + stderr);
  });

interface Orm {
  migrate(): Promise<unknown>;
  /** The users of all sessions, read by the ORM. */
  users(): Promise<(string | null)[]>;
  close(): Promise<unknown>;
}

let tables = 0;
const newTable = () => `sessions_${++tables}`;

beforeAll(async () => {
  await installed(folder);
  rmSync(here("docs"), { recursive: true, force: true });
  mkdirSync(here("docs"));
  const page = readFileSync(new URL("../../docs/orms.md", import.meta.url), "utf8");
  for (const [, file, code] of page.matchAll(/^```\w+ ([\w.-]+)\n(.*?)^```$/gms)) {
    writeFileSync(here(`docs/${file}`), code as string);
  }
  await node(here("node_modules/prisma/build/index.js"), "generate");
});
afterAll(() => rmSync(here("docs"), { recursive: true, force: true }));

test("the blocks compile", { timeout: 120_000 }, async () => {
  await node(
    fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url)),
    "-p",
    here("."),
  );
});

describeWithServer(postgres, (server) => {
  describe.each(["drizzle", "kysely", "knex", "prisma", "typeorm", "mikro-orm", "sequelize"])(
    "%s",
    (name) => {
      let orm: Orm;
      let pool: PostgresStoreOptions["pool"];
      let beside: pg.Pool;

      beforeAll(async () => {
        const url = new URL(server().url);
        const admin = new pg.Client(url.href);
        await admin.connect();
        await admin.query(`CREATE DATABASE "orm_${name}"`);
        await admin.end();
        url.pathname = `/orm_${name}`;
        process.env.DATABASE_URL = url.href;
        orm = (await import(`./orms/${name}.ts`)) as Orm;
        ({ pool } = given.options as PostgresStoreOptions);
        await orm.migrate();
        beside = new pg.Pool({ connectionString: url.href });
      });
      afterAll(async () => {
        await orm?.close();
        await beside?.end();
      });

      test("makes a table that the store accepts, and reads it", async () => {
        const store = postgresStore({ pool });
        await store.check(call());
        await store.create(newId(), record({ userId: "ann" }), call());
        expect(await orm.users()).toEqual(["ann"]);
        await store.createTable();
      });

      testStore(
        name,
        async () => {
          const table = newTable();
          // A table like the one that the ORM's tool has made.
          await beside.query(`CREATE TABLE ${table} (LIKE coatcheck_sessions INCLUDING ALL)`);
          return {
            store: postgresStore({ pool, table }),
            elsewhere: postgresStore({ pool: beside, table }),
            async peek(id) {
              const text = `SELECT concat_ws(' ', data, user_id, encode(moved_to, 'hex')) AS all FROM ${table} WHERE id = $1`;
              return (await beside.query(text, [`\\x${id}`])).rows[0]?.all ?? "";
            },
          };
        },
        { describe, it },
      );
    },
  );
});

describeWithServer(mariadb, (server) => {
  let pool: MysqlStoreOptions["pool"];
  let beside: mysql.Pool;
  beforeAll(async () => {
    process.env.DATABASE_URL = server().url;
    await import(here("docs/drizzle-mysql.ts"));
    ({ pool } = given.options as MysqlStoreOptions);
    beside = mysql.createPool(server().url);
  });
  afterAll(() => beside?.end());

  testStore(
    "drizzle-mysql",
    async () => {
      const table = newTable();
      const store = mysqlStore({ pool, table });
      await store.createTable();
      return {
        store,
        elsewhere: mysqlStore({ pool: beside, table }),
        async peek(id) {
          const sql = `SELECT CONCAT_WS(' ', data, user_id, LOWER(HEX(moved_to))) FROM ${table} WHERE id = UNHEX('${id}')`;
          const [rows] = await beside.query({ sql, rowsAsArray: true });
          return String((rows as unknown[][])[0]?.[0] ?? "");
        },
      };
    },
    { describe, it },
  );
});

describe("libSQL", () => {
  let client: LibsqlStoreOptions["client"];
  beforeAll(async () => {
    process.env.DATABASE_URL = `file:${here("docs/site.db")}`;
    await import(here("docs/drizzle-libsql.ts"));
    ({ client } = given.options as LibsqlStoreOptions);
  });

  testStore(
    "drizzle-libsql",
    async () => {
      const table = newTable();
      const store = libsqlStore({ client, table });
      await store.createTable();
      return {
        store,
        elsewhere: libsqlStore({ client, table }),
        async peek(id) {
          const sql = `SELECT concat_ws(' ', data, user_id, moved_to) AS found FROM ${table} WHERE id = ?`;
          const [row] = (await client.execute({ sql, args: [id] })).rows;
          return String((row as { found?: string } | undefined)?.found ?? "");
        },
      };
    },
    { describe, it },
  );
});
