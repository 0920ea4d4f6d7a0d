/** A SQLite database as `sqliteStore` needs it: opened from a path, or the user's own, of any of three drivers. */
import type { SqliteValue } from "../sql/sqlite-table.ts";
import { DatabaseFile, WatchedFile } from "./file.ts";

export type { SqliteValue } from "../sql/sqlite-table.ts";

/** A prepared statement of `node:sqlite`, `bun:sqlite` or better-sqlite3, as far as they are alike. */
export interface SqliteStatement {
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
  run(...values: SqliteValue[]): { changes: number | bigint };
}

/** A `DatabaseSync` of `node:sqlite` or a `Database` of `bun:sqlite` or better-sqlite3, as far as they are alike. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
}

/** How safe writes are from a power cut, in SQLite's own words. */
export type Synchronous = "normal" | "full";

/** The user's handle has a transaction open. If that is rolled back, our write would be undone with it. */
class InTransaction extends Error {
  override readonly name = "InTransaction";

  constructor() {
    super(
      "The database handle given to sqliteStore has a transaction open. Sessions are written when it ends: " +
        "end it before the session is saved, or give sqliteStore a handle of its own, or the path.",
    );
  }
}

/** Whether a lock was in the way and the same work can succeed later: SQLITE_BUSY (5) or SQLITE_LOCKED (6). */
export function isLocked(error: unknown): boolean {
  if (error instanceof InTransaction) return true;
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  if (typeof errcode === "number") return (errcode & 0xff) === 5 || (errcode & 0xff) === 6; // node:sqlite
  return typeof code === "string" && /^SQLITE_(BUSY|LOCKED)/.test(code); // better-sqlite3, bun:sqlite
}

/** The settings of a statement, as `node:sqlite` and better-sqlite3 have them. */
interface StatementSettings {
  setReadBigInts?(on: boolean): unknown;
  setReturnArrays?(on: boolean): unknown;
  safeIntegers?(on: boolean): unknown;
  raw?(on: boolean): unknown;
}

/**
 * A statement that answers with numbers and objects, whatever the handle's owner has set. With `inArrays` its rows are arrays where the
 * driver can make them: `node:sqlite` takes half the time for an array of nine columns that it takes for an object.
 */
export function prepare(database: SqliteDatabase, sql: string, { inArrays = false } = {}): SqliteStatement {
  const statement: SqliteStatement & StatementSettings = database.prepare(sql);
  statement.setReadBigInts?.(false);
  statement.setReturnArrays?.(inArrays);
  statement.safeIntegers?.(false);
  if (!("finalize" in statement)) {
    if (inArrays) statement.raw?.(true);
    return statement;
  }
  // bun:sqlite answers null where there is no row, and its `raw` is another method.
  return {
    get: (...values) => statement.get(...values) ?? undefined,
    all: (...values) => statement.all(...values),
    run: (...values) => statement.run(...values),
  };
}

/** Runs all of the work or none of it, and not while another connection writes. */
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
      // SQLite has rolled back by itself, for example because the disk is full.
    }
    throw error;
  }
}

/** A database that the store opens itself, or one that its owner has opened. */
export interface SqliteSource {
  /** Loads the library that `open` needs. If that fails, the next call tries again. */
  load(): Promise<void>;
  readonly loaded: boolean;
  /** The open database. An error for which `isLocked` is true may be tried again. */
  open(): SqliteDatabase;
  /** Runs a write. Does not wait for a lock inside SQLite, and throws inside a transaction of the handle's owner. */
  write<T>(work: () => T): T;
  read<T>(work: () => T): T;
  /** Runs several reads. A database that the store has opened is locked and unlocked once for all of them. */
  readTogether<T>(work: () => T): T;
  /** Closes the database if `open` has opened it. The next `open` opens it anew. */
  close(): void;
}

interface Driver {
  open(path: string): SqliteDatabase;
  createFile(path: string): void;
}

const IN_MEMORY = ":memory:";

/**
 * A database of another program, which must exist: its journal mode and its other settings stay as they are. Opened at the first
 * call. Throws a SettingsError for a file that cannot be used.
 */
export const fromExistingPath = (given: string): SqliteSource => fromPath(given, null);

/**
 * A database that the store opens itself, at the first call. Throws a SettingsError for a file that cannot be used. null leaves
 * an existing database as it is.
 */
