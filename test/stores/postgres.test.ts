import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Store, StoredRecord, StoreId } from "coatcheck";
import { type PostgresClient, type PostgresPool, postgresStore } from "coatcheck/postgres";
import { testStore } from "coatcheck/testing";
import pg from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { abortUnderWay } from "../instruments/abort-under-way.ts";
import { pgbouncer } from "../servers/pgbouncer.ts";
import { postgres } from "../servers/postgres.ts";
import { describeWithServer } from "../servers/suite.ts";
import { call, describeSqlStore, newId, newTable, record, tablesOf } from "./suites/sql.ts";

/** Pools and options that must make no difference. */
const variants: Record<string, { pool?: pg.PoolConfig; namedStatements?: boolean }> = {
  "as it comes": {},
  "with pools that are REPEATABLE READ and read other types": {
    pool: {
      ...isolation("repeatable read"),
      types: {
        getTypeParser: (oid: number) => (text: string) => (oid === 20 ? BigInt(text) : text),
      } as never,
    },
  },
  "with pools that are SERIALIZABLE, and named statements": {
    pool: isolation("serializable"),
    namedStatements: true,
  },
};

function isolation(level: string): pg.PoolConfig {
  return { options: `-c default_transaction_isolation=${level.replace(" ", "\\ ")}` };
}

