import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { createSessions, type Options, SettingsError, type StoredRecord, type StoreId } from "coatcheck";
import { type SqliteDatabase, type SqliteStore, sqliteStore } from "coatcheck/sqlite";
import { testStore } from "coatcheck/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { abortUnderWay } from "../instruments/abort-under-way.ts";
import { Browser } from "../instruments/browser.ts";

let folder = "";
let file = "";

const opened: { close(): unknown }[] = [];
function opens<T extends { close(): unknown }>(closable: T): T {
  opened.push(closable);
  return closable;
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "coatcheck-sqlite-"));
}

/** Two SQLite libraries in one process do not see each other's locks, so each kind looks at its file with its own. */
const kinds = {
  "a path": (path: string) => ({
    given: path,
    // Opened later than the store: beside a file that is open already, the store searches the heap for better-sqlite3.
    get database() {
      return opens(new DatabaseSync(path));
    },
  }),
  "a node:sqlite handle": (path: string) => given(new DatabaseSync(path), "wal"),
  "a better-sqlite3 handle": (path: string) => given(new Database(path), "wal"),
  "a better-sqlite3 handle with a rollback journal": (path: string) => given(new Database(path), "delete"),
  "a handle that its owner reads with big integers, as arrays": (path: string) =>
    given(new DatabaseSync(path, { readBigInts: true, returnArrays: true }), "wal"),
};

function given<Handle extends DatabaseSync | Database.Database>(database: Handle, journal: "wal" | "delete") {
  database.exec(`PRAGMA journal_mode = ${journal}`);
  return { given: database, database };
}

for (const [kind, open] of Object.entries(kinds)) {
  testStore(
    `sqlite, ${kind}`,
    () => {
      const at = newFolder();
      const [here, there] = [open(join(at, "site.sqlite3")), open(join(at, "site.sqlite3"))];
      const store = sqliteStore(here.given);
      const elsewhere = sqliteStore(there.given);
      return {
        store,
        elsewhere,
        peek(id) {
          const sql = "SELECT concat_ws(' ', data, user_id, moved_to) FROM coatcheck_sessions WHERE id = ?";
          return JSON.stringify(here.database.prepare(sql).get(id) ?? "");
        },
        async dispose() {
          await store.close();
          await elsewhere.close();
          for (const { given } of [here, there]) if (typeof given !== "string") given.close();
          rmSync(at, { recursive: true });
        },
      };
    },
    { describe, it },
  );
}

const call = (milliseconds = 10_000) => ({ signal: AbortSignal.timeout(milliseconds), now: Date.now() });
const newId = () => createHash("sha256").update(randomBytes(32)).digest("hex") as StoreId;

function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const times = {
    createdAt: Date.now(),
    authenticatedAt: null,
    expiresAt: Date.now() + 3_600_000,
    expiry: null,
  };
  return { data: '{"n":1}', version: 1, userId: null, format: 1, ...times, ...changes };
}

const pathStore = (...given: Parameters<typeof sqliteStore>): SqliteStore => opens(sqliteStore(...given));

beforeEach(() => {
  folder = newFolder();
  file = join(folder, "site.sqlite3");
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  rmSync(folder, { recursive: true });
});

