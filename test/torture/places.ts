/** The stores that are tortured: each brings a database of its own, and the ways to hurt it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mysqlStore } from "coatcheck/mysql";
import { postgresStore } from "coatcheck/postgres";
import { createConnection, createPool } from "mysql2/promise";
import pg from "pg";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { pgbouncer } from "../servers/pgbouncer.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { cli, startNode } from "../servers/redis-nodes.ts";
import { startRedisSentinel } from "../servers/redis-sentinel.ts";
import { start } from "../servers/start.ts";

/** Something that is done to the database, and undone when it has lasted for a while. */
export interface Wound {
  begin(): Promise<unknown> | unknown;
  end(): Promise<unknown> | unknown;
}

export interface Place {
  /** The environment of the server processes. */
  readonly environment: Readonly<Record<string, string>>;
  /** By the name of the fault. */
  readonly wounds: Readonly<Record<string, Wound>>;
  close(): Promise<unknown> | unknown;
}

const nothing = () => {};
const folder = () => mkdtempSync(join(tmpdir(), "coatcheck-torture-"));
const remove = (path: string) => rmSync(path, { recursive: true, force: true });

/** A server that is killed and started again, or frozen. */
const serverWounds = (server: {
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
}) => ({
  "database killed and restarted": { begin: () => server.kill(), end: () => server.restart() },
  "database frozen (SIGSTOP)": { begin: () => server.pause(), end: () => server.resume() },
});

/** A small disk in memory, which needs root; undefined where it cannot be had. */
function smallDisk(): { path: string; fill: Wound; close(): void } | undefined {
  const path = folder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", path], { stdio: "ignore" });
  } catch {
    remove(path);
    return undefined;
  }
  const filler = join(path, "filler");
  const fill = {
    begin() {
      for (let megabytes = 4; megabytes > 0.004; megabytes /= 2) {
        try {
          writeFileSync(filler, Buffer.alloc(megabytes * 2 ** 20), { flag: "a" });
        } catch {} // Full: a smaller piece may still fit.
      }
    },
    end: () => rmSync(filler, { force: true }),
  };
  const close = () => {
    execFileSync("umount", [path]);
    remove(path);
  };
  return { path, fill, close };
}

async function onDisk(url: (path: string) => string): Promise<Place> {
  const disk = smallDisk();
  const path = disk?.path ?? folder();
  const wounds = disk === undefined ? {} : { "disk full": disk.fill };
  return { environment: { STORE: url(path) }, wounds, close: () => disk?.close() ?? remove(path) };
}

async function onPostgres(more: Record<string, string> = {}, query = ""): Promise<Place> {
  const server = await start(postgres);
  const pool = new pg.Pool({ connectionString: server.url, max: 1 });
  pool.on("error", nothing);
  await postgresStore({ pool }).createTable();
  const ask = (sql: string) => pool.query(sql);
  const setReadOnly = async (on: boolean) => {
    await ask(`ALTER SYSTEM SET default_transaction_read_only = ${on ? "on" : "off"}`);
    await ask("SELECT pg_reload_conf()");
  };
  return {
    environment: { STORE: server.url + query, ...more },
    wounds: {
      ...serverWounds(server),
      "all connections cut": {
        begin: () =>
          ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'postgres'",
          ),
        end: nothing,
      },
      "database read-only": { begin: () => setReadOnly(true), end: () => setReadOnly(false) },
    },
    async close() {
      await pool.end();
      await server.stop();
    },
  };
}

async function onPgBouncer(): Promise<Place> {
  const place = await onPostgres();
  const { port } = new URL(place.environment.STORE as string);
  const pooler = await start(pgbouncer(() => Number(port)));
  return {
    environment: { STORE: pooler.url },
    wounds: {
      ...place.wounds,
      "pooler killed and restarted": serverWounds(pooler)["database killed and restarted"],
    },
    async close() {
      await pooler.stop();
      await place.close();
    },
  };
}