describeWithServer(postgres, (server) => {
  const own = !process.env[postgres.variable];
  const urlAt = (changes: Partial<URL>) => Object.assign(new URL(server().url), changes).href;

  const pools = new Map<string, pg.Pool>();
  afterAll(() => Promise.all([...pools.values()].map((pool) => pool.end())));
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

  const tables = tablesOf(
    (table) => postgresStore({ pool: poolOf("as it comes", "here"), table }).createTable(),
    (table) => poolOf("as it comes", "here").query(`TRUNCATE ${table}`),
  );

  for (const [variant, { namedStatements = false }] of Object.entries(variants)) {
    testStore(
      `postgres, ${variant}`,
      async () => {
        const [pool, second] = [poolOf(variant, "here"), poolOf(variant, "elsewhere")];
        const table = await tables.take();
        const store = postgresStore({ pool, table, namedStatements });
        return {
          store,
          elsewhere: postgresStore({ pool: second, table, namedStatements }),
          async peek(id) {
            const text = `SELECT concat_ws(' ', data, user_id, encode(moved_to, 'hex')) AS all FROM ${table} WHERE id = $1`;
            return (await pool.query(text, [`\\x${id}`])).rows[0]?.all ?? "";
          },
          dispose: () => tables.giveBack(table),
        };
      },
      { describe, it },
    );
  }

  testStore(
    "postgres, by a function that queries and gives rows as objects",
    async () => {
      const [here, there] = [poolOf("as it comes", "here"), poolOf("as it comes", "elsewhere")];
      const table = await tables.take();
      const store = postgresStore({ pool: { query: (text, values) => here.query(text, values) }, table });
      await store.createTable();
      return {
        store,
        elsewhere: postgresStore({ pool: { query: (text, values) => there.query(text, values) }, table }),
        async peek(id) {
          const text = `SELECT concat_ws(' ', data, user_id, encode(moved_to, 'hex')) AS all FROM ${table} WHERE id = $1`;
          return (await here.query(text, [`\\x${id}`])).rows[0]?.all ?? "";
        },
        dispose: () => tables.giveBack(table),
      };
    },
    { describe, it },
  );

  describeSqlStore(
    {
      name: "postgres",
      own,
      literal: (id) => `'\\x${id}'`,
      docs: "docs/stores/postgres.md",
      shortenUserIds: (table) => `ALTER TABLE ${table} ALTER user_id TYPE varchar(20)`,
      dropIndex: (table, index) =>
        index === "PRIMARY" ? `ALTER TABLE ${table} DROP CONSTRAINT ${table}_pkey` : `DROP INDEX ${index}`,
      indexesOf: (table) => `SELECT indexname AS name FROM pg_indexes WHERE tablename = '${table}'`,
      fill: (table, count) =>
        `INSERT INTO ${table} SELECT sha256(n::text::bytea), '{}', n, n::text, n, NULL, n, NULL, 1 FROM generate_series(1, ${count}) AS n`,
      blocked: () => "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
      end: (pid) => `SELECT pg_terminate_backend(${pid}, 5000)`,
      markOf: (table) => `SELECT obj_description('${table}'::regclass) AS mark`,
      setMark: (table, mark) => `COMMENT ON TABLE ${table} IS '${mark}'`,
      open(table, { port = server().port, connections = 10 } = {}) {
        const pool = new pg.Pool({ connectionString: urlAt({ port: `${port}` }), max: connections });
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

  describe("postgresStore", () => {
    const pool = () => poolOf("as it comes", "here");
    let table = "";
    beforeEach(async () => {
      table = await tables.take();
    });
    afterEach(() => tables.giveBack(table));

    /** The pool, and how often work asks the server. */
    function countedPool() {
      let asked = 0;
      const counting: PostgresPool = {
        async connect() {
          const client = await pool().connect();
          return {
            query(query) {
              asked++;
              return client.query(query) as ReturnType<PostgresClient["query"]>;
            },
            release: (broken) => client.release(broken),
            on: (event, listener) => client.on(event, listener),
            off: (event, listener) => client.off(event, listener),
          };
        },
      };
      const roundTrips = async (work: Promise<unknown>) => {
        asked = 0;
        await work;
        return asked;
      };
      return { counting, roundTrips };
    }

    it("is refused what is no pool", () => {
      for (const wrong of [undefined, null, {}, "postgres://localhost"]) {
        expect(() => postgresStore({ pool: wrong as never })).toThrow(
          "The option pool takes a Pool of pg, or an object with a function query(text, values).",
        );
      }
    });

    it("repeats by such a function what was lost and may be repeated, but never a create", async () => {
      let lost = 0;
      const store = postgresStore({
        table,
        pool: {
          async query(text, values) {
            const result = await pool().query(text, values);
            if (lost-- > 0) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
            return result;
          },
        },
      });
      const [id, first, second] = [newId(), record(), record()];
      await store.create(id, first, call());
      lost = 1;
      expect(await store.update(id, second, first.version, call())).toBe("saved");
      lost = 1;
      await expect(store.create(newId(), record(), call())).rejects.toThrow(
        /was lost before the answer came/,
      );
    });

    it("takes one round trip for a verb, two where a write finds nothing to change", async () => {
      const { counting, roundTrips } = countedPool();
      const store = postgresStore({ pool: counting, table });
      const [id, to, first, second] = [newId(), newId(), record(), record()];
      expect(await roundTrips(store.create(id, first, call()))).toBe(1);
      expect(await roundTrips(store.read(id, call()))).toBe(1);
      expect(await roundTrips(store.update(id, second, first.version, call()))).toBe(1);
      expect(await roundTrips(store.update(id, second, first.version, call()))).toBe(2);
      expect(await roundTrips(store.touch(id, Date.now() + 9e6, second.version, call()))).toBe(1);
      expect(await roundTrips(store.rotate(id, to, first, second.version, call()))).toBe(1);
      expect(await roundTrips(store.delete(to, call()))).toBe(1);
      expect(await roundTrips(store.delete(to, call()))).toBe(2);
    });

    describe("calls that arrive in one turn", () => {
      const keepSome = async (count: number) => {
        const store = postgresStore({ pool: pool(), table });
        const kept = Array.from({ length: count }, (_, n) => ({
          id: newId(),
          first: record({ data: `${n}` }),
        }));
        await Promise.all(kept.map(({ id, first }) => store.create(id, first, call())));
        return kept as [Kept, Kept, Kept, Kept, ...Kept[]]; // As many as were asked for.
      };
      type Kept = { id: StoreId; first: StoredRecord };

      it("take one round trip, whatever their verb", async () => {
        const { counting, roundTrips } = countedPool();
        const store = postgresStore({ pool: counting, table });
        const kept = await keepSome(20);
        const next = kept.map(({ first }) => record({ data: `"${first.data}"`, userId: "ann", expiry: 0.5 }));
        const reads = Promise.all(
          [...kept, kept[0], { id: newId() }].map((one) => store.read(one?.id as StoreId, call())),
        );
        expect(await roundTrips(reads)).toBe(1);
        expect(await reads).toEqual([...kept.map(({ first }) => first), kept[0]?.first, null]);
        const updates = Promise.all(
          kept.map(({ id, first }, n) => store.update(id, next[n] as StoredRecord, first.version, call())),
        );
        expect(await roundTrips(updates)).toBe(1);
        expect(new Set(await updates)).toEqual(new Set(["saved"]));
        expect(await Promise.all(kept.map(({ id }) => store.read(id, call())))).toEqual(next);

        const all = (verb: (one: (typeof kept)[number], n: number) => Promise<unknown>) =>
          roundTrips(Promise.all(kept.map(verb)));
        expect(
          await all(({ id }, n) => store.touch(id, Date.now() + 9e6, next[n]?.version as number, call())),
        ).toBe(1);
        expect(await all(({ id }) => store.delete(id, call()))).toBe(1);
        expect(await all(({ id }, n) => store.create(id, next[n] as StoredRecord, call()))).toBe(1);
        expect(await Promise.all(kept.map(({ id }) => store.read(id, call())))).toEqual(next);
      });

      it("keep every text and number as it was", async () => {
        const { counting, roundTrips } = countedPool();
        const store = postgresStore({ pool: counting, table });
        const kept = await keepSome(4);
        const most = Number.MAX_SAFE_INTEGER;
        const texts = ["", `{"a":"\\"\\n\\u0000{},NULL"}`, "'\"\\\n\t\u{1f9e5}\u2028", "null"];
        const next = texts.map((text, n) =>
          record({
            data: text,
            userId: n === 3 ? null : text,
            version: most - n,
            createdAt: n,
            authenticatedAt: n === 2 ? null : most,
            expiresAt: most - n,
            expiry: [null, 1e11 + 0.1, -0.5, Number.MIN_VALUE][n] as number | null,
            format: most,
          }),
        );
        const writes = Promise.all(
          kept.map(({ id, first }, n) => store.update(id, next[n] as StoredRecord, first.version, call())),
        );
        expect(await roundTrips(writes)).toBe(1);
        expect(await writes).toEqual(["saved", "saved", "saved", "saved"]);
        expect(await Promise.all(kept.map(({ id }) => store.read(id, call())))).toEqual(next);
      });

      it("each have their own outcome, by their own clock", async () => {
        const store = postgresStore({ pool: pool(), table });
        const [good, stale, moved, over] = await keepSome(4);
        const to = newId();
        await store.rotate(moved.id, to, record(), moved.first.version, call());
        const write = (id: StoreId, expected: number, now?: number) =>
          store.update(id, record(), expected, call(10_000, now));
        const end = over.first.expiresAt;
        expect(
          await Promise.all([
            write(good.id, good.first.version),
            write(stale.id, stale.first.version + 1),
            write(moved.id, moved.first.version),
            write(over.id, over.first.version, end),
            write(newId(), 1),
          ]),
        ).toEqual(["saved", "conflict", { movedTo: to }, "gone", "gone"]);
        const [early, late, mark] = await Promise.all([
          store.read(over.id, call(10_000, end - 1)),
          store.read(over.id, call(10_000, end)),
          store.read(moved.id, call()),
        ]);
        expect([early, late, mark]).toEqual([over.first, null, "moved"]);
      });

      it("of which one is refused by the server cost the others nothing", async () => {
        const store = postgresStore({ pool: pool(), table });
        const [one, bad, other] = await keepSome(3);
        const [first, refused, last] = await Promise.allSettled([
          store.update(one.id, record({ data: "1" }), one.first.version, call()),
          store.update(bad.id, record({ data: "\0" }), bad.first.version, call()),
          store.update(other.id, record({ data: "3" }), other.first.version, call()),
        ]);
        expect([first, last]).toEqual([
          { status: "fulfilled", value: "saved" },
          { status: "fulfilled", value: "saved" },
        ]);
        expect(refused.status).toBe("rejected");
        expect(await store.read(bad.id, call())).toEqual(bad.first);
      });

      it("do not wait for a row that another transaction has locked, but for their own", async () => {
        const store = postgresStore({ pool: pool(), table });
        const [locked, free] = await keepSome(2);
        const other = await pool().connect();
        await other.query(`BEGIN; UPDATE ${table} SET data = 'x' WHERE id = '\\x${locked.id}'`);
        const [end] = await abortUnderWay(
          (impatient) => [store.update(locked.id, record(), locked.first.version, impatient)],
          async () => {
            expect(await store.update(free.id, record(), free.first.version, call())).toBe("saved");
          },
        );
        expect(end).toBeInstanceOf(Error);
        await other.query("ROLLBACK");
        other.release();
      });

      it("with two updates of one id: one is saved, the other meets it", async () => {
        const store = postgresStore({ pool: pool(), table });
        const [one, other] = await keepSome(2);
        const writes = await Promise.all(
          [one, other, one].map(({ id, first }) => store.update(id, record(), first.version, call())),
        );
        expect(writes[1]).toBe("saved");
        expect([...writes].sort()).toEqual(["conflict", "saved", "saved"]);
      });

      it("never deadlock with those of another server over the same sessions", async () => {
        const servers = [1, 2].map(() => new pg.Pool({ connectionString: server().url, max: 4 }));
        const deadlocks = async () =>
          Number((await pool().query("SELECT sum(deadlocks) AS n FROM pg_stat_database")).rows[0].n);
        const before = await deadlocks();
        const kept = await keepSome(30);
        const raise = async (store: Store, id: StoreId, times: number) => {
          for (let raised = 0; raised < times; ) {
            const found = (await store.read(id, call(20_000))) as StoredRecord;
            const next = record({ data: String(Number(found.data) + 1) });
            if ((await store.update(id, next, found.version, call(20_000))) === "saved") raised++;
          }
        };
        await Promise.all(
          servers.flatMap((pool, n) => {
            const store = postgresStore({ pool, table });
            return (n === 0 ? kept : kept.toReversed()).map(({ id }) => raise(store, id, 10));
          }),
        );
        const store = postgresStore({ pool: pool(), table });
        const found = await Promise.all(kept.map(({ id }) => store.read(id, call())));
        expect(found.map((one) => (one as StoredRecord).data)).toEqual(kept.map((_, n) => `${n + 20}`));
        expect(await deadlocks()).toBe(before);
        for (const pool of servers) await pool.end();
      }, 60_000);
    });

    it("leaves the indexes alone when a write does not move the end (HOT)", async () => {
      const fresh = newTable();
      const store = postgresStore({ pool: pool(), table: fresh });
      await store.createTable();
      const [id, kept] = [newId(), record({ userId: "ann" })];
      await store.create(id, kept, call());
      for (let n = 0; n < 100; n++) {
        const next = { ...kept, data: `"${n}"`, version: n + 1 };
        expect(await store.update(id, next, n === 0 ? kept.version : n, call())).toBe("saved");
      }
      const counted = async () => {
        const text =
          "SELECT n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = $1";
        return (await pool().query(text, [fresh])).rows[0];
      };
      await expect.poll(counted).toEqual({ all: "100", hot: "100" });
      await pool().query(`DROP TABLE ${fresh}`);
    });

    it("finds sessions by id, user and end through indexes", async () => {
      await pool().query(
        `INSERT INTO ${table} SELECT sha256(n::text::bytea), '', n, n::text, n, NULL, n, NULL, 1 FROM generate_series(1, 5000) AS n`,
      );
      await pool().query(`ANALYZE ${table}`);
      const plan = async (text: string) => JSON.stringify((await pool().query(`EXPLAIN ${text}`)).rows);
      expect(await plan(`SELECT * FROM ${table} WHERE id = '\\x00' AND expires_at > 0`)).toContain(
        `${table}_pkey`,
      );
      expect(await plan(`SELECT id FROM ${table} WHERE user_id = '7' AND expires_at > 0`)).toContain(
        `${table}_user_id`,
      );
      const oldest = `SELECT id FROM ${table} WHERE expires_at <= 4000 ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED`;
      expect(await plan(oldest)).toContain(`${table}_expires_at`);
    });

    it("keeps statements on the server only when told to", async () => {
      const one = new pg.Pool({ connectionString: server().url, max: 1 });
      const kept = async () => (await one.query("SELECT name FROM pg_prepared_statements")).rows;
      await postgresStore({ pool: one, table }).read(newId(), call());
      expect(await kept()).toEqual([]);
      await postgresStore({ pool: one, table, namedStatements: true }).read(newId(), call());
      expect(await kept()).toEqual([{ name: `read ${table}` }]);
      await one.end();
    });

    it("can live in a schema, under a name with capitals", async () => {
      await pool().query("CREATE SCHEMA web");
      const store = postgresStore({ pool: pool(), table: "web.Sessions" });
      await expect(store.check(call())).rejects.toThrow(/There is no table web.Sessions/);
      await store.createTable();
      await store.createTable();
      await store.check(call());
      const { rows } = await pool().query(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'web' ORDER BY 1",
      );
      expect(rows.map(({ indexname }) => indexname)).toEqual([
        "Sessions_expires_at",
        "Sessions_pkey",
        "Sessions_user_id",
      ]);
      await pool().query("DROP SCHEMA web CASCADE");
    });

    // Reports: voxpelli/node-connect-pg-simple#279.
    it.runIf(own)(
      "says in check what the user may not do, and needs no more than to read and write",
      async () => {
        await pool().query("CREATE ROLE visitor LOGIN");
        const visiting = new pg.Pool({ connectionString: urlAt({ username: "visitor" }) });
        const store = postgresStore({ pool: visiting, table });
        await expect(store.check(call())).rejects.toThrow(/GRANT SELECT, INSERT, UPDATE, DELETE/);
        await pool().query(`GRANT SELECT, UPDATE, DELETE ON ${table} TO visitor`);
        await expect(store.check(call())).rejects.toThrow(/GRANT SELECT, INSERT, UPDATE, DELETE/);
        await pool().query(`GRANT INSERT ON ${table} TO visitor`);
        await store.check(call());
        await store.createTable();
        await visiting.end();
        await pool().query("DROP OWNED BY visitor; DROP ROLE visitor");
      },
    );

    it("says in check that the server is a standby, or has another alphabet", async () => {
      const config = { connectionString: server().url, options: "-c default_transaction_read_only=on" };
      const standby = new pg.Pool(config);
      await expect(postgresStore({ pool: standby, table }).check(call())).rejects.toThrow(/read only/);
      await standby.end();

      await pool().query("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0");
      const latin = new pg.Pool({ connectionString: urlAt({ pathname: "/latin" }) });
      const store = postgresStore({ pool: latin });
      await store.createTable();
      await expect(store.check(call())).rejects.toThrow(/not in UTF8/);
      await latin.end();
      await pool().query("DROP DATABASE latin");
    });
  });

  it("survives a server that ends a connection in the packet in which it says that it is ready", async () => {
    // Authenticated, ready for queries, then FATAL 57P01: so a restart looks to a busy process.
    const packet = Buffer.concat([
      Buffer.from("R\0\0\0\u0008\0\0\0\0Z\0\0\0\u0005I", "latin1"),
      Buffer.from("E\0\0\0\u001dSFATAL\0C57P01\0Mbye, bye\0\0", "latin1"),
    ]);
    const ending = createServer((socket) => socket.once("data", () => socket.end(packet)));
    ending.listen(0, "127.0.0.1");
    await once(ending, "listening");
    const pool = new pg.Pool({
      host: "127.0.0.1",
      port: (ending.address() as AddressInfo).port,
      user: "ann",
    });
    await expect(postgresStore({ pool }).read(newId(), call(2000))).rejects.toThrow();
    await pool.end();
    ending.close();
  });

  describeWithServer(
    pgbouncer(() => server().port),
    (pooler) => {
      // Reports: voxpelli/node-connect-pg-simple#254.
      it("serves through a pooler that changes the connection after each statement", async () => {
        const pool = new pg.Pool({ connectionString: pooler().url, max: 20 });
        const table = newTable();
        const store = postgresStore({ pool, table });
        await store.createTable();
        const visit = async () => {
          const [id, to, first, second] = [newId(), newId(), record({ userId: "ann" }), record()];
          expect(await store.create(id, first, call())).toBe(true);
          expect(await store.update(id, second, first.version, call())).toBe("saved");
          expect(await store.rotate(id, to, first, second.version, call())).toBe("saved");
          expect(await store.read(id, call())).toBe("moved");
          expect(await store.read(to, call())).toEqual(first);
          expect(await store.delete(to, call())).toBeUndefined();
        };
        await Promise.all(Array.from({ length: 100 }, visit));
        await store.check(call());
        await pool.end();
      });
    },
  );
});
