/**
 * The store over a SQLite database that is reached by asynchronous calls: a server, a worker's binding.
 *
 * Every verb is one batch of statements, which the database carries out as one transaction: the write, and then a SELECT that
 * says why it changed nothing. Calls that arrive in one turn of the event loop share a batch.
 */
import { type Call, type Signal, signalOf } from "../../contract/call.ts";
import type { StoreId } from "../../contract/record.ts";
import { MOVED_MARK_MS, type Store } from "../../contract/store.ts";
import { SettingsError } from "../../errors.ts";
import { wait } from "../../wait.ts";
import { batched } from "../calls/batched.ts";
import { untilAborted } from "../calls/until-aborted.ts";
import { countInSteps } from "./count-in-steps.ts";
import { decode, encode, type Place, sqliteStatements, whyNot } from "./sqlite-statements.ts";
import {
  changesFor,
  inspection,
  isTableName,
  quote,
  refuseUnusable,
  type Sql,
  type SqliteValue,
  stateOf,
  TABLE_NAME,
} from "./sqlite-table.ts";
import { noTable } from "./table-shape.ts";

/** What one statement has done. Each column of its rows has a name of its own. */
export interface SqlResult {
  readonly rows: readonly unknown[];
  readonly changes: number;
}

/** The user's database, as the store uses it. */
export interface AsyncSqlite {
  /** Runs statements that only read, all on one state of the database. */
  read(statements: readonly Sql[]): Promise<SqlResult[]>;
  /** Runs statements in one transaction: all of them or none. */
  write(statements: readonly Sql[]): Promise<SqlResult[]>;
  fateOf(error: unknown): Fate;
}

/**
 * What became of a batch that failed.
 * `"locked"`: another connection has the lock. Nothing was done, and the same may succeed later.
 * `"refused"`: the database did nothing of it, because of one of its statements.
 * `"in doubt"`: it may have been carried out, or may yet be.
 */
type Fate = "locked" | "refused" | "in doubt";