describe("sqliteStore", () => {
  it("opens nothing before the first call, and then a file for its owner's eyes only", async () => {
    const store = pathStore(file);
    expect(existsSync(file)).toBe(false);
    await store.create(newId(), record(), call());
    for (const suffix of ["", "-wal", "-shm"])
      expect(statSync(file + suffix).mode & 0o777, suffix).toBe(0o600);
    expect(opens(new DatabaseSync(file)).prepare("PRAGMA journal_mode").get()).toEqual({
      journal_mode: "wal",
    });
  });

  it("does not remember that it could not open: the next call tries again", async () => {
    mkdirSync(join(folder, "disk"));
    const store = pathStore(join(folder, "disk", "site.sqlite3"));
    renameSync(join(folder, "disk"), join(folder, "elsewhere"));
    await expect(store.read(newId(), call())).rejects.toThrow(/could not be opened. Its folder must exist/);
    renameSync(join(folder, "elsewhere"), join(folder, "disk"));
    expect(await store.read(newId(), call())).toBeNull();
  });

  // Reports: rawberg/connect-sqlite3#15.
  it("is refused at start in a folder that does not exist", () => {
    const missing = join(folder, "missing");
    expect(() => sqliteStore(join(missing, "site.sqlite3"))).toThrow(
      `The option store takes a SQLite file in a folder that exists: there is no folder ${missing}.`,
    );
  });

  it("stays in the folder that was the current one when the store was made", async () => {
    const before = vi.spyOn(process, "cwd").mockReturnValue(folder);
    const store = pathStore("site.sqlite3");
    before.mockRestore();
    await store.createTable();
    expect(existsSync(file)).toBe(true);
  });

  it("begins anew after its table was dropped", async () => {
    const store = pathStore(file);
    await store.create(newId(), record(), call());
    opens(new DatabaseSync(file)).exec("DROP TABLE coatcheck_sessions");
    await expect(store.read(newId(), call())).rejects.toThrow(/no such table/);
    expect(await store.create(newId(), record(), call())).toBe(true);
  });

  it("creates its table once, at createTable() or the first call, and finds it by its keys", async () => {
    const store = pathStore(file, { table: "Web_Sessions" });
    await store.createTable();
    await store.createTable();
    await pathStore(file, { table: "web_sessions" }).check(call());
    const database = opens(new DatabaseSync(file));
    const plan = (sql: string) => JSON.stringify(database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
    expect(plan("SELECT * FROM web_sessions WHERE id = '' AND expires_at > 0")).toMatch(
      /SEARCH.*autoindex.*\(id=\?\)/,
    );
    expect(plan("SELECT rowid FROM web_sessions WHERE expires_at <= 0 ORDER BY expires_at LIMIT 9")).toMatch(
      /Web_Sessions_expires_at/,
    );
    expect(plan("SELECT id FROM web_sessions WHERE user_id = 'a' AND expires_at > 0")).toMatch(
      /Web_Sessions_user_id/,
    );
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    expect(tables.map(({ name }) => name)).toEqual(["Web_Sessions"]);
  });

  it("finds the table that another process created between its look and its own attempt", async () => {
    const handle = opens(new DatabaseSync(file));
    const other = opens(new DatabaseSync(file));
    const made = opens(new DatabaseSync(":memory:"));
    await sqliteStore(made).createTable();
    const schema = made.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").all();
    const late: SqliteDatabase = {
      prepare: (sql) => handle.prepare(sql),
      exec(sql) {
        if (sql === "BEGIN IMMEDIATE") for (const { sql } of schema) other.exec(String(sql));
        handle.exec(sql);
      },
      close() {},
    };
    expect(await sqliteStore(late).create(newId(), record(), call())).toBe(true);
  });

  it("refuses options that cannot work, saying what they take", () => {
    for (const table of ["", "a b", "1st", 'x"; DROP TABLE y', "sqlite_sessions", "a".repeat(64)]) {
      expect(() => sqliteStore(file, { table })).toThrow(/option table takes a name/);
    }
    expect(() => sqliteStore(file, { synchronous: "off" as "full" })).toThrow(
      /option synchronous takes "normal" or "full"/,
    );
    expect(() => sqliteStore(new Database(":memory:"), { synchronous: "full" })).toThrow(/only with a path/);
    for (const wrong of ["", "file:site.sqlite3", null, {}, undefined]) {
      expect(() => sqliteStore(wrong as string)).toThrow(
        /takes sqliteStore with the path of a file, or an open database/,
      );
    }
  });

  it("works in memory, where each store is a database of its own", async () => {
    const store = pathStore(":memory:");
    const id = newId();
    await store.create(id, record(), call());
    expect(await store.read(id, call())).toMatchObject({ data: '{"n":1}' });
    expect(await pathStore(":memory:").read(id, call())).toBeNull();
    expect(existsSync(":memory:")).toBe(false);
  });

  it("waits for the disk at each write when told so", async () => {
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    await pathStore(file).createTable();
    await pathStore(file, { synchronous: "full" }).createTable();
    const settings = exec.mock.calls.map(([sql]) => sql).filter((sql) => sql.includes("synchronous"));
    exec.mockRestore();
    expect(settings).toEqual(["PRAGMA synchronous = normal", "PRAGMA synchronous = full"]);
  });

  it("says at check, and at every call, what is wrong with a table that is something else", async () => {
    opens(new DatabaseSync(file)).exec("CREATE TABLE coatcheck_sessions (id TEXT, coat TEXT)");
    const store = pathStore(file);
    await expect(store.check(call())).rejects.toThrow(
      /has not the columns.*choose another name by the option table/s,
    );
    await expect(store.read(newId(), call())).rejects.toThrow(/has not the columns/);
  });

  it("takes a word of SQL for the name of its table", async () => {
    const store = pathStore(file, { table: "order" });
    const id = newId();
    expect(await store.create(id, record({ userId: "ann" }), call())).toBe(true);
    expect(await store.listUser("ann", call())).toEqual([id]);
    await store.check(call());
    await store.createTable();
    expect((await store.stats(call())).live).toBe(1);
  });

  describe("a table that is there", () => {
    const layout = (changes: Record<string, string>) => {
      const columns: Record<string, string> = {
        id: "TEXT NOT NULL PRIMARY KEY",
        data: "TEXT NOT NULL",
        version: "INTEGER NOT NULL",
        user_id: "TEXT",
        created_at: "INTEGER NOT NULL",
        authenticated_at: "INTEGER",
        expires_at: "INTEGER NOT NULL",
        expiry: "REAL",
        format: "INTEGER NOT NULL",
        moved_to: "TEXT",
        ...changes,
      };
      const kept = Object.entries(columns).filter(([, type]) => type !== "");
      return `CREATE TABLE coatcheck_sessions (${kept.map((column) => column.join(" ")).join(", ")})`;
    };

    it.each([
      [{ site: "TEXT NOT NULL" }, /site must be filled in/],
      [{ user_id: "INTEGER" }, /user_id is INTEGER and not TEXT/],
      [{ user_id: "TEXT COLLATE NOCASE" }, /user_id does not compare exactly/],
      [{ id: "TEXT NOT NULL" }, /id is not its primary key/],
      [{ version: "" }, /there is no version/],
    ])("is refused where it cannot hold sessions: %o", async (changes, why) => {
      opens(new DatabaseSync(file)).exec(layout(changes));
      const store = pathStore(file);
      for (const verb of [() => store.check(call()), () => store.read(newId(), call()), store.createTable]) {
        await expect(verb()).rejects.toThrow(/cannot hold sessions/);
        await expect(verb()).rejects.toThrow(why);
      }
    });

    it("of an older release is brought up to date, and keeps its sessions", async () => {
      const database = opens(new DatabaseSync(file));
      database.exec(layout({ moved_to: "", site: "TEXT NOT NULL DEFAULT 'here'" }));
      database.exec(
        `INSERT INTO coatcheck_sessions (id, data, version, created_at, expires_at, format) VALUES ('${"a".repeat(64)}', '1', 1, 0, 9e15, 1)`,
      );
      const store = pathStore(file);
      expect(await store.rotate("a".repeat(64) as StoreId, newId(), record(), 1, call())).toBe("saved");
      expect(database.prepare("SELECT version FROM coatcheck_sessions_schema").get()).toEqual({
        version: "coatcheck sessions, schema 1",
      });
    });

    it("gets back the indexes that it lost, and one of a newer release is left alone", async () => {
      const store = pathStore(file);
      await store.createTable();
      const database = opens(new DatabaseSync(file));
      const indexes = () =>
        database.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").all()
          .length;
      database.exec("DROP INDEX coatcheck_sessions_expires_at; DROP INDEX coatcheck_sessions_user_id");
      expect(indexes()).toBe(0);
      await store.createTable();
      expect(indexes()).toBe(2);

      const newer =
        "CREATE VIEW coatcheck_sessions_schema AS SELECT 'coatcheck sessions, schema 99' AS version";
      database.exec(`DROP VIEW coatcheck_sessions_schema; ${newer}`);
      await pathStore(file).createTable();
      expect(
        database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'coatcheck_sessions_schema'").get(),
      ).toEqual({ sql: newer });
    });
  });

  it("says at check that a database cannot be written", async () => {
    await pathStore(file).createTable();
    const store = sqliteStore(opens(new DatabaseSync(file, { readOnly: true })));
    expect(await store.read(newId(), call())).toBeNull();
    await expect(store.check(call())).rejects.toThrow(/readonly/);
  });

  it("leaves nothing half done when a rotation fails: the session stays, and the handle is free", async () => {
    for (const handle of [opens(new DatabaseSync(file)), opens(new Database(`${file}-2`))]) {
      const store = sqliteStore(handle);
      const [id, taken] = [newId(), newId()];
      await store.create(id, record(), call());
      await store.create(taken, record({ version: 2 }), call());
      await expect(store.rotate(id, taken, record({ version: 3 }), 1, call())).rejects.toThrow(/UNIQUE/);
      expect(await store.read(id, call())).toMatchObject({ version: 1 });
      expect(await store.read(taken, call())).toMatchObject({ version: 2 });
      expect(await store.update(id, record({ version: 3 }), 1, call())).toBe("saved");
    }
  });

  it("serves nothing after close", async () => {
    const store = pathStore(file);
    await store.create(newId(), record(), call());
    await store.close();
    await store.close();
    await expect(store.read(newId(), call())).rejects.toThrow(/was closed/);
  });

  it("leaves a handle's settings alone, and open", async () => {
    const handle = opens(new Database(file, { timeout: 1234 }));
    const store = sqliteStore(handle);
    await store.create(newId(), record(), call());
    await store.close();
    expect(handle.pragma("journal_mode", { simple: true })).toBe("delete");
    expect(handle.pragma("busy_timeout", { simple: true })).toBe(1234);
    expect(handle.prepare("SELECT count(*) FROM coatcheck_sessions").pluck().get()).toBe(1);
  });

  it("clears in short transactions, and others write in between", async () => {
    const store = pathStore(file);
    const now = Date.now();
    for (let n = 0; n < 1000; n++) await store.create(newId(), record({ expiresAt: now + 1000 }), call());
    const rest = async () => (await store.stats({ ...call(), now: now + 1000 })).expired ?? Number.NaN;
    const seen: number[] = [];
    const sweep = store.clearExpired({ ...call(), now: now + 1000, limit: 750 });
    let isOver = false;
    const busy = async () => {
      const other = pathStore(file);
      while (!isOver) {
        await other.create(newId(), record(), call());
        seen.push(await rest());
      }
    };
    const swept = sweep.finally(() => {
      isOver = true;
    });
    await Promise.all([swept, busy()]);
    expect(await sweep).toBe(750);
    expect(await rest()).toBe(250);
    expect(
      seen.some((left) => left > 250 && left < 1000),
      String(seen),
    ).toBe(true);
  });

  it("counts very many sessions, and lists those of one user, in steps that let the server go on", async () => {
    const store = pathStore(file);
    await store.createTable();
    const database = opens(new DatabaseSync(file));
    database.exec(`
      WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
      INSERT INTO coatcheck_sessions (id, data, version, user_id, created_at, expires_at, format)
      SELECT printf('%064x', n), '{"ж":1}', n, 'ann', n, n, 1 FROM numbers`);
    let turns = 0;
    let turn: ReturnType<typeof setImmediate>;
    const count = () => {
      turns++;
      turn = setImmediate(count);
    };
    turn = setImmediate(count);
    let steps = 0;
    const at = { ...call(), now: 1000 };
    expect(await store.stats({ ...at, onStep: () => steps++ })).toEqual({
      live: 4000,
      expired: 1000,
      authenticated: 4000,
      oldest: 1001,
      bytes: 4000 * 8,
    });
    expect(steps).toBe(5);
    expect(turns).toBeGreaterThanOrEqual(5);
    turns = 0;
    expect(new Set(await store.listUser("ann", at)).size).toBe(4000);
    expect(turns).toBeGreaterThanOrEqual(4);
    clearImmediate(turn);
    const plan = database.prepare(
      "EXPLAIN QUERY PLAN SELECT id, rowid FROM coatcheck_sessions WHERE user_id = ? AND expires_at > ? AND rowid > ? ORDER BY rowid LIMIT ?",
    );
    expect(JSON.stringify(plan.all())).toMatch(/coatcheck_sessions_user_id \(user_id=\? AND rowid>\?\)/);
  });

  it("stops clearing when its signal aborts", async () => {
    const store = pathStore(file);
    const now = Date.now();
    for (let n = 0; n < 500; n++) await store.create(newId(), record({ expiresAt: now + 1000 }), call());
    const controller = new AbortController();
    const sweep = store.clearExpired({ signal: controller.signal, now: now + 1000, limit: 500 });
    controller.abort(new Error("enough"));
    await expect(sweep).rejects.toThrow("enough");
    expect((await store.stats({ ...call(), now: now + 1000 })).expired).toBeGreaterThan(0);
  });
});

describe("a file that is deleted or replaced while it is open", () => {
  const given = {
    "a path": () => file,
    "a node:sqlite handle": () => opens(new DatabaseSync(file)),
    "a better-sqlite3 handle": () => opens(new Database(file)),
  };
  const changes = {
    deleted: () => {},
    replaced: () => copyFileSync(join(folder, "aside"), file),
  };
  for (const [kind, open] of Object.entries(given)) {
    for (const [change, then] of Object.entries(changes)) {
      it(`is an error at every call, and none when it is back: ${kind}, ${change}`, async () => {
        const store = pathStore(open());
        const [id, kept] = [newId(), record()];
        await store.create(id, kept, call());
        renameSync(file, join(folder, "aside"));
        then();
        const other = newId();
        const calls = [
          () => store.read(id, call()),
          () => Promise.all([store.read(id, call()), store.read(other, call())]),
          () => store.create(other, record(), call()),
          () => store.update(id, record({ version: 2 }), kept.version, call()),
          () => store.delete(id, call()),
          () => store.check(call()),
        ];
        for (const one of calls)
          await expect(one()).rejects.toThrow(/was deleted or replaced while it was open/);
        expect(existsSync(file), "nothing was made in its place").toBe(change === "replaced");
        renameSync(join(folder, "aside"), file);
        expect(await store.read(id, call())).toEqual(kept);
        expect(await store.create(other, record(), call())).toBe(true);
      });
    }
  }
});

describe("a file that this process has open with better-sqlite3", () => {
  const refusal =
    /takes sqliteStore\(database\) here: this process has .*site\.sqlite3 open with better-sqlite3/;

  for (const journal of ["wal", "delete"]) {
    it(`is refused by its path, with journal_mode ${journal}, and taken as a handle`, async () => {
      const site = opens(new Database(file));
      site.pragma(`journal_mode = ${journal}`);
      site.exec("CREATE TABLE books (title); INSERT INTO books VALUES ('Emma')");
      expect(() => sqliteStore(file)).toThrow(refusal);
      symlinkSync(file, join(folder, "alias"));
      expect(() => sqliteStore(join(folder, "alias"))).toThrow(/takes sqliteStore\(database\) here/);
      expect(await pathStore(site).create(newId(), record(), call())).toBe(true);
    });
  }

  it("is refused at the first call where the site opened it after the store was made", async () => {
    const store = pathStore(file);
    const site = opens(new Database(file));
    site.exec("CREATE TABLE books (title)");
    await expect(store.create(newId(), record(), call())).rejects.toThrow(refusal);
    await expect(store.read(newId(), call())).rejects.toThrow(SettingsError);
    site.exec("INSERT INTO books VALUES ('Emma')");
    expect(opens(new Database(file)).prepare("SELECT title FROM books").pluck().all()).toEqual(["Emma"]);
  });

  it("is another matter than a file that it had open, or one that it has open beside it", async () => {
    const site = new Database(file);
    site.exec("CREATE TABLE books (title)");
    site.close();
    opens(new Database(join(folder, "other.sqlite3"))).exec("CREATE TABLE books (title)");
    const reading = opens(new DatabaseSync(file));
    expect(reading.prepare("SELECT count(*) AS n FROM books").get()).toEqual({ n: 0 });
    expect(await pathStore(file).create(newId(), record(), call())).toBe(true);
    expect(await pathStore(file).create(newId(), record(), call())).toBe(true);
  });
});

describe("writes that arrive in one turn", () => {
  /** A database that writes down how its transactions begin and end. */
  function overheard() {
    const said: string[] = [];
    const database = opens(new DatabaseSync(file));
    database.exec("PRAGMA journal_mode = WAL");
    const exec = database.exec.bind(database);
    database.exec = (sql) => {
      if (/BEGIN|COMMIT|ROLLBACK/.test(sql)) said.push(sql);
      exec(sql);
    };
    return { said, store: sqliteStore(database) };
  }

  it("are one transaction, one alone is none", async () => {
    const { said, store } = overheard();
    const ids = Array.from({ length: 5 }, newId);
    await store.createTable();
    said.length = 0;
    expect(await store.create(newId(), record(), call())).toBe(true);
    expect(said).toEqual([]);
    expect(new Set(await Promise.all(ids.map((id) => store.create(id, record(), call()))))).toEqual(
      new Set([true]),
    );
    expect(said).toEqual(["BEGIN IMMEDIATE", "COMMIT"]);
    const [a, b, c, d, e] = ids as [StoreId, StoreId, StoreId, StoreId, StoreId];
    const to = newId();
    const outcomes = await Promise.all([
      store.update(a, record({ version: 2 }), 1, call()),
      store.update(a, record({ version: 3 }), 2, call()),
      store.update(b, record(), 9, call()),
      store.rotate(c, to, record(), 1, call()),
      store.delete(c, call()),
      store.delete(d, call()),
      store.touch(e, Date.now() + 9e6, 1, call()),
      store.update(newId(), record(), 1, call()),
    ]);
    expect(outcomes).toEqual([
      "saved",
      "saved",
      "conflict",
      "saved",
      { movedTo: to },
      undefined,
      true,
      "gone",
    ]);
    expect(said).toEqual(["BEGIN IMMEDIATE", "COMMIT", "BEGIN IMMEDIATE", "COMMIT"]);
    expect(await Promise.all(ids.map((id) => store.read(id, call())))).toMatchObject([
      { version: 3 },
      { version: 1 },
      "moved",
      null as never,
      { version: 1 },
    ]);
  });

  it("of which one fails cost the others nothing", async () => {
    const { store } = overheard();
    const [id, other, taken] = [newId(), newId(), newId()];
    await Promise.all([id, other, taken].map((id) => store.create(id, record(), call())));
    const [first, refused, last] = await Promise.allSettled([
      store.update(other, record({ version: 2 }), 1, call()),
      store.rotate(id, taken, record(), 1, call()),
      store.delete(taken, call()),
    ]);
    expect(first).toEqual({ status: "fulfilled", value: "saved" });
    expect(refused.status).toBe("rejected");
    expect(last).toEqual({ status: "fulfilled", value: undefined });
    expect(await store.read(id, call())).toMatchObject({ version: 1 });
    expect(await store.read(other, call())).toMatchObject({ version: 2 });
    expect(await store.read(taken, call())).toBeNull();
  });

  it("and wait for a lock leave one by one, at their own signals, and do nothing later", async () => {
    const store = pathStore(file);
    const [id, other] = [newId(), newId()];
    await store.create(id, record(), call());
    await store.create(other, record(), call());
    const locker = opens(new DatabaseSync(file));
    locker.exec("BEGIN IMMEDIATE");
    const leaving = store.update(id, record({ version: 2 }), 1, call(50));
    const staying = store.update(other, record({ version: 2 }), 1, call());
    await expect(leaving).rejects.toThrow();
    locker.exec("ROLLBACK");
    expect(await staying).toBe("saved");
    expect(await store.read(id, call())).toMatchObject({ version: 1 });
  });
});

describe("reads that arrive in one turn", () => {
  /** The transactions that work begins and ends. */
  async function transactionsIn(work: () => Promise<unknown>) {
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    await work();
    const said = exec.mock.calls.map(([sql]) => sql);
    exec.mockRestore();
    return said;
  }

  it("lock the file once for all, and one alone needs no transaction", async () => {
    const store = pathStore(file);
    const ids = [newId(), newId(), newId()];
    for (const [n, id] of ids.entries()) await store.create(id, record({ version: n }), call());
    expect(await transactionsIn(() => store.read(ids[0] as StoreId, call()))).toEqual([]);
    const reads = () => Promise.all([...ids, newId()].map((id) => store.read(id, call())));
    expect(await transactionsIn(reads)).toEqual(["BEGIN", "COMMIT"]);
    expect(await reads()).toMatchObject([{ version: 0 }, { version: 1 }, { version: 2 }, null as never]);
  });

  it("each have their own answer, by their own clock", async () => {
    const store = pathStore(file);
    const [id, kept] = [newId(), record()];
    await store.create(id, kept, call());
    const at = (now: number) => store.read(id, { ...call(), now });
    expect(await Promise.all([at(kept.expiresAt - 1), at(kept.expiresAt)])).toEqual([kept, null]);
  });

  it("see what another connection has written since the turn before", async () => {
    const [store, other] = [pathStore(file), pathStore(file)];
    const ids = [newId(), newId()];
    await Promise.all(ids.map((id) => store.create(id, record(), call())));
    for (let version = 2; version < 20; version++) {
      const writes = ids.map((id) => other.update(id, record({ version }), version - 1, call()));
      const unheeded = ids.map((id) => store.read(id, call()));
      expect(await Promise.all(writes)).toEqual(["saved", "saved"]);
      const reads = await Promise.all(ids.map((id) => store.read(id, call())));
      expect(reads).toMatchObject([{ version }, { version }]);
      await Promise.all(unheeded);
    }
  });

  it("begin no transaction on a handle, whose owner may have one open", async () => {
    const handle = opens(new DatabaseSync(file));
    const store = sqliteStore(handle);
    const ids = [newId(), newId()];
    await Promise.all(ids.map((id) => store.create(id, record(), call())));
    handle.exec("BEGIN IMMEDIATE");
    const reads = () => Promise.all(ids.map((id) => store.read(id, call())));
    expect((await transactionsIn(reads)).filter((sql) => !sql.startsWith("PRAGMA"))).toEqual([]);
    expect(await reads()).toMatchObject([{ version: 1 }, { version: 1 }]);
    expect(handle.isTransaction).toBe(true);
    handle.exec("ROLLBACK");
  });
});

it("an update leaves the indexes alone where it moves neither the end nor the user", async () => {
  const store = pathStore(file);
  const [id, kept] = [newId(), record()];
  await store.create(id, kept, call());
  const database = opens(new DatabaseSync(file));
  // These triggers fire when a statement sets the columns, changed or not; SQLite rewrites their index entries then.
  database.exec(`
    CREATE TABLE indexed (version INTEGER);
    CREATE TRIGGER noticed AFTER UPDATE OF expires_at, user_id ON coatcheck_sessions
      BEGIN INSERT INTO indexed VALUES (new.version); END`);
  const writes: StoredRecord[] = [
    { ...kept, version: 2, data: "2", createdAt: 2, authenticatedAt: 3, expiry: 0.5, format: 7 },
    { ...kept, version: 3, userId: "ann" },
    { ...kept, version: 4, userId: "ann", data: "4" },
    { ...kept, version: 5, userId: "ann", expiresAt: kept.expiresAt + 1 },
    { ...kept, version: 6 },
  ];
  for (const next of writes) {
    expect(await store.update(id, next, next.version - 1, call())).toBe("saved");
    expect(await store.read(id, call())).toEqual(next);
  }
  expect(
    database
      .prepare("SELECT version FROM indexed")
      .all()
      .map((row) => row.version),
  ).toEqual([3, 5, 6]);
});

describe("a locked SQLite database", () => {
  const stayedLocked = { message: expect.stringContaining("stayed locked") };
  const given = {
    "a path": () => file,
    // A call that waited within SQLite would hold the event loop, and with it the COMMIT, for longer than a test may take.
    "a node:sqlite handle": () => opens(new DatabaseSync(file, { timeout: 90_000 })),
    "a better-sqlite3 handle": () => opens(new Database(file, { timeout: 90_000 })),
  };
  const sameLibrary = (kind: string) =>
    opens(kind.includes("better") ? new Database(file) : new DatabaseSync(file));

  for (const [kind, open] of Object.entries(given)) {
    it(`holds up no one else: ${kind} waits, gives up when its signal aborts, and works again`, async () => {
      const store = pathStore(open());
      const [id, later] = [newId(), newId()];
      const other = sameLibrary(kind);
      other.exec("PRAGMA journal_mode = WAL");
      expect(await store.create(id, record(), call())).toBe(true);
      other.exec("BEGIN IMMEDIATE");
      let patient: Promise<unknown> = Promise.resolve();
      const [end] = await abortUnderWay((impatient) => {
        const update = store.update(id, record({ version: 2 }), 1, impatient);
        patient = store.create(later, record(), call());
        return [update];
      });
      expect(end).toMatchObject(stayedLocked);
      expect(await store.read(id, call()), "reading goes on").toMatchObject({ version: 1 });
      await sleep(200);
      other.exec("COMMIT");
      expect(await patient).toBe(true);
      expect(await store.read(id, call()), "what gave up wrote nothing").toMatchObject({ version: 1 });
      expect(await store.update(id, record({ version: 2 }), 1, call())).toBe("saved");
    });
  }

  it("keeps the order of those that wait, and drops those that gave up", async () => {
    const store = pathStore(file);
    const id = newId();
    await store.create(id, record({ version: 0 }), call());
    const other = opens(new DatabaseSync(file));
    other.exec("BEGIN IMMEDIATE");
    const steps = [1, 2, 3, 4, 5].map((version) =>
      store.update(id, record({ version }), version - 1, call(version === 5 ? 50 : 10_000)),
    );
    await expect(steps[4]).rejects.toThrow(/stayed locked/);
    other.exec("ROLLBACK");
    expect(await Promise.all(steps.slice(0, 4))).toEqual(["saved", "saved", "saved", "saved"]);
    expect(await store.read(id, call())).toMatchObject({ version: 4 });
  });

  it("waits for the end of a transaction that the handle's owner has open, and is not undone with it", async () => {
    for (const handle of [opens(new DatabaseSync(file)), opens(new Database(`${file}-2`))]) {
      const store = sqliteStore(handle);
      const id = newId();
      handle.exec("BEGIN");
      const first = store.read(id, call());
      handle.exec("ROLLBACK");
      expect(await first, "the first call of all, that creates the table").toBeNull();
      handle.exec("BEGIN");
      const created = store.create(id, record(), call());
      const [end] = await abortUnderWay((call) => [store.create(newId(), record(), call)]);
      expect(end).toMatchObject(stayedLocked);
      handle.exec("ROLLBACK");
      expect(await created).toBe(true);
      expect(await store.read(id, call())).toMatchObject({ version: 1 });
    }
  });

  it("keeps the locks that this process has on the file when the store opens it", async () => {
    const handle = opens(new DatabaseSync(file));
    handle.exec("CREATE TABLE coats (id); BEGIN IMMEDIATE");
    const [end] = await abortUnderWay((call) => [pathStore(file).read(newId(), call)]);
    expect(end).toMatchObject(stayedLocked);
    const write = `new (require("node:sqlite").DatabaseSync)(${JSON.stringify(file)}).exec("INSERT INTO coats VALUES (1)")`;
    const other = spawnSync(process.execPath, ["-e", write], { encoding: "utf8" });
    expect(other.stderr).toMatch(/database is locked/);
  });

  it("waits while a new file is locked by whoever creates it", async () => {
    const other = opens(new DatabaseSync(file));
    other.exec("BEGIN EXCLUSIVE");
    const store = pathStore(file);
    const [end] = await abortUnderWay((call) => [store.read(newId(), call)]);
    expect(end).toMatchObject(stayedLocked);
    const created = store.create(newId(), record(), call());
    await sleep(30);
    other.exec("COMMIT");
    expect(await created).toBe(true);
  });
});

describe("several processes on one SQLite file", () => {
  const children: ChildProcess[] = [];
  async function writer(id: StoreId, times: number): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, "processes/sqlite-writer.ts"), [file, id, String(times)], {
      execArgv: ["--import", "./test/runner/from-source.ts"],
    });
    children.push(child);
    await once(child, "message");
    return child;
  }

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  it("open a new file at once and raise one counter, each 200 times: 400", async () => {
    const id = newId();
    const writers = [await writer(id, 200), await writer(id, 200)];
    for (const child of writers) child.send("go");
    const codes = await Promise.all(writers.map(async (child) => (await once(child, "exit"))[0]));
    expect(codes).toEqual([0, 0]);
    expect(await pathStore(file).read(id, call())).toMatchObject({ data: "400" });
  });

  it("leave a sound file with every write that was answered when one is killed in the middle", async () => {
    const id = newId();
    for (let round = 0; round < 3; round++) {
      const child = await writer(id, 1e9);
      let answered = 0;
      child.on("message", (count) => {
        answered = count as number;
      });
      child.send("go");
      while (answered < 100 * (round + 1)) await sleep(5);
      child.kill("SIGKILL");
      await once(child, "exit");
      const store = pathStore(file);
      const found = await store.read(id, call());
      if (found === null || found === "moved") throw new Error("the session is gone");
      expect(Number(found.data)).toBeGreaterThanOrEqual(answered);
      expect(await store.update(id, { ...found, version: 7 }, found.version, call())).toBe("saved");
      expect(opens(new DatabaseSync(file)).prepare("PRAGMA integrity_check").get()).toEqual({
        integrity_check: "ok",
      });
    }
  });
});

