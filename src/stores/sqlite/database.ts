/** A SQLite database as `sqliteStore` needs it: opened from a path, or the user's own, of any of three drivers. */

export type SqliteValue = string | number | null;

/** What the prepared statements of `node:sqlite`, `bun:sqlite` and better-sqlite3 have in common. */
export interface SqliteStatement {
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
  run(...values: SqliteValue[]): { changes: number | bigint };
}

/** What a `DatabaseSync` of `node:sqlite` and a `Database` of `bun:sqlite` or better-sqlite3 have in common. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
}

/** How a power cut is weighed against speed: SQLite's own words. */
export type Synchronous = "normal" | "full";

/** The user's handle has a transaction open, and what we wrote now would be undone with it. */
class InTransaction extends Error {
  override readonly name = "InTransaction";

  constructor() {
    super(
      "The database handle given to sqliteStore has a transaction open. Sessions are written when it ends: " +
        "end it before the session is saved, or give sqliteStore a handle of its own, or the path.",
    );
  }
}

/** Whether a lock was in the way, so that the same work can succeed later: SQLITE_BUSY (5) or SQLITE_LOCKED (6). */
export function isLocked(error: unknown): boolean {
  if (error instanceof InTransaction) return true;
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  if (typeof errcode === "number") return (errcode & 0xff) === 5 || (errcode & 0xff) === 6; // node:sqlite
  return typeof code === "string" && /^SQLITE_(BUSY|LOCKED)/.test(code); // better-sqlite3, bun:sqlite
}

/** A statement that answers with numbers and objects, whatever the handle's owner likes better. */
export function prepare(database: SqliteDatabase, sql: string): SqliteStatement {
  const statement: SqliteStatement & {
    setReadBigInts?(on: boolean): unknown;
    setReturnArrays?(on: boolean): unknown;
    safeIntegers?(on: boolean): unknown;
  } = database.prepare(sql);
  statement.setReadBigInts?.(false);
  statement.setReturnArrays?.(false);
  statement.safeIntegers?.(false);
  if (!("finalize" in statement)) return statement;
  // bun:sqlite answers null where there is no row.
  return {
    get: (...values) => statement.get(...values) ?? undefined,
    all: (...values) => statement.all(...values),
    run: (...values) => statement.run(...values),
  };
}

/** All of it or nothing, and never in the middle of somebody else's write. */
export function transaction<T>(database: SqliteDatabase, work: () => T, begin = "BEGIN IMMEDIATE"): T {
  database.exec(begin);
  try {
    const answer = work();
    database.exec("COMMIT");
    return answer;
  } catch (error) {
    try {
      database.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself: on a full disk, for one.
    }
    throw error;
  }
}

/** Where a database comes from, and what belongs to us of it. */
export interface SqliteSource {
  /** Loads what `open` needs; tried again at each call that finds it missing. */
  load(): Promise<void>;
  readonly loaded: boolean;
  /** The open database. Throws; what `isLocked` knows may be tried again. */
  open(): SqliteDatabase;
  /** Runs a write without waiting in it for a lock, and not inside a transaction of the handle's owner. */
  write<T>(work: () => T): T;
  read<T>(work: () => T): T;
  /** Runs several reads. A database of our own locks and unlocks once for all of them. */
  readTogether<T>(work: () => T): T;
  /** Closes what `open` opened, so that the next `open` begins anew. */
  close(): void;
}

interface Driver {
  open(path: string): SqliteDatabase;
  createFile(path: string): void;
}

/** A database that we open ourselves, at the first call. */
export function fromPath(path: string, synchronous: Synchronous): SqliteSource {
  let driver: Driver | undefined;
  let database: SqliteDatabase | undefined;

  const source: SqliteSource = {
    async load() {
      driver ??= await loadDriver();
    },
    get loaded() {
      return driver !== undefined;
    },
    open() {
      if (database !== undefined) return database;
      if (driver === undefined) throw new Error("load() must come first");
      const opened = openFile(driver, path);
      try {
        // Waiting inside SQLite would stop the server, so every wait is ours.
        opened.exec("PRAGMA busy_timeout = 0");
        // Readers and one writer at a time do not hold up each other; ":memory:" stays as it is.
        opened.exec("PRAGMA journal_mode = WAL");
        opened.exec(`PRAGMA synchronous = ${synchronous}`);
      } catch (error) {
        opened.close();
        throw error;
      }
      database = opened;
      return database;
    },
    write: (work) => work(),
    read: (work) => work(),
    readTogether: (work) => transaction(source.open(), work, "BEGIN"),
    close() {
      database?.close();
      database = undefined;
    },
  };
  return source;
}

