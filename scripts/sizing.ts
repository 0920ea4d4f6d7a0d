// Measures how much room a session takes in each store: node scripts/sizing.ts [sessions] [bytes of data] [store]. Prints the table of
// docs/operation.md. Each store is filled through its own `create`, first with anonymous sessions, then, anew, with one user each.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { createClient } from "redis";
import type { StoredRecord, StoreId } from "../src/contract/record.ts";
import { storeFromUrl } from "../src/stores/store-url.ts";
import { ask } from "../test/servers/ask.ts";
import { mariadb } from "../test/servers/mariadb.ts";
import { memcached } from "../test/servers/memcached.ts";
import { postgres } from "../test/servers/postgres.ts";
import { redis } from "../test/servers/redis.ts";
import type { ServerKind } from "../test/servers/server.ts";
import { start } from "../test/servers/start.ts";

const [count = "100000", size = "200", only] = process.argv.slice(2);
const [SESSIONS, BYTES] = [Number(count), Number(size)];
const AT_ONCE = 64;

const data = JSON.stringify({ data: "x".repeat(BYTES - '{"data":""}'.length) });
const idOf = (n: number) => createHash("sha256").update(`${n}`).digest("hex") as StoreId;
const call = () => ({ signal: AbortSignal.timeout(60_000), now: Date.now() });

interface Place {
  readonly url: string;
  /** The bytes that are in use now. */
  used(): Promise<number>;
  stop(): Promise<unknown>;
}

async function server(kind: ServerKind, used: (url: string) => Promise<number>): Promise<Place> {
  const { url, stop } = await start(kind);
  return { url, used: () => used(url), stop };
}

function folder(name: string, used: (path: string) => number): Place {
  const root = mkdtempSync(join(tmpdir(), "coatcheck-sizing-"));
  const path = join(root, "sessions");
  return {
    url: `${name}:${path}`,
    used: async () => used(path),
    stop: async () => rmSync(root, { recursive: true }),
  };
}

const places: Record<string, () => Promise<Place> | Place> = {
  SQLite: () =>
    folder("sqlite", (path) => {
      const database = new DatabaseSync(path);
      const { bytes } = database
        .prepare("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size")
        .get() as { bytes: number };
      database.close();
      return bytes;
    }),

  PostgreSQL: () =>
    server(postgres, async (url) => {
      const client = new pg.Client(url);
      await client.connect();
      await client.query("VACUUM ANALYZE coatcheck_sessions");
      const { rows } = await client.query("SELECT pg_total_relation_size('coatcheck_sessions') AS bytes");
      await client.end();
      return Number(rows[0].bytes);
    }),

  MariaDB: () =>
    server(mariadb, async (url) => {
      const connection = await createConnection(url);
      const [rows] = await connection.query(
        "SELECT file_size AS bytes FROM information_schema.innodb_sys_tablespaces WHERE name = 'test/coatcheck_sessions'",
      );
      await connection.end();
      return Number((rows as { bytes: number }[])[0]?.bytes ?? 0);
    }),

  Redis: () =>
    server(redis, async (url) => {
      const client = await createClient({ url }).connect();
      const used = /used_memory:(\d+)/.exec(await client.info("memory"))?.[1];
      await client.close();
      return Number(used);
    }),

  memcached: () =>
    server(memcached, async (url) => {
      const stats = (await ask(Number(new URL(url).port), "stats\r\n")).toString();
      // A memcached that is full throws sessions out, so the bytes are those of the sessions that it still has.
      const [bytes, items] = ["bytes", "curr_items"].map((name) =>
        Number(new RegExp(`STAT ${name} (\\d+)`).exec(stats)?.[1]),
      ) as [number, number];
      return items === 0 ? bytes : (bytes / items) * SESSIONS;
    }),

  files: () =>
    folder("file", (path) =>
      Number(execFileSync("du", ["-s", "-B1", path], { encoding: "utf8" }).split("\t")[0]),
    ),
};

/** Bytes of a session, with a user or without. */
async function bytesOfOne(open: () => Promise<Place> | Place, hasUser: boolean): Promise<number> {
  const place = await open();
  const store = storeFromUrl(place.url);
  try {
    await store.createTable?.();
    await store.read(idOf(-1), call());
    const before = await place.used();
    const now = Date.now();
    for (let from = 0; from < SESSIONS; from += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, SESSIONS - from) }, (_, n) => from + n);
      const record = (n: number): StoredRecord => ({
        data,
        version: Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
        userId: hasUser ? `user-${n}` : null,
        createdAt: now,
        authenticatedAt: hasUser ? now : null,
        expiresAt: now + 1_209_600_000 + n,
        expiry: null,
        format: 1,
      });
      await Promise.all(some.map((n) => store.create(idOf(n), record(n), call())));
    }
    return ((await place.used()) - before) / SESSIONS;
  } finally {
    await store.close();
    await place.stop();
  }
}

console.log(`| store | a session of ${BYTES} bytes | with a user |`);
console.log("|---|---:|---:|");
for (const [name, open] of Object.entries(places)) {
  if (only !== undefined && only !== name) continue;
  const [anonymous, signedIn] = [await bytesOfOne(open, false), await bytesOfOne(open, true)];
  console.log(`| ${name} | ${Math.round(anonymous)} | ${Math.round(signedIn)} |`);
}