export function fromPath(given: string, synchronous: Synchronous | null): SqliteSource {
  const file = given === IN_MEMORY ? undefined : new DatabaseFile(given);
  if (synchronous === null) file?.checkExists();
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
      file?.check();
      if (driver === undefined) throw new Error("load() must come first");
      file?.refuseSecondLibrary();
      if (synchronous === null) file?.checkExists();
      const opened = openDatabase(driver, file?.path ?? IN_MEMORY);
      file?.opened();
      try {
        // Waiting inside SQLite would stop the server, so all waiting happens in the lock queue.
        opened.exec("PRAGMA busy_timeout = 0");
        if (synchronous !== null) {
          // In WAL mode readers and the writer do not hold up each other. For ":memory:" this changes nothing.
          opened.exec("PRAGMA journal_mode = WAL");
          opened.exec(`PRAGMA synchronous = ${synchronous}`);
        }
        database = opened;
      } finally {
        if (database === undefined) close(opened);
      }
      return database;
    },
    write: checked,
    read: checked,
    readTogether: (work) => checked(() => transaction(source.open(), work, "BEGIN")),
    close() {
      if (database !== undefined) close(database);
      database = undefined;
    },
  };
  function checked<T>(work: () => T): T {
    file?.check();
    return work();
  }

  function close(opened: SqliteDatabase): void {
    opened.close();
    file?.closed();
  }

  return source;
}

function openDatabase(driver: Driver, path: string): SqliteDatabase {
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
     * Creates a file that only its owner can read; SQLite then makes its log files alike. An existing file is not even
     * opened: closing it would drop the locks of all connections of this process (sqlite.org/howtocorrupt.html, 2.2).
     */
    createFile(path) {
      if (path === IN_MEMORY) return;
      try {
        closeSync(openSync(path, "wx", 0o600));
      } catch (error) {
        if ((error as { code?: unknown }).code !== "EEXIST") throw error;
      }
    },
  };
}

async function loadSqlite(): Promise<Driver["open"]> {
  // Not imported, because bundlers such as tsup take "node:" off the names of modules, and this one has no other name.
  const sqlite = process.getBuiltinModule("node:sqlite");
  if (sqlite !== undefined) return (path) => new sqlite.DatabaseSync(path);
  const causes: unknown[] = [];
  // The names are in a variable so that bundlers do not follow them: most applications do not need these packages.
  for (const name of ["bun:sqlite", "better-sqlite3"]) {
    try {
      const { default: Database } = (await import(/* webpackIgnore: true */ name)) as {
        default: new (path: string) => SqliteDatabase;
      };
      return (path) => new Database(path);
    } catch (error) {
      causes.push(error);
    }
  }
  throw new AggregateError(
    causes,
    "sqliteStore found no SQLite: no node:sqlite (Node has it from 22.13 on), no bun:sqlite, no better-sqlite3. " +
      "Install better-sqlite3, or give sqliteStore an open database.",
  );
}

/** The user's own database. Its settings stay as they are, and it is never closed. */
export function fromHandle(
  database: SqliteDatabase & { readonly isTransaction?: boolean; readonly inTransaction?: boolean },
): SqliteSource {
  let waits: LockWaits | undefined;
  let file: WatchedFile | undefined;

  function checkFile(): void {
    file ??= new WatchedFile(pathOf(database));
    file.check();
  }

  const source: SqliteSource = {
    async load() {},
    loaded: true,
    open: () => database,
    write(work) {
      checkFile();
      if (database.isTransaction ?? database.inTransaction ?? false) throw new InTransaction();
      waits ??= lockWaitsOf(database);
      return waits.without(work);
    },
    read(work) {
      checkFile();
      waits ??= lockWaitsOf(database);
      return waits.readersNeverWait ? work() : waits.without(work);
    },
    readTogether: (work) => source.read(work),
    close() {
      waits = undefined;
    },
  };
  return source;
}

/** The path of the file; empty for a database in memory. */
function pathOf(database: SqliteDatabase): string {
  const databases = prepare(database, "PRAGMA database_list").all() as { name: string; file: string }[];
  return databases.find(({ name }) => name === "main")?.file ?? "";
}

interface LockWaits {
  /** In WAL mode a reader meets no lock. */
  readonly readersNeverWait: boolean;
  /** Runs work that must not wait inside SQLite, and leaves the handle's busy_timeout as it was. */
  without<T>(work: () => T): T;
}

function lockWaitsOf(database: SqliteDatabase): LockWaits {
  const { timeout } = prepare(database, "PRAGMA busy_timeout").get() as { timeout: number };
  // By `exec`, because SQLite runs this pragma when it compiles it: a prepared one would do nothing later.
  const wait = (milliseconds: number) => database.exec(`PRAGMA busy_timeout = ${milliseconds}`);
  const without: LockWaits["without"] = (work) => {
    if (timeout === 0) return work();
    wait(0);
    try {
      return work();
    } finally {
      wait(timeout);
    }
  };
  const mode = without(() => prepare(database, "PRAGMA journal_mode").get()) as { journal_mode: string };
  return { readersNeverWait: mode.journal_mode === "wal", without };
}
