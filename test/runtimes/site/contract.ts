/** The store contract on this runtime, with the runner that it needs: prints a line of JSON, { passed, failed }. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore } from "coatcheck";
import { type SqliteDatabase, sqliteStore } from "coatcheck/sqlite";
import { type StoreUnderTest, testStore } from "coatcheck/testing";
import { collectedTests } from "../../instruments/collected-tests.ts";

const { describe, it, run } = collectedTests();

testStore("memory", () => ({ store: memoryStore() }), {
  describe,
  it,
  without: ["elsewhere", "peek", "check"],
});

type Open = (path: string) => SqliteDatabase;

/** Two stores on one file, as two processes have them, each on a path or on a handle. */
function onSqlite(name: string, open: Open, isPath: boolean) {
  function makeStore(): StoreUnderTest & { lock: SqliteDatabase } {
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-contract-"));
    const path = join(folder, "site.sqlite3");
    const [lock, here, there] = [open(path), open(path), open(path)] as const;
    lock.exec("PRAGMA journal_mode = WAL");
    const [store, elsewhere] = [sqliteStore(isPath ? path : here), sqliteStore(isPath ? path : there)];
    return {
      store,
      elsewhere,
      lock,
      async dispose() {
        await store.close();
        await elsewhere.close();
        for (const database of [lock, here, there]) database.close();
        rmSync(folder, { recursive: true });
      },
    };
  }

  testStore(name, makeStore, { describe, it, without: ["peek"] });

  it(`${name}: waits for whoever has the lock`, async () => {
    const { store, lock, dispose } = makeStore();
    const call = () => ({ signal: AbortSignal.timeout(5000), now: Date.now() });
    const id = "0".repeat(64) as Parameters<typeof store.delete>[0];
    await store.delete(id, call());
    lock.exec("BEGIN IMMEDIATE");
    let isDone = false;
    const done = store.delete(id, call()).then(() => {
      isDone = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (isDone) throw new Error("it did not wait");
    lock.exec("COMMIT");
    await done;
    await dispose?.();
  });
}

const { DatabaseSync } = await import("node:sqlite");
onSqlite("sqlite, a path", (path) => new DatabaseSync(path), true);

if (process.versions.bun) {
  const name = "bun:sqlite"; // By a name, for TypeScript knows no such module.
  const { Database } = (await import(name)) as {
    Database: new (path: string, how: object) => SqliteDatabase;
  };
  onSqlite(name, (path) => new Database(path, { create: true }), false);
  const how = { create: true, safeIntegers: true };
  onSqlite("bun:sqlite, read with big integers", (path) => new Database(path, how), false);
}

console.log(JSON.stringify(await run()));
process.exit(0);
