/** `connectStore`: stores for express-session under our own `session()`. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, SettingsError } from "coatcheck";
import { connectStore, MemoryStore } from "coatcheck/express-session";
import { testStore } from "coatcheck/testing";
import { beforeAll, describe, expect, it, test } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { overhearWarnings } from "../instruments/overheard.ts";
import { installed } from "../runtimes/install.ts";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { describeWithServer } from "../servers/suite.ts";
import { type Any, load } from "./application.ts";

const without = ["compareAndSet", "clearExpired", "listUser", "stats", "elsewhere"] as const;

beforeAll(() => installed(new URL(".", import.meta.url)), 300_000);

testStore(
  "connectStore, MemoryStore",
  () => {
    const memory = new MemoryStore() as Any;
    return { store: connectStore(memory), peek: (id) => String(memory.sessions[id]) };
  },
  { describe, it, without },
);

testStore(
  "connectStore, memorystore",
  () => {
    const MemoryStore = load("memorystore")(load("express-session"));
    return { store: connectStore(new MemoryStore({})) };
  },
  { describe, it, without: [...without, "peek"] },
);

testStore(
  "connectStore, session-file-store",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-connect-"));
    const FileStore = load("session-file-store")(load("express-session"));
    const store = new FileStore({ path: folder, retries: 0, reapInterval: -1, logFn() {} });
    return {
      store: connectStore(store),
      peek: (id) => readFileSync(join(folder, `${id}.json`), "utf8"),
      dispose: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  { describe, it, without },
);

describeWithServer(redis, (server) => {
  let made = 0;
  for (const name of ["connect-redis", "connect-redis9"]) {
    testStore(
      `connectStore, ${name}`,
      async () => {
        const client = load("redis").createClient({ url: server().url });
        await client.connect();
        const { RedisStore } = load(name);
        const prefix = `connect-${made++}:`;
        return {
          store: connectStore(new RedisStore({ client, prefix })),
          peek: async (id) => String(await client.get(prefix + id)),
          dispose: () => client.close(),
        };
      },
      { describe, it, without },
    );
  }
});

describeWithServer(postgres, (server) => {
  let made = 0;
  testStore(
    "connectStore, connect-pg-simple",
    async () => {
      const pool = new (load("pg").Pool)({ connectionString: server().url });
      const schemaName = `connect_${made++}`;
      await pool.query(`CREATE SCHEMA ${schemaName}`);
      const PgStore = load("connect-pg-simple")(load("express-session"));
      const store = new PgStore({
        pool,
        schemaName,
        createTableIfMissing: true,
        pruneSessionInterval: false,
      });
      return {
        store: connectStore(store),
        peek: async (id) =>
          JSON.stringify(
            (await pool.query(`SELECT sess FROM ${schemaName}.session WHERE sid = $1`, [id])).rows,
          ),
        dispose: () => pool.end(),
      };
    },
    { describe, it, without },
  );
});

describeWithServer(postgres, (server) => {
  let made = 0;
  testStore(
    "connectStore, connect-session-knex",
    async () => {
      const knex = load("knex").knex({ client: "pg", connection: server().url });
      const tableName = `knex_${made++}`;
      const { ConnectSessionKnexStore } = load("connect-session-knex");
      const store = new ConnectSessionKnexStore({ knex, tableName, createTable: true, cleanupInterval: 0 });
      await store.ready;
      return {
        store: connectStore(store),
        peek: async (id) => JSON.stringify(await knex(tableName).where({ sid: id })),
        dispose: () => knex.destroy(),
      };
    },
    { describe, it, without },
  );

  testStore(
    "connectStore, connect-session-sequelize",
    async () => {
      const { Sequelize, STRING, DATE, TEXT } = load("sequelize");
      const db = new Sequelize(server().url, { logging: false });
      const SequelizeStore = load("connect-session-sequelize")(load("express-session").Store);
      const table = `sequelize_${made++}`;
      // The table that the store makes by itself has room for 36 letters.
      db.define(table, { sid: { type: STRING(64), primaryKey: true }, expires: DATE, data: TEXT });
      const store = new SequelizeStore({ db, table, checkExpirationInterval: -1 });
      await store.sync();
      return {
        store: connectStore(store),
        peek: async (id) => JSON.stringify(await db.models[table].findByPk(id)),
        dispose: () => db.close(),
      };
    },
    { describe, it, without },
  );
});

describeWithServer(mariadb, (server) => {
  let made = 0;
  testStore(
    "connectStore, express-mysql-session",
    async () => {
      const { hostname, port, pathname } = new URL(server().url);
      const at = { host: hostname, port: Number(port), user: "root", database: pathname.slice(1) };
      const schema = { tableName: `sessions_${made++}` };
      const store = new (load("express-mysql-session")(load("express-session")))({
        ...at,
        schema,
        clearExpired: false,
      });
      await store.onReady();
      const find = `SELECT data FROM ${schema.tableName} WHERE session_id = ?`;
      return {
        store: connectStore(store),
        peek: async (id) => JSON.stringify(await store.query(find, [id])),
        dispose: () => store.close(),
      };
    },
    { describe, it, without },
  );
});

describeWithServer(memcached, (server) => {
  let made = 0;
  testStore(
    "connectStore, connect-memcached",
    () => {
      const MemcachedStore = load("connect-memcached")(load("express-session"));
      // memcached takes a time of more than 30 days for a date.
      const ttl = 30 * 24 * 60 * 60;
      const store = new MemcachedStore({ hosts: [new URL(server().url).host], prefix: `${made++}:`, ttl });
      return { store: connectStore(store), dispose: () => store.client.end() };
    },
    { describe, it, without: [...without, "peek"] },
  );
});

describe("sessions on a connect store", () => {
  const sessionsOn = (store: Any) => createSessions({ store: connectStore(store) });

  test("are kept, signed in and ended; parallel changes within one process all stay", async () => {
    const warnings = overhearWarnings();
    const browser = new Browser(sessionsOn(new MemoryStore()));
    await browser.visit((session) => session.set("cart", 1).login("ada"));
    const requests = await Promise.all(Array.from({ length: 8 }, () => browser.copy().open()));
    for (const [n, session] of requests.entries())
      session.set(`part${n}`, n).update("cart", (c = 0) => c + 1);
    await Promise.all(requests.map((session) => browser.respond(session)));
    expect(await browser.sees()).toMatchObject({ cart: 9, part0: 0, part7: 7 });
    const slow = await browser.open();
    slow.set("cart", 0);
    const copy = browser.copy();
    await browser.visit((session) => session.logout());
    await copy.respond(slow);
    expect(await copy.sees()).toEqual({});
    expect(await warnings()).toMatchObject([{ code: "COATCHECK_NO_COMPARE_AND_SET" }]);
  });

  test.each<[string, Any]>([
    ["calls back with an error", (_id: string, done: Any) => done(new Error("down"))],
    [
      "throws",
      () => {
        throw new Error("down");
      },
    ],
    ["rejects", () => Promise.reject(new Error("down"))],
  ])("a store that %s is unavailable", async (_how, get) => {
    const store = Object.assign(new MemoryStore() as Any, { get });
    const browser = new Browser(sessionsOn(store));
    browser.jar.set("sessionid", "a".repeat(32));
    await expect(browser.open()).rejects.toMatchObject({ name: "StoreUnavailableError", status: 503 });
  });

  test.each([undefined, {}, "redis://localhost", { get() {}, set() {} }])(
    "%o is refused at start",
    (store) => {
      expect(() => connectStore(store as never)).toThrow(SettingsError);
      expect(() => connectStore(store as never)).toThrow(
        "The option store takes a store for express-session",
      );
    },
  );
});
