// Clears a million expired sessions beside a hundred thousand live ones, by the command, on SQLite, PostgreSQL and MariaDB,
// while another process reads: node scripts/clearing-at-scale.ts [expired] [live] [store]. Prints the table of docs/clearing.md.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import type { StoreId } from "../src/contract/record.ts";
import { storeFromUrl, type UrlStore } from "../src/stores/store-url.ts";
import { mariadb } from "../test/servers/mariadb.ts";
import { postgres } from "../test/servers/postgres.ts";
import { start } from "../test/servers/start.ts";

const [expired = "1000000", live = "100000", only] = process.argv.slice(2);
const [EXPIRED, LIVE] = [Number(expired), Number(live)];
const DATA = JSON.stringify({ cart: "x".repeat(200) });
const BEFORE_MS = 20_000;
const LONGEST_MS = 15 * 60_000;

const columns = "id, data, version, created_at, expires_at, format";
const liveUntil = Date.now() + 24 * 3_600_000;
const idOf = (n: number) => createHash("sha256").update(`live-${n}`).digest("hex") as StoreId;
const call = () => ({ signal: AbortSignal.timeout(60_000), now: Date.now() });

interface Site {
  readonly url: string;
  fill(): Promise<void>;
  stop(): Promise<unknown>;
}

const sites: Record<string, () => Promise<Site>> = {
  async SQLite() {
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-scale-"));
    const file = join(folder, "sessions.sqlite3");
    return {
      url: `sqlite:${file}`,
      async fill() {
        const database = new DatabaseSync(file);
        const insert = database.prepare(
          `INSERT INTO coatcheck_sessions (${columns}) VALUES (?, ?, ?, 0, ?, 1)`,
        );
        database.exec("BEGIN");
        for (let n = 0; n < EXPIRED; n++)
          insert.run(createHash("sha256").update(`${n}`).digest("hex"), DATA, n, 1000 + n);
        for (let n = 0; n < LIVE; n++) insert.run(idOf(n), DATA, n, liveUntil + n);
        database.exec("COMMIT");
        database.close();
      },
      stop: async () => rmSync(folder, { recursive: true }),
    };
  },

  async PostgreSQL() {
    const server = await start(postgres);
    return {
      url: server.url,
      async fill() {
        const client = new pg.Client(server.url);
        await client.connect();
        const insert = (name: string, first: number, count: number) =>
          client.query(`
            INSERT INTO coatcheck_sessions (${columns})
            SELECT sha256(('${name}' || n)::bytea), '${DATA}', n, 0, ${first} + n, 1 FROM generate_series(0, ${count - 1}) AS n`);
        await insert("", 1000, EXPIRED);
        await insert("live-", liveUntil, LIVE);
        await client.query("VACUUM ANALYZE coatcheck_sessions");
        await client.end();
      },
      stop: () => server.stop(),
    };
  },

  async MariaDB() {
    const server = await start(mariadb);
    return {
      url: server.url,
      async fill() {
        const connection = await createConnection(server.url);
        const insert = (name: string, first: number, count: number) =>
          connection.query(`
            INSERT INTO coatcheck_sessions (${columns})
            SELECT UNHEX(SHA2(CONCAT('${name}', seq), 256)), '${DATA}', seq, 0, ${first} + seq, 1 FROM seq_0_to_${count - 1}`);
        await insert("", 1000, EXPIRED);
        await insert("live-", liveUntil, LIVE);
        await connection.query("ANALYZE TABLE coatcheck_sessions");
        await connection.end();
      },
      stop: () => server.stop(),
    };
  },
};

/** Reads live sessions one after the other, with a short pause between, until told to stop; resolves to how long each took. */
async function readers(store: UrlStore, isOver: () => boolean): Promise<number[]> {
  const times: number[] = [];
  const read = async () => {
    while (!isOver()) {
      const id = idOf(Math.floor(Math.random() * LIVE));
      const begun = performance.now();
      const found = await store.read(id, call());
      times.push(performance.now() - begun);
      if (found === null || found === "moved") throw new Error("a live session was not found");
      await sleep(2);
    }
  };
  await Promise.all(Array.from({ length: 4 }, read));
  return times.sort((a, b) => a - b);
}

const at = (share: number, sorted: readonly number[]) =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN;

/** Runs the command and measures its memory meanwhile. */
function clear(url: string) {
  const root = join(import.meta.dirname, "..");
  const args = ["--import", join(root, "test/runner/from-source.ts"), join(root, "src/cli/coatcheck.ts")];
  const child = spawn(process.execPath, [...args, "clear-expired", "--json", "--store", url], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: LONGEST_MS,
  });
  const memory: number[] = [];
  const look = setInterval(() => {
    const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
    if (resident !== undefined) memory.push(Number(resident));
  }, 200);
  let out = "";
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.on("exit", () => clearInterval(look));
  return new Promise<{ deleted: number; memory: number[] }>((resolve, reject) => {
    child.on("close", (code, signal) => {
      if (code === 0) resolve({ deleted: JSON.parse(out).deleted, memory });
      else reject(new Error(`clear-expired ended with ${signal ?? code}: ${out}`));
    });
  });
}

const ratio = (during: number, before: number) => (during / before).toFixed(2);
const most = (numbers: readonly number[]) => Math.max(...numbers);

console.log(
  "| store | deleted | live before → after | reads, p50 during/before | p99 during/before | memory, second half/first |",
);
console.log("|---|---|---|---|---|---|");
for (const [name, open] of Object.entries(sites)) {
  if (only !== undefined && only !== name) continue;
  const site = await open();
  const store = storeFromUrl(site.url);
  try {
    await store.createTable?.();
    await site.fill();
    const count = async () => store.stats?.({ ...call(), signal: AbortSignal.timeout(LONGEST_MS) });
    const stored = (await count())?.live;
    await readers(store, until(3000)); // warms the caches
    const before = await readers(store, until(BEFORE_MS));
    let isOver = false;
    const clearing = clear(site.url).finally(() => {
      isOver = true;
    });
    const [during, { deleted, memory }] = await Promise.all([readers(store, () => isOver), clearing]);
    const after = await count();
    // At first the program itself is being loaded.
    const settled = memory.slice(Math.ceil(memory.length / 10));
    const half = Math.floor(settled.length / 2);
    const cells = [
      name,
      deleted,
      `${stored} → ${after?.live}, expired ${after?.expired}`,
      ratio(at(0.5, during), at(0.5, before)),
      ratio(at(0.99, during), at(0.99, before)),
      ratio(most(settled.slice(half)), most(settled.slice(0, half))),
    ];
    console.log(`| ${cells.join(" | ")} |`);
    const p99 = `p99 ${at(0.99, before).toFixed(2)} ms before, ${at(0.99, during).toFixed(2)} ms during`;
    const longest = `longest ${at(1 - 1e-9, before).toFixed(0)} ms and ${at(1 - 1e-9, during).toFixed(0)} ms`;
    console.error(`${name}: ${before.length} reads before, ${during.length} during; ${p99}; ${longest}`);
  } finally {
    await store.close();
    await site.stop();
  }
}

function until(milliseconds: number): () => boolean {
  const end = performance.now() + milliseconds;
  return () => performance.now() > end;
}
