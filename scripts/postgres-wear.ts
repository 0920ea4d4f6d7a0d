// Measures what sessions cost PostgreSQL beside time: the bytes of WAL and the share of HOT updates of each kind of write, and how the
// table grows, for several values of fillfactor: node scripts/postgres-wear.ts [sessions] [rounds]. Prints the tables of docs/operation.md.
// Sessions hold 200 bytes, all of which are new with each write, and a user. Each step reaches every session once in a random order,
// through the store.
import { createHash, randomBytes } from "node:crypto";
import pg from "pg";
import { newVersion, type StoredRecord, type StoreId } from "../src/contract/record.ts";
import { postgresStore } from "../src/stores/postgres.ts";
import { postgres } from "../test/servers/postgres.ts";
import { start } from "../test/servers/start.ts";

const [count = "20000", several = "5"] = process.argv.slice(2);
const [SESSIONS, ROUNDS] = [Number(count), Number(several)];
const AT_ONCE = 32;
const newData = () => JSON.stringify({ data: randomBytes(95).toString("hex").slice(1) });
const HOUR = 3_600_000;

const server = await start(postgres);
const pool = new pg.Pool({ connectionString: server.url, max: 4 });
const store = postgresStore({ pool });
const call = () => ({ signal: AbortSignal.timeout(60_000), now: Date.now() });
const idOf = (n: number, place = "") => createHash("sha256").update(`${n}${place}`).digest("hex") as StoreId;
const first = async (sql: string) => (await pool.query(sql)).rows[0] as Record<string, string>;

/** No step meets a checkpoint of the server's own, after which the first change of each page writes the whole page. */
for (const setting of ["max_wal_size = '16GB'", "checkpoint_timeout = '1h'", "autovacuum = off"])
  await pool.query(`ALTER SYSTEM SET ${setting}`);
await pool.query("SELECT pg_reload_conf()");

/** Calls `run` for every session, in a random order. */
async function forAll(run: (n: number) => Promise<unknown>): Promise<void> {
  const order = Array.from({ length: SESSIONS }, (_, n) => ({ n, place: Math.random() }));
  order.sort((a, b) => a.place - b.place);
  for (let from = 0; from < SESSIONS; from += AT_ONCE)
    await Promise.all(order.slice(from, from + AT_ONCE).map(({ n }) => run(n)));
}

/** What a step has cost for each session. */
async function measured(run: () => Promise<unknown>) {
  const seen = async () => {
    // The counts of a connection reach the view when it is idle for a second, or has ended.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await pool.query("SELECT pg_stat_clear_snapshot()");
    const wal = await first("SELECT wal_bytes, wal_fpi FROM pg_stat_wal");
    const { updates, hot } = await first(
      "SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'coatcheck_sessions'",
    );
    const { lsn } = await first("SELECT pg_current_wal_lsn() - '0/0' AS lsn");
    return { lsn: Number(lsn), fpi: Number(wal.wal_fpi), updates: Number(updates), hot: Number(hot) };
  };
  const before = await seen();
  await run();
  const after = await seen();
  const updates = after.updates - before.updates;
  return {
    bytes: Math.round((after.lsn - before.lsn) / SESSIONS),
    pages: ((after.fpi - before.fpi) / SESSIONS).toFixed(2),
    hot: updates === 0 ? "" : `${((100 * (after.hot - before.hot)) / updates).toFixed(0)} %`,
  };
}

/** Megabytes of the table, and of all its indexes. */
async function sizes(): Promise<string> {
  const { heap, indexes } = await first(
    "SELECT pg_relation_size('coatcheck_sessions') AS heap, pg_indexes_size('coatcheck_sessions') AS indexes",
  );
  return [heap, indexes].map((bytes) => (Number(bytes) / 1e6).toFixed(1)).join(" | ");
}

let end = Date.now() + 100 * HOUR;
let records: StoredRecord[] = [];

const update = async (n: number, change: Partial<StoredRecord> = {}) => {
  const record = { ...(records[n] as StoredRecord), ...change, data: newData(), version: newVersion() };
  const outcome = await store.update(idOf(n), record, (records[n] as StoredRecord).version, call());
  if (outcome !== "saved") throw new Error(`a session was not saved: ${JSON.stringify(outcome)}`);
  records[n] = record;
};