function openFile(driver: Driver, path: string): SqliteDatabase {
  try {
    driver.createFile(path);
    return driver.open(path);
  } catch (error) {
    throw new Error(
      `The session database ${JSON.stringify(path)} could not be opened. Its folder must exist, and this process must be ` +
        "allowed to write in it.",
      { cause: error },
    );
  }
}

async function loadDriver(): Promise<Driver> {
  const { closeSync, openSync } = await import("node:fs");
  const open = await loadSqlite();
  return {
    open,
    /**
     * Readable by its owner alone, as SQLite then makes its log beside it too. A file that is there is not even opened:
     * closing it would drop the locks of every other connection of this process (sqlite.org/howtocorrupt.html, 2.2).
     */
    createFile(path) {
      if (path === ":memory:") return;
      try {
        closeSync(openSync(path, "wx", 0o600));
      } catch (error) {
        if ((error as { code?: unknown }).code !== "EEXIST") throw error;
      }
    },
  };
}

async function loadSqlite(): Promise<Driver["open"]> {
  const causes: unknown[] = [];
  try {
    const { DatabaseSync } = await import("node:sqlite");
    return (path) => new DatabaseSync(path);
  } catch (error) {
    causes.push(error);
  }
  // By names that bundlers do not follow: most applications have no need of them.
  for (const name of ["bun:sqlite", "better-sqlite3"]) {
    try {
      const { default: Database } = (await import(name)) as { default: new (path: string) => SqliteDatabase };
      return (path) => new Database(path);
    } catch (error) {
      causes.push(error);
    }
  }
  throw new AggregateError(
    causes,
    "sqliteStore found no SQLite: this runtime has no node:sqlite (Node has it from 22.13 on) and no bun:sqlite, and " +
      "better-sqlite3 is not installed. Install better-sqlite3, or give sqliteStore an open database.",
  );
}

/** The user's own database. Its settings stay as they are, and it is never closed. */
export function fromHandle(
  database: SqliteDatabase & { readonly isTransaction?: boolean; readonly inTransaction?: boolean },
): SqliteSource {
  let waits: Waits | undefined;
  const source: SqliteSource = {
    async load() {},
    loaded: true,
    open: () => database,
    write(work) {
      if (database.isTransaction ?? database.inTransaction ?? false) throw new InTransaction();
      waits ??= waitsOf(database);
      return waits.none(work);
    },
    read(work) {
      waits ??= waitsOf(database);
      return waits.readersNeverDo ? work() : waits.none(work);
    },
    readTogether: (work) => source.read(work),
    close() {
      waits = undefined;
    },
  };
  return source;
}

interface Waits {
  /** In WAL mode a reader meets no lock. */
  readonly readersNeverDo: boolean;
  /** Runs what must not wait inside SQLite, and leaves the handle's busy_timeout as it was. */
  none<T>(work: () => T): T;
}

function waitsOf(database: SqliteDatabase): Waits {
  const { timeout } = prepare(database, "PRAGMA busy_timeout").get() as { timeout: number };
  // By exec: SQLite carries this pragma out when it compiles it, so a prepared one would do nothing.
  const wait = (milliseconds: number) => database.exec(`PRAGMA busy_timeout = ${milliseconds}`);
  const none: Waits["none"] = (work) => {
    if (timeout === 0) return work();
    wait(0);
    try {
      return work();
    } finally {
      wait(timeout);
    }
  };
  const mode = none(() => prepare(database, "PRAGMA journal_mode").get()) as { journal_mode: string };
  return { readersNeverDo: mode.journal_mode === "wal", none };
}