describe("a backup that is put back", () => {
  it("brings back sessions that have ended since, with their users, and `notBefore` ends them all", async () => {
    const before = createSessions({ store: opens(sqliteStore(file)) });
    const [leaves, changes, stays] = [new Browser(before), new Browser(before), new Browser(before)];
    for (const browser of [leaves, changes, stays]) await browser.visit((session) => session.login("ann"));
    const [stolen, old] = [leaves.copy(), changes.copy()];
    const backup = join(newFolder(), "backup.sqlite3");
    const database = new DatabaseSync(file);
    database.exec(`VACUUM INTO '${backup}'`);
    database.close();
    await leaves.visit((session) => session.logout());
    await changes.visit((session) => session.cycleKey());
    const late = new Browser(before);
    await late.visit((session) => session.login("ben"));

    const usersOf = async (options: Options) => {
      const after = createSessions({ store: opens(sqliteStore(backup)), ...options });
      const browsers = { stolen, old, changes, stays, late };
      const users = Object.entries(browsers).map(async ([name, { cookie }]) => {
        const { userId } = await after.open(cookie, { secure: false });
        return [name, userId];
      });
      return Object.fromEntries(await Promise.all(users));
    };
    expect(await usersOf({})).toEqual({ stolen: "ann", old: "ann", changes: null, stays: "ann", late: null });
    const ended = { stolen: null, old: null, changes: null, stays: null, late: null };
    expect(await usersOf({ notBefore: new Date() })).toEqual(ended);
  });
});