async function makeTable(fillfactor: number): Promise<void> {
  await pool.query("DROP TABLE IF EXISTS coatcheck_sessions");
  await store.createTable?.();
  await pool.query(`ALTER TABLE coatcheck_sessions SET (fillfactor = ${fillfactor})`);
}

async function createAll(): Promise<void> {
  records = Array.from({ length: SESSIONS }, (_, n) => ({
    data: newData(),
    version: newVersion(),
    userId: `user-${n}`,
    createdAt: Date.now(),
    authenticatedAt: Date.now(),
    expiresAt: end + n,
    expiry: null,
    format: 1,
  }));
  await forAll((n) => store.create(idOf(n), records[n] as StoredRecord, call()));
}

console.log("| step | WAL bytes | whole pages | HOT |\n|---|---:|---:|---:|");
const say = async (step: string, run: () => Promise<unknown>) => {
  const { bytes, pages, hot } = await measured(run);
  console.log(`| ${step} | ${bytes} | ${pages} | ${hot} |`);
};
await makeTable(90);
await say("create", createAll);
await pool.query("VACUUM ANALYZE coatcheck_sessions");
await pool.query("CHECKPOINT");
await say("write, the first after a checkpoint", () => forAll((n) => update(n)));
await say("write", () => forAll((n) => update(n)));
end += 4 * HOUR;
await say("write that moves the end", () => forAll((n) => update(n, { expiresAt: end + n })));
end += 4 * HOUR;
await say("touch", () =>
  forAll(async (n) => {
    const record = records[n] as StoredRecord;
    await store.touch(idOf(n), end + n, record.version, call());
  }),
);
await say("change of the key", () =>
  forAll(async (n) => {
    const record = { ...(records[n] as StoredRecord), data: newData(), version: newVersion() };
    await store.rotate(idOf(n), idOf(n, "b"), record, (records[n] as StoredRecord).version, call());
  }),
);
await say("logout", () => forAll((n) => store.delete(idOf(n, "b"), call())));
await makeTable(90);
await createAll();
await say("clearing", async () => {
  const late = { signal: AbortSignal.timeout(600_000), now: end + 1000 * HOUR, limit: 1000 };
  while ((await store.clearExpired?.(late)) === 1000);
});
await say("VACUUM after it", () => pool.query("VACUUM coatcheck_sessions"));

console.log(
  "\n| fillfactor | step | HOT | WAL bytes | table MB | indexes MB |\n|---:|---|---:|---:|---:|---:|",
);
for (const fillfactor of [100, 90, 80]) {
  await makeTable(fillfactor);
  await createAll();
  await pool.query("VACUUM ANALYZE coatcheck_sessions");
  console.log(`| ${fillfactor} | filled | | | ${await sizes()} |`);
  const written = await measured(async () => {
    for (let round = 0; round < ROUNDS; round++) await forAll((n) => update(n));
  });
  const each = Math.round(written.bytes / ROUNDS);
  console.log(`| ${fillfactor} | ${ROUNDS} writes each | ${written.hot} | ${each} | ${await sizes()} |`);
  // A burst of a visitor: the first write moves the end, and the others leave it.
  const burst = await measured(async () => {
    end += 4 * HOUR;
    await forAll(async (n) => {
      await update(n, { expiresAt: end + n });
      for (let write = 1; write < ROUNDS; write++) await update(n);
    });
  });
  console.log(
    `| ${fillfactor} | ${ROUNDS} in a row, the first moves the end | ${burst.hot} | ${Math.round(burst.bytes / ROUNDS)} | ${await sizes()} |`,
  );
  await pool.query("VACUUM coatcheck_sessions");
  const again = await measured(async () => {
    for (let round = 0; round < ROUNDS; round++) await forAll((n) => update(n));
  });
  console.log(
    `| ${fillfactor} | after VACUUM, ${ROUNDS} writes each | ${again.hot} | ${Math.round(again.bytes / ROUNDS)} | ${await sizes()} |`,
  );
}
await pool.end();
await server.stop();