async function onMysql(isolation = ""): Promise<Place> {
  // By itself, the server for tests writes its log once in a second, and forgets the last one when it is killed.
  const lasting = "--innodb-flush-log-at-trx-commit=2";
  const server = await start({
    ...mariadb,
    args: (folder, port) => [...mariadb.args(folder, port), lasting],
  });
  const setup = await createConnection({ uri: server.url.replace(/\/test$/, "/"), multipleStatements: true });
  await setup.query("CREATE DATABASE IF NOT EXISTS test");
  if (isolation !== "") await setup.query(`SET GLOBAL tx_isolation = '${isolation}'`);
  await setup.end();
  const pool = createPool({ uri: server.url, connectionLimit: 1 });
  await mysqlStore({ pool }).createTable();
  return {
    environment: { STORE: server.url },
    wounds: {
      ...serverWounds(server),
      "all connections cut": {
        async begin() {
          const [rows] = await pool.query(
            "SELECT id FROM information_schema.processlist WHERE db = 'test' AND id <> connection_id()",
          );
          for (const { id } of rows as { id: number }[]) await pool.query(`KILL ${id}`).catch(nothing);
        },
        end: nothing,
      },
    },
    async close() {
      await pool.end().catch(nothing);
      await server.stop();
    },
  };
}

async function onRedis(): Promise<Place> {
  const server = await start(redis);
  return {
    environment: { STORE: server.url },
    wounds: {
      ...serverWounds(server),
      "all connections cut": { begin: () => cli(server, "client", "kill", "type", "normal"), end: nothing },
      "database read-only": {
        // A replica without its primary refuses writes, and keeps what it has.
        begin: () => cli(server, "replicaof", "127.0.0.1", "1"),
        end: () => cli(server, "replicaof", "no", "one"),
      },
      "memory full (noeviction)": {
        begin: () => cli(server, "config", "set", "maxmemory", "1mb"),
        end: () => cli(server, "config", "set", "maxmemory", "0"),
      },
    },
    close: () => server.stop(),
  };
}

async function onEvictingRedis(): Promise<Place> {
  const server = await startNode("redis-evicting");
  const fill = () => {
    cli(server, "config", "set", "maxmemory-policy", "allkeys-lru");
    const used = /used_memory:(\d+)/.exec(cli(server, "info", "memory"))?.[1];
    cli(server, "config", "set", "maxmemory", `${Number(used) + 20_000}`);
    cli(server, "debug", "populate", "300");
  };
  return {
    environment: { STORE: server.url },
    wounds: {
      "sessions evicted (allkeys-lru)": {
        begin: fill,
        end: () => cli(server, "config", "set", "maxmemory", "0"),
      },
    },
    close: () => server.stop(),
  };
}

async function onSentinel(query: string): Promise<Place> {
  const site = await startRedisSentinel("coats");
  site.downAfter(500);
  const hurt = { server: site.primary() };
  return {
    environment: { STORE: `redis+sentinel://127.0.0.1:${site.sentinel.port}/coats${query}` },
    wounds: {
      "primary killed, failover by Sentinel": {
        begin() {
          hurt.server = site.primary();
          return hurt.server.kill();
        },
        async end() {
          const deadline = Date.now() + 20_000;
          while (site.primary() === hurt.server && Date.now() < deadline)
            await new Promise((resolve) => setTimeout(resolve, 50));
          await hurt.server.restart();
        },
      },
    },
    close: () => site.stop(),
  };
}

async function onMemcached(): Promise<Place> {
  const server = await start(memcached);
  const { "database frozen (SIGSTOP)": frozen, "database killed and restarted": killed } =
    serverWounds(server);
  return {
    environment: { STORE: server.url },
    wounds: { "database frozen (SIGSTOP)": frozen, "memcached restarted, which empties it": killed },
    close: () => server.stop(),
  };
}

/** By the name of the store. */
export const places: Readonly<Record<string, () => Promise<Place>>> = {
  SQLite: () => onDisk((path) => `sqlite:${join(path, "sessions.sqlite3")}`),
  files: () => onDisk((path) => `file:${path}`),
  PostgreSQL: () => onPostgres(),
  "PostgreSQL, pool of two": () => onPostgres({ POOL: "2" }),
  "PostgreSQL, SERIALIZABLE": () =>
    onPostgres({}, "?options=-c%20default_transaction_isolation%3Dserializable"),
  "PostgreSQL behind PgBouncer": onPgBouncer,
  MariaDB: () => onMysql(),
  "MariaDB, SERIALIZABLE": () => onMysql("SERIALIZABLE"),
  Redis: onRedis,
  "Redis that evicts": onEvictingRedis,
  "Redis with Sentinel": () => onSentinel(""),
  "Redis with Sentinel, wait: all": () => onSentinel("?wait=all"),
  memcached: onMemcached,
};
