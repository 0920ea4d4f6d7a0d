// Measures a request that reads among ten million sessions, and among ten thousand.
import { hash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { postgresStore } from "coatcheck/postgres";
import { sqliteStore } from "coatcheck/sqlite";
import pg from "pg";
import type { Place } from "./contenders/contender.ts";
import type { ContenderName } from "./contenders/index.ts";
import { cpuTime } from "./cpu.ts";
import { burst } from "./load.ts";
import { otherLoad } from "./machine.ts";
import { median, medianRatio } from "./median.ts";
import { type Serving, startServing } from "./serving.ts";
import { visitor } from "./visitor.ts";

const FEW = 10_000;
const PAIRS = 25;
/** Each burst reads other sessions, so that it does not read the same few pages. */
const ASKED = 10_000;

const DATA = JSON.stringify(visitor(200));
const COLUMNS = "id, data, version, created_at, expires_at, format";
const liveUntil = Date.now() + 24 * 3_600_000;

/** The key of the nth session: hexadecimal digits are among the letters that a key may have. */
const keyOf = (n: number) => hash("md5", `session ${n}`);

/** Fills a store and resolves to the place where it is. */
const fillers: Partial<Record<ContenderName, (place: Place, sessions: number) => Promise<Place>>> = {
  async "coatcheck SQLite"(place, sessions) {
    const folder = mkdtempSync(join(place.folder, "scale-"));
    const file = join(folder, "coatcheck.sqlite3");
    const store = sqliteStore(file);
    await store.createTable();
    await store.close();
    const database = new DatabaseSync(file);
    database.exec("PRAGMA synchronous = off; PRAGMA cache_size = -4000000; BEGIN");
    const insert = database.prepare(`INSERT INTO coatcheck_sessions (${COLUMNS}) VALUES (?, ?, ?, 0, ?, 1)`);
    for (let n = 0; n < sessions; n++) insert.run(hash("sha256", keyOf(n)), DATA, n, liveUntil + n);
    database.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    return { ...place, folder };
  },

  async "coatcheck PostgreSQL"(place, sessions) {
    const admin = new pg.Client(place.postgres);
    await admin.connect();
    await admin.query(`CREATE DATABASE scale_${sessions}`);
    await admin.end();
    const url = new URL(place.postgres);
    url.pathname = `/scale_${sessions}`;
    const pool = new pg.Pool({ connectionString: url.href });
    await postgresStore({ pool }).createTable();
    await pool.query(
      `INSERT INTO coatcheck_sessions (${COLUMNS})
       SELECT sha256(md5('session ' || n)::bytea), $1, n, 0, ${liveUntil} + n, 1 FROM generate_series(0, $2 - 1) AS n`,
      [DATA, sessions],
    );
    await pool.query("VACUUM ANALYZE coatcheck_sessions");
    await pool.end();
    return { ...place, postgres: url.href };
  },
};

/** Prints a table. Ten million sessions take some minutes to be filled in, and 15 GB of disk for that long. */
export async function measureScale(place: Place, many: number): Promise<void> {
  console.log(`Filling ${many} sessions into each store; the load average is ${otherLoad()}.`);
  const rows: string[] = [];
  for (const [name, fill] of Object.entries(fillers) as [
    ContenderName,
    (typeof fillers)[ContenderName] & {},
  ][]) {
    const roomy = await startServing(name, await fill(place, FEW));
    const crowded = await startServing(name, await fill(place, many));
    try {
      const samples = { few: [] as Sample[], many: [] as Sample[] };
      for (let pair = -3; pair < PAIRS; pair++) {
        const both = {
          few: await sample(roomy, FEW, place.folder),
          many: await sample(crowded, many, place.folder),
        };
        if (pair < 0) continue; // warms up
        samples.few.push(both.few);
        samples.many.push(both.many);
      }
      const column = (of: Sample[], key: keyof Sample) => of.map((one) => one[key]);
      const ratio = (key: keyof Sample) =>
        medianRatio(column(samples.many, key), column(samples.few, key)).toFixed(2);
      const micros = (of: Sample[]) => median(column(of, "time")).toFixed(0);
      rows.push(
        `| ${[name, micros(samples.few), micros(samples.many), ratio("time"), ratio("cpu"), PAIRS].join(" | ")} |`,
      );
    } finally {
      await Promise.all([roomy.stop(), crowded.stop()]);
    }
  }
  console.log(`
A whole request that reads, one at a time, among ${FEW} and among ${many} sessions; load average now ${otherLoad()}.

| store | µs among few | µs among many | ratio (at most 1.3 wanted) | ratio of CPU | pairs |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`);
}

/** Microseconds per request. */
interface Sample {
  readonly time: number;
  readonly cpu: number;
}

async function sample({ url, pid }: Serving, sessions: number, folder: string): Promise<Sample> {
  const asks = Array.from({ length: ASKED }, () => ({
    path: "/read",
    cookie: `sessionid=${keyOf(Math.floor(Math.random() * sessions))}`,
  }));
  const before = cpuTime(pid);
  const { requests, seconds } = await burst({ url, connections: 1, asks, follow: false }, folder);
  return { time: (seconds * 1e6) / requests, cpu: (cpuTime(pid) - before) / requests };
}
