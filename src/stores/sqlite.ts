/**
 * Sessions in a SQLite database: one file, several processes, no server.
 *
 *   CREATE TABLE coatcheck_sessions (
 *     id               TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of the session key, hexadecimal
 *     data             TEXT    NOT NULL,             -- '' in a mark
 *     version          INTEGER NOT NULL,
 *     user_id          TEXT,
 *     created_at       INTEGER NOT NULL,             -- times are epoch milliseconds
 *     authenticated_at INTEGER,
 *     expires_at       INTEGER NOT NULL,
 *     expiry           REAL,
 *     format           INTEGER NOT NULL,
 *     moved_to         TEXT                          -- the new id, in the mark of a session that was rotated
 *   ) STRICT;
 *   CREATE INDEX coatcheck_sessions_expires_at ON coatcheck_sessions (expires_at);
 *   CREATE INDEX coatcheck_sessions_user_id ON coatcheck_sessions (user_id) WHERE user_id IS NOT NULL;
 *   CREATE VIEW coatcheck_sessions_schema AS SELECT 'coatcheck sessions, schema 1' AS version;
 *
 * The table has row ids (it is not WITHOUT ROWID): rows with 2 kB of data would fill the inner pages of the tree, and a
 * read took three times as long, a write twice.
 */

import { type Call, LightSignal, type Signal, signalOf } from "../contract/call.ts";
import type { StoreId } from "../contract/record.ts";
import { MOVED_MARK_MS, type Store } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { wait } from "../wait.ts";
import { ALONE, batched } from "./calls/batched.ts";
import { countInSteps, type StepCount } from "./sql/count-in-steps.ts";
import { decode, encode, type Place, sqliteStatements, whyNot } from "./sql/sqlite-statements.ts";
import { isTableName, TABLE_NAME } from "./sql/sqlite-table.ts";
import {
  fromHandle,
  fromPath,
  isLocked,
  prepare,
  type SqliteDatabase,
  type SqliteSource,
  type Synchronous,
  transaction,
} from "./sqlite/database.ts";
import { LockQueue } from "./sqlite/lock-queue.ts";
import { checkTable, createTable } from "./sqlite/table.ts";

export type { SqliteDatabase, SqliteStatement, SqliteValue } from "./sqlite/database.ts";

export interface SqliteStoreOptions {
  /** Letters, digits and `_`. Default is `coatcheck_sessions`. */
  readonly table?: string;
  /**
   * `"normal"`, the default, keeps everything through a crash of the process, but a power cut may undo the last moments,
   * a logout among them. `"full"` waits for the disk at each write. Only with a path: a handle keeps its owner's setting.
   */
  readonly synchronous?: Synchronous;
}