describe("the SQLite that the runtime has", () => {
  afterEach(() => {
    vi.doUnmock("better-sqlite3");
    vi.restoreAllMocks();
    vi.resetModules();
  });

  /** Lets the runtime have these modules in place of its own. */
  function builtIn(modules: Record<string, unknown>): void {
    const { getBuiltinModule } = process;
    const given = (name: string) => (name in modules ? modules[name] : getBuiltinModule(name));
    vi.spyOn(process, "getBuiltinModule").mockImplementation(given as typeof getBuiltinModule);
  }

  async function freshStore(): Promise<SqliteStore> {
    vi.resetModules();
    const { sqliteStore } = await import("coatcheck/sqlite");
    return opens(sqliteStore(file));
  }
  const missing = () => {
    throw new Error("no such module");
  };

  it("is better-sqlite3 where node:sqlite is missing", async () => {
    builtIn({ "node:sqlite": undefined });
    const store = await freshStore();
    const id = newId();
    expect(await store.create(id, record(), call())).toBe(true);
    expect(await store.read(id, call())).toMatchObject({ version: 1 });
  });

  it("is asked for where it cannot be loaded, by a sentence that says what to install", async () => {
    builtIn({ "node:sqlite": undefined });
    vi.doMock("better-sqlite3", missing);
    const store = await freshStore();
    await expect(store.read(newId(), call())).rejects.toThrow(/found no SQLite.*Install better-sqlite3/s);
  });

  it("is asked for at start where there is none, as on Node 20", async () => {
    builtIn({
      "node:module": {
        isBuiltin: (name: string) => name !== "node:sqlite" && name !== "bun:sqlite",
        createRequire: () => Object.assign(missing, { resolve: missing, cache: {} }),
      },
    });
    await expect(freshStore()).rejects.toThrow(/It has no SQLite.*Install better-sqlite3/s);
  });
});