export interface AsyncSqliteStore extends Store {
  /**
   * Creates the table and its indexes where they are missing, and brings a table of an older release up to date. Rejects,
   * and changes nothing, where a table of that name cannot hold sessions. Any number of servers may call it at once.
   */
  createTable(): Promise<void>;
  clearExpired: NonNullable<Store["clearExpired"]>;
  listUser: NonNullable<Store["listUser"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
}

/** The names by which messages and traces call things. */
interface Names {
  readonly name: string;
  readonly store: string;
  readonly table: string;
  /** How to create the table, where the command cannot do it. */
  readonly create?: string;
}

/** The rows that one step of `listUser` or `stats` reads. */
const AT_ONCE = 5000;

/** The longest wait between two tries to get past a lock, milliseconds. */
const LONGEST_WAIT_MS = 25;

/** The time in which `createTable` must get past all locks, milliseconds. */
const CREATED_WITHIN_MS = 30_000;

interface Work<T> {
  readonly statements: readonly Sql[];
  answer(results: readonly SqlResult[]): T;
}

export function asyncSqliteStore(
  database: AsyncSqlite,
  { name, store, table, create }: Names,
): AsyncSqliteStore {
  if (!isTableName(table)) throw new SettingsError("table", TABLE_NAME);
  const texts = statementsFor(table);
  const say = (verb: keyof typeof texts, ...args: SqliteValue[]): Sql => ({ sql: texts[verb], args });

  async function whenUnlocked<T>(signal: Signal, run: () => Promise<T>): Promise<T> {
    let lock: unknown;
    for (let longest = 1; ; longest = Math.min(longest * 2, LONGEST_WAIT_MS)) {
      if (signal.aborted && lock !== undefined) {
        const message =
          "The database stayed locked for as long as the call could wait; the cause says by what.";
        throw new Error(message, { cause: lock });
      }
      signal.throwIfAborted();
      try {
        return await untilAborted(signal, run());
      } catch (error) {
        if (signal.aborted || database.fateOf(error) !== "locked") throw error;
        lock = error;
      }
      await wait(longest * (0.5 + Math.random() / 2));
    }
  }

  async function alone<T>(
    run: AsyncSqlite["write"],
    { statements, answer }: Work<T>,
    signal: Signal,
  ): Promise<T> {
    return answer(await whenUnlocked(signal, () => run(statements)));
  }

  /** Reads and writes each have a queue: the calls of one turn go together. */
  function queued(run: AsyncSqlite["write"]) {
    const send = batched<Work<unknown>, unknown>({
      one: (work, signal) => alone(run, work, signal),
      async many(works, signal) {
        const results = await whenUnlocked(signal, () => run(works.flatMap(({ statements }) => statements)));
        let place = 0;
        return works.map(({ statements, answer }) => {
          const from = place;
          place += statements.length;
          return answer(results.slice(from, place));
        });
      },
      // A create that is carried out later could bring a session back that was deleted meanwhile.
      isFinal: (error) => database.fateOf(error) !== "refused",
    });
    return <T>(call: Call, statements: readonly Sql[], answer: Work<T>["answer"]) =>
      send({ statements, answer }, signalOf(call)) as Promise<T>;
  }

  const read = queued((statements) => database.read(statements));
  const write = queued((statements) => database.write(statements));

  async function inspect(signal: Signal) {
    const results = await whenUnlocked(signal, () => database.read(inspection(table)));
    return stateOf(
      results.map(({ rows }) => rows),
      table,
    );
  }

  return {
    name,
    read: (id, call) => read(call, [say("find", id, call.now)], ([found]) => decode(first(found))),

    create: (id, record, call) =>
      write(call, [say("insert", id, ...encode(record))], ([inserted]) => changed(inserted)),

    update(id, record, expected, call) {
      const { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format } = record;
      const changes = [data, version, createdAt, authenticatedAt, expiry, format];
      const live = [id, expected, call.now];
      const statements = [
        say("updateInPlace", ...changes, ...live, userId, expiresAt),
        say("update", userId, expiresAt, ...changes, ...live),
        say("locate", id, call.now),
      ];
      return write(call, statements, ([inPlace, updated, located]) =>
        changed(inPlace) || changed(updated) ? "saved" : whyNot(first<Place>(located)),
      );
    },

    async rotate(oldId, newId, record, expected, call) {
      const live = [oldId, expected, call.now];
      const statements = [
        say("insertMoved", newId, ...encode(record), ...live),
        say("markMoved", newId, call.now + MOVED_MARK_MS, ...live, newId, record.version),
        say("locate", oldId, call.now),
      ];
      const [, marked, located] = await alone(
        (batch) => database.write(batch),
        { statements, answer: (results) => results },
        signalOf(call),
      );
      if (changed(marked)) return "saved";
      const found = first<Place>(located);
      if (found?.movedTo === null && Number(found.version) === expected) {
        throw new Error("The session cannot move to an id that is taken. Make a new one.");
      }
      return whyNot(found);
    },

    touch: (id, expiresAt, version, call) =>
      write(
        call,
        [say("touch", expiresAt, id, version, call.now, expiresAt), say("isVersion", id, version, call.now)],
        ([touched, found]) => changed(touched) || first(found) !== undefined,
      ),

    delete: (id, call) =>
      write(call, [say("remove", id), say("locate", id, call.now)], ([removed, located]) => {
        const movedTo = changed(removed) ? null : first<Place>(located)?.movedTo;
        return movedTo ? { movedTo } : undefined;
      }),

    clearExpired: (call) =>
      write(call, [say("clear", call.now, call.limit)], ([cleared]) => cleared?.changes ?? 0),

    async listUser(userId, call) {
      const ids: StoreId[] = [];
      for (let place = 0; ; ) {
        const statement = say("listUser", userId, call.now, place, AT_ONCE);
        const rows = await read(
          call,
          [statement],
          ([found]) => found?.rows as { id: StoreId; place: unknown }[],
        );
        for (const { id } of rows) ids.push(id);
        const last = rows.at(-1);
        if (last === undefined || rows.length < AT_ONCE) return ids;
        place = Number(last.place);
      }
    },

    stats: (call) =>
      countInSteps(call, AT_ONCE, 0, (place) =>
        read(call, [say("countAfter", call.now, call.now, place, AT_ONCE)], ([counted]) => {
          const { oldest, ...counts } = first<Record<string, unknown>>(counted) as Record<string, unknown>;
          const number = (name: string) => Number(counts[name]);
          return {
            rows: number("rows"),
            live: number("live"),
            expired: number("expired"),
            authenticated: number("authenticated"),
            bytes: number("bytes"),
            oldest: oldest === null ? null : Number(oldest),
            last: number("last"),
          };
        }),
      ),

    /** A write that finds nothing to change needs everything that a write needs. */
    async check(call) {
      const found = await inspect(signalOf(call));
      if (found === null) throw new Error(noTable(table, create));
      refuseUnusable(found, table, store, create);
      await write(call, [say("remove", "")], () => {});
    },

    async createTable() {
      const signal = AbortSignal.timeout(CREATED_WITHIN_MS);
      const changes = async () =>
        changesFor(await inspect(signal), table, store).map((sql) => ({ sql, args: [] }));
      const needed = await changes();
      if (needed.length === 0) return;
      try {
        await whenUnlocked(signal, () => database.write(needed));
      } catch (error) {
        // Another server may have made the same changes meanwhile.
        if ((await changes()).length > 0) throw error;
      }
    },
  };
}

const changed = (result: SqlResult | undefined) => result !== undefined && result.changes > 0;

const first = <T>(result: SqlResult | undefined) => result?.rows[0] as T | undefined;

function statementsFor(name: string) {
  const { insert, mark, ...texts } = sqliteStatements(name);
  const table = quote(name);
  return {
    ...texts,
    insert,
    /** Inserts nothing where the old id has no live record of that version, or the new id is taken. */
    insertMoved: insert.replace(
      /VALUES \((.*?)\)/,
      `SELECT $1 FROM ${table} WHERE id = ? AND version = ? AND expires_at > ? AND moved_to IS NULL`,
    ),
    markMoved: `${mark} AND EXISTS (SELECT 1 FROM ${table} WHERE id = ? AND version = ?)`,
  };
}