export interface SqliteStore extends Store {
  /**
   * Creates the table and its indexes where they are missing, and brings a table of an older release up to date. Rejects,
   * and changes nothing, where a table of that name cannot hold sessions. The first call of any verb does the same.
   */
  createTable(): Promise<void>;
  clearExpired: NonNullable<Store["clearExpired"]>;
  listUser: NonNullable<Store["listUser"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
  close: NonNullable<Store["close"]>;
}

/** The rows that one transaction of `clearExpired` removes: it takes two or three milliseconds, and other writers wait. */
const BATCH = 100;

/** The rows that one step of `listUser` or `stats` reads: some milliseconds, in which the server does nothing else. */
const AT_ONCE = 1000;

/**
 * A store in a SQLite database. Give the path of a file (a missing file is created, readable by its owner only;
 * `":memory:"` works for tests), or an open database of `node:sqlite`, `bun:sqlite` or better-sqlite3, such as the
 * application's own.
 *
 * The path is resolved now, and nothing is opened before the first call. A path is opened in WAL mode by `node:sqlite`, or
 * by `bun:sqlite` or better-sqlite3 where the runtime has none. A handle keeps its journal mode and its settings. WAL is
 * advised: without it readers and writers hold up each other. **An application that opens the same file with better-sqlite3
 * must give that handle, not the path**: two SQLite libraries in one process undo each other's locks, and lose data
 * (sqlite.org/howtocorrupt.html, 2.2.1). While another connection holds the lock, or the handle's owner has a transaction
 * open, calls wait without blocking the server, until their signal aborts. A file that is deleted or replaced meanwhile is
 * an error at each call.
 *
 * Throws a SettingsError for options that cannot work, a folder that does not exist, a runtime without SQLite, and a file
 * that better-sqlite3 has open in this process. The last is looked for again at the first call, which then rejects.
 */
export function sqliteStore(
  pathOrDatabase: string | SqliteDatabase,
  { table = "coatcheck_sessions", synchronous }: SqliteStoreOptions = {},
): SqliteStore {
  if (!isTableName(table)) throw new SettingsError("table", TABLE_NAME);
  const source = sourceOf(pathOrDatabase, synchronous);
  let statements: Statements | undefined;
  let closed = false;

  /** After a fault the next call opens the database anew: the disk may be writable again, or the table be back. */
  function attempt<T>(access: Access, work: Work<T>["run"]): T {
    if (closed) throw new Error("The sqliteStore was closed. Close it when the last response has been sent.");
    try {
      statements ??= source.write(() => prepareAll(source.open(), table));
      const prepared = statements;
      return access(() => work(prepared));
    } catch (error) {
      if (!isLocked(error)) {
        statements = undefined;
        source.close();
      }
      throw error;
    }
  }

  /**
   * Reads and writes each have a queue. Calls that arrive in one turn of the event loop run together, in one transaction. A
   * call that meets a lock waits in order. `isWhole` says that the work has several statements: all must be done or none.
   */
  function queued(alone: Access, together: Access) {
    const queue = new LockQueue(isLocked);

    function one<T>({ run, isWhole }: Work<T>, signal: Signal): T | Promise<T> {
      signal.throwIfAborted();
      const start = () => queue.run(() => attempt(isWhole ? together : alone, run), signal);
      return source.loaded ? start() : source.load().then(start);
    }

    const send = batched<Work<unknown>, unknown>({
      one,
      many(works) {
        // Calls that wait for a lock do so one by one, in their order.
        if (!source.loaded || queue.isWaiting) return works.map(() => ALONE);
        return attempt(together, (statements) => works.map(({ run }) => run(statements)));
      },
    });

    return <T>(call: Call, run: Work<T>["run"], isWhole = false) =>
      send({ run, isWhole }, signalOf(call)) as Promise<T>;
  }

  const read = queued(source.read, source.readTogether);
  // Ending the transaction is most of the cost of a small write.
  const write = queued(source.write, (work) => source.write(() => transaction(source.open(), work)));

  return {
    name: "sqlite",
    read: (id, call) => read(call, ({ find }) => decode(find.get(id, call.now))),

    create: (id, record, call) => write(call, ({ insert }) => changed(insert.run(id, ...encode(record)))),

    update: (id, record, expected, call) =>
      write(call, ({ updateInPlace, update, locate }) => {
        const { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format } = record;
        const values = [data, version, createdAt, authenticatedAt, expiry, format, id, expected, call.now];
        if (changed(updateInPlace.run(...values, userId, expiresAt))) return "saved";
        if (changed(update.run(userId, expiresAt, ...values))) return "saved";
        return whyNot(locate.get(id, call.now) as Place | undefined);
      }),

    rotate: (oldId, newId, record, expected, call) =>
      write(
        call,
        ({ mark, insertNew, locate }) => {
          const markEnds = call.now + MOVED_MARK_MS;
          if (!changed(mark.run(newId, markEnds, oldId, expected, call.now))) {
            return whyNot(locate.get(oldId, call.now) as Place | undefined);
          }
          insertNew.run(newId, ...encode(record));
          return "saved";
        },
        true,
      ),

    touch: (id, expiresAt, version, call) =>
      write(call, ({ touch, isVersion }) => {
        if (changed(touch.run(expiresAt, id, version, call.now, expiresAt))) return true;
        return isVersion.get(id, version, call.now) !== undefined;
      }),

    delete: (id, call) =>
      write(call, ({ remove, locate }) => {
        if (changed(remove.run(id))) return undefined;
        const movedTo = (locate.get(id, call.now) as Place | undefined)?.movedTo;
        return movedTo ? { movedTo } : undefined;
      }),

    async clearExpired(call) {
      for (let cleared = 0; ; ) {
        const limit = Math.min(BATCH, call.limit - cleared);
        const went = await write(call, ({ clear }) => Number(clear.run(call.now, limit).changes));
        cleared += went;
        if (went < limit || cleared >= call.limit) return cleared;
        // Other writers, in this process and in others, come in between.
        await wait(1);
      }
    },

    async listUser(userId, call) {
      const ids: StoreId[] = [];
      for (let place = 0; ; ) {
        const rows = await read(
          call,
          ({ listUser }) =>
            listUser.all(userId, call.now, place, AT_ONCE) as { id: StoreId; place: number }[],
        );
        for (const { id } of rows) ids.push(id);
        const last = rows.at(-1);
        if (last === undefined || rows.length < AT_ONCE) return ids;
        place = last.place;
      }
    },

    stats: (call) =>
      countInSteps(call, AT_ONCE, 0, (place) =>
        read(
          call,
          ({ countAfter }) => countAfter.get(call.now, call.now, place, AT_ONCE) as StepCount<number>,
        ),
      ),

    /** A write that finds nothing to change needs everything that a write needs. */
    check: (call) =>
      write(call, ({ checkTable, remove }) => {
        checkTable();
        remove.run("");
      }),

    createTable: () => write({ signal: new LightSignal(), now: 0 }, ({ createTable }) => createTable()),

    async close() {
      closed = true;
      statements = undefined;
      source.close();
    },
  };
}

function sourceOf(pathOrDatabase: unknown, synchronous: Synchronous | undefined) {
  if (synchronous !== undefined && !["normal", "full"].includes(synchronous)) {
    throw new SettingsError("synchronous", '"normal" or "full"');
  }
  if (typeof pathOrDatabase === "string" && pathOrDatabase !== "" && !pathOrDatabase.startsWith("file:")) {
    return fromPath(pathOrDatabase, synchronous ?? "normal");
  }
  if (typeof (pathOrDatabase as Partial<SqliteDatabase> | null)?.prepare !== "function") {
    throw new SettingsError(
      "store",
      "sqliteStore with the path of a file, or an open database of node:sqlite, bun:sqlite or better-sqlite3",
    );
  }
  if (synchronous !== undefined)
    throw new SettingsError("synchronous", "a value only with a path: set it on your handle");
  return fromHandle(pathOrDatabase as SqliteDatabase);
}

type Access = SqliteSource["read"];

interface Work<T> {
  readonly run: (statements: Statements) => T;
  readonly isWhole: boolean;
}

const changed = (result: { changes: number | bigint }) => Number(result.changes) > 0;

type Statements = ReturnType<typeof prepareAll>;

/** Brings the table up to date, and prepares the statements of the verbs. */
function prepareAll(database: SqliteDatabase, table: string) {
  createTable(database, table);
  return {
    ...prepareStatements(database, table),
    createTable: () => createTable(database, table),
    checkTable: () => checkTable(database, table),
  };
}

function prepareStatements(database: SqliteDatabase, table: string) {
  const texts = sqliteStatements(table);
  const prepared = Object.entries(texts).map(([name, text]) => [
    name,
    prepare(database, text, { inArrays: name === "find" }),
  ]);
  return Object.fromEntries(prepared) as Record<keyof typeof texts, ReturnType<typeof prepare>>;
}
