import { type MysqlPool, mysqlStore } from "coatcheck/mysql";
import { testStore } from "coatcheck/testing";
import { createPool as createCallbackPool } from "mysql2";
import mysql from "mysql2/promise";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { mariadb } from "../servers/mariadb.ts";
import { describeWithServer } from "../servers/suite.ts";
import { call, describeSqlStore, newId, newTable, record, tablesOf } from "./suites/sql.ts";

/** Pools with options, and connections with settings, that must make no difference. */
const variants: Record<string, { pool?: mysql.PoolOptions; set?: string }> = {
  "as it comes": {},
  "with pools that are SERIALIZABLE, and forgive nothing stale": {
    set: "tx_isolation = 'SERIALIZABLE', innodb_snapshot_isolation = ON",
  },
  "with pools that are READ COMMITTED, speak latin1, are not strict and read other types": {
    pool: {
      charset: "latin1",
      supportBigNumbers: true,
      bigNumberStrings: true,
      nestTables: true,
      typeCast: false,
      namedPlaceholders: true,
      flags: ["-FOUND_ROWS"],
    },
    set: "tx_isolation = 'READ-COMMITTED', sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
  },
};

describeWithServer(mariadb, (server) => {
  const own = !process.env[mariadb.variable];
  const urlAt = (changes: Partial<URL>) => Object.assign(new URL(server().url), changes).href;

  const pools = new Map<string, mysql.Pool>();
  afterAll(() => Promise.all([...pools.values()].map((pool) => pool.end())));
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

  const tables = tablesOf(
    (table) => mysqlStore({ pool: poolOf("as it comes", "here"), table }).createTable(),
    (table) => poolOf("as it comes", "here").query(`DELETE FROM ${table}`),
  );

  for (const variant of Object.keys(variants)) {
    testStore(
      `mysql, ${variant}`,
      async () => {
        const [pool, second] = [poolOf(variant, "here"), poolOf(variant, "elsewhere")];
        const table = await tables.take();
        const store = mysqlStore({ pool, table });
        return {
          store,
          elsewhere: mysqlStore({ pool: second, table }),
          async peek(id) {
            const sql = `SELECT CONCAT_WS(' ', data, user_id, HEX(moved_to)) FROM ${table} WHERE id = UNHEX('${id}')`;
            const [rows] = await pool.query({ sql, rowsAsArray: true, nestTables: false, typeCast: true });
            return String((rows as unknown[][])[0]?.[0] ?? "").toLowerCase();
          },
          dispose: () => tables.giveBack(table),
        };
      },
      { describe, it },
    );
  }

  describeSqlStore(
    {
      name: "mysql",
      own,
      literal: (id) => `UNHEX('${id}')`,
      docs: "docs/stores/mysql.md",
      shortenUserIds: (table) => `ALTER TABLE ${table} MODIFY user_id VARBINARY(20)`,
      dropIndex: (table, index) =>
        `ALTER TABLE ${table} DROP ${index === "PRIMARY" ? "PRIMARY KEY" : `INDEX ${index}`}`,
      indexesOf: (table) =>
        `SELECT DISTINCT index_name AS name FROM information_schema.statistics WHERE table_name = '${table}'`,
      fill: (table, count) =>
        `INSERT INTO ${table} SELECT UNHEX(SHA2(seq, 256)), '{}', seq, seq, seq, NULL, seq, NULL, 1, NULL FROM seq_1_to_${count}`,
      blocked: (table) =>
        `SELECT id AS pid FROM information_schema.processlist WHERE command = 'Execute' AND info LIKE '%${table}%'`,
      end: (pid) => `KILL ${pid}`,
      markOf: (table) =>
        `SELECT table_comment AS mark FROM information_schema.tables WHERE table_name = '${table}'`,
      setMark: (table, mark) => `ALTER TABLE ${table} COMMENT = '${mark}'`,
      open(table, { port = server().port, connections = 10 } = {}) {
        const pool = mysql.createPool({ uri: urlAt({ port: `${port}` }), connectionLimit: connections });
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

  describe("mysqlStore", () => {
    const pool = () => poolOf("as it comes", "here");
    let table = "";
    beforeEach(async () => {
      table = await tables.take();
    });
    afterEach(() => tables.giveBack(table));

    it("takes a pool of mysql2 too, and nothing else", async () => {
      const callbacks = createCallbackPool(server().url);
      await mysqlStore({ pool: callbacks, table }).check(call());
      await callbacks.promise().end();
      for (const wrong of [undefined, null, {}, "mysql://localhost"]) {
        expect(() => mysqlStore({ pool: wrong as never })).toThrow(
          "The option pool takes a pool of mysql2/promise.",
        );
      }
    });

    it("takes one round trip for a verb, two where a write finds nothing to change, four to rotate", async () => {
      let asked = 0;
      const counting: MysqlPool = {
        async getConnection() {
          const connection = await pool().getConnection();
          return {
            execute(statement) {
              asked++;
              return connection.execute(statement);
            },
            query(sql) {
              asked++;
              return connection.query(sql);
            },
            release: () => connection.release(),
            destroy: () => connection.destroy(),
          };
        },
      };
      const store = mysqlStore({ pool: counting, table });
      const roundTrips = async (work: Promise<unknown>) => {
        asked = 0;
        await work;
        return asked;
      };
      const [id, to, first, second] = [newId(), newId(), record(), record()];
      expect(await roundTrips(store.create(id, first, call()))).toBe(1);
      expect(await roundTrips(store.read(id, call()))).toBe(1);
      expect(await roundTrips(store.update(id, second, first.version, call()))).toBe(1);
      expect(await roundTrips(store.update(id, second, first.version, call()))).toBe(2);
      expect(await roundTrips(store.touch(id, Date.now() + 9e6, second.version, call()))).toBe(1);
      expect(await roundTrips(store.rotate(id, to, first, second.version, call()))).toBe(4);
      expect(await roundTrips(store.delete(to, call()))).toBe(1);
      expect(await roundTrips(store.delete(to, call()))).toBe(2);

      // Reads of one turn share a statement, and each has its own outcome by its own clock.
      const over = record({ userId: "ann", data: '"ж"' });
      await store.create(to, over, call());
      const ids = [to, to, newId(), id, newId()];
      const reads = Promise.all(
        ids.map((id, n) => store.read(id, call(10_000, n === 1 ? over.expiresAt : Date.now()))),
      );
      expect(await roundTrips(reads)).toBe(1);
      expect(await reads).toEqual([over, null, null, "moved", null]);

      // And so do touches and deletes.
      const some = Array.from({ length: 5 }, newId);
      await Promise.all(some.map((id) => store.create(id, first, call())));
      const touches = some.map((id) => () => store.touch(id, Date.now() + 9e6, first.version, call()));
      expect(await roundTrips(Promise.all(touches.map((touch) => touch())))).toBe(1);
      expect(await roundTrips(Promise.all(some.map((id) => store.delete(id, call()))))).toBe(1);
      expect(await Promise.all(some.map((id) => store.read(id, call())))).toEqual(some.map(() => null));
    });

    it("refuses a user id that would be cut", async () => {
      const store = mysqlStore({ pool: pool(), table });
      const userId = "ж".repeat(601);
      const refused = [
        () => store.create(newId(), record({ userId }), call()),
        () => store.update(newId(), record({ userId }), 1, call()),
        () => store.rotate(newId(), newId(), record({ userId }), 1, call()),
        () => store.listUser(userId, call()),
      ];
      for (const verb of refused) {
        await expect(verb()).rejects.toThrow("mysqlStore takes user ids of at most 1200 bytes in UTF-8.");
      }
      expect(await store.create(newId(), record({ userId: "ж".repeat(600) }), call())).toBe(true);
    });

    it("finds sessions by id, user and end through indexes", async () => {
      await pool().query(
        `INSERT INTO ${table} SELECT UNHEX(SHA2(seq, 256)), '', seq, seq, seq, NULL, seq, NULL, 1, NULL FROM seq_1_to_5000`,
      );
      await pool().query(`ANALYZE TABLE ${table}`);
      const plan = async (text: string) => JSON.stringify((await pool().query(`EXPLAIN ${text}`))[0]);
      expect(
        await plan(`UPDATE ${table} SET data = '' WHERE id = UNHEX(SHA2(7, 256)) AND expires_at > 0`),
      ).toMatch(/"key":"PRIMARY"/);
      expect(await plan(`SELECT id FROM ${table} WHERE user_id = '7' AND expires_at > 0`)).toContain(
        `"key":"${table}_user_id"`,
      );
      const oldest = `SELECT id FROM ${table} WHERE expires_at <= 4000 ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED`;
      expect(await plan(oldest)).toContain(`"key":"${table}_expires_at"`);
    });

    it.runIf(own)("can live in another database, where check says what the user may not do", async () => {
      await pool().query("CREATE DATABASE web");
      await pool().query("CREATE USER visitor@'127.0.0.1'");
      const store = mysqlStore({ pool: pool(), table: "web.sessions" });
      await expect(store.check(call())).rejects.toThrow(/There is no table web.sessions/);
      await store.createTable();
      await store.check(call());

      await pool().query("GRANT SELECT, UPDATE, DELETE ON web.sessions TO visitor@'127.0.0.1'");
      const visiting = mysql.createPool(urlAt({ username: "visitor" }));
      const visitor = mysqlStore({ pool: visiting, table: "web.sessions" });
      await expect(visitor.check(call())).rejects.toThrow(/GRANT SELECT, INSERT, UPDATE, DELETE/);
      await pool().query("GRANT INSERT ON web.sessions TO visitor@'127.0.0.1'");
      await visitor.check(call());
      await visitor.createTable();
      await visiting.end();
      await pool().query("DROP USER visitor@'127.0.0.1'");
      await pool().query("DROP DATABASE web");
    });

    // Reports: TarsCloud/TarsWeb#49, chill117/express-mysql-session#128.
    it("says in check that table or connections cannot keep its promises", async () => {
      const mended = newTable();
      const store = mysqlStore({ pool: pool(), table: mended });
      await store.createTable();
      await pool().query(`ALTER TABLE ${mended} MODIFY user_id VARCHAR(300)`);
      await expect(store.check(call())).rejects.toThrow(/has not the columns/);
      await pool().query(`ALTER TABLE ${mended} MODIFY user_id VARBINARY(1200), ENGINE = Aria`);
      await expect(store.check(call())).rejects.toThrow(/is kept by Aria, which has no transactions/);
      await pool().query(`ALTER TABLE ${mended} ENGINE = InnoDB`);
      await store.check(call());
      await pool().query(`DROP TABLE ${mended}`);

      const manual = createCallbackPool(server().url);
      manual.on("connection", (connection) => connection.query("SET autocommit = 0"));
      await expect(mysqlStore({ pool: manual, table }).check(call())).rejects.toThrow(
        /do not commit by themselves/,
      );
      await manual.promise().end();
    });
  });
});
