/**
 * Sessions in MariaDB or MySQL, through the pool of `mysql2`.
 *
 *   CREATE TABLE coatcheck_sessions (
 *     id               BINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of the session key
 *     data             LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, -- '' in a mark
 *     version          BIGINT NOT NULL,
 *     user_id          VARBINARY(1200),                 -- UTF-8
 *     created_at       BIGINT NOT NULL,                 -- times are epoch milliseconds
 *     authenticated_at BIGINT,
 *     expires_at       BIGINT NOT NULL,
 *     expiry           DOUBLE,
 *     format           BIGINT NOT NULL,
 *     moved_to         BINARY(32),                      -- the new id, in the mark of a session that was rotated
 *     INDEX coatcheck_sessions_expires_at (expires_at),
 *     INDEX coatcheck_sessions_user_id (user_id)
 *   ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC COMMENT = 'coatcheck sessions, schema 1';
 *
 * User ids are bytes because collations take "a", "A" and "a " for one user. Text crosses the connection as bytes too, in
 * prepared statements, so that no character set and no SQL mode of a connection changes it.
 *
 * Every verb but `rotate`, which is a transaction, is one statement and one round trip, except where it finds the session
 * changed, moved or gone: then a second statement asks which. Reads that arrive in one turn of the event loop are one
 * statement, and so are touches and deletes; these pass over rows that another transaction has locked, and leave them to the
 * single statement. An UPDATE cannot say which rows it changed, so updates are not batched.
 */

import { type Call, LightSignal, type Signal, signalOf } from "../contract/call.ts";
import type { StoredRecord, StoreId } from "../contract/record.ts";
import { MOVED_MARK_MS, type Moved, type Store } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { ALONE, batched, LARGEST_BATCH } from "./calls/batched.ts";
import { borrow, type Work } from "./calls/borrow.ts";
import {
  changesOf,
  DUPLICATE,
  lenderOf,
  type MysqlConnection,
  type MysqlPool,
  type MysqlValue,
  numberOf,
  rowsOf,
  transaction,
} from "./mysql/connection.ts";
import { adviceOn, anyRecord, checkTable, createTable, quote, USER_ID_BYTES } from "./mysql/table.ts";
import { countInSteps } from "./sql/count-in-steps.ts";
import { outcome, ownRotation, ownUpdate, type RowState } from "./sql/row-state.ts";

export type { MysqlConnection, MysqlPool, MysqlStatement, MysqlValue } from "./mysql/connection.ts";

export interface MysqlStoreOptions {
  /** A pool of `mysql2/promise`, or of `mysql2`, whose `promise()` is then used. It stays yours: the store never ends it. */
  readonly pool: MysqlPool | { promise(): MysqlPool };
  /** A name, or `database.name`, of letters, digits and `_`. Default is `coatcheck_sessions`. */
  readonly table?: string;
}

export interface MysqlStore extends Store {
  /**
   * Creates the table where it is missing, and brings a table of an older release up to date while the site runs. Rejects,
   * and changes nothing, where a table of that name cannot hold sessions. Any number of servers may call it at once.
   */
  createTable(): Promise<void>;
  clearExpired: NonNullable<Store["clearExpired"]>;
  listUser: NonNullable<Store["listUser"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
}

/** A store in MariaDB (10.6 or newer) or MySQL (8). Nothing is sent before the first call; `createTable` must have run once. */
export function mysqlStore({ pool, table = "coatcheck_sessions" }: MysqlStoreOptions): MysqlStore {
  const lender = lenderOf(pool);
  // Names have at most 64 characters, and those of the indexes are longer than the table's by 11.
  if (!/^([a-z_]\w{0,63}\.)?[a-z_]\w{0,52}$/i.test(table)) {
    throw new SettingsError("table", "a name, or database.name, of at most 53 letters, digits and _");
  }
  const statements = statementsFor(quote(table));
  type Verb = keyof typeof statements;

  const ask = (call: Call, verb: Verb, ...values: MysqlValue[]) =>
    borrow(lender, signalOf(call), (connection) => rowsOf(connection, statements[verb], values));

  const locate = async (connection: MysqlConnection, id: StoreId, call: Call) => {
    signalOf(call).throwIfAborted();
    const [row] = await rowsOf(connection, statements.locate, [bytes(id), call.now]);
    return row && { movedTo: idOrNull(row[0]), version: Number(row[1]) };
  };

  /**
   * Runs a statement that changes one row. If it changed none, answers with the state of the row, as `judge` sees it where an earlier
   * try may have been carried out.
   */
  const change = (
    call: Call,
    id: StoreId,
    verb: Verb,
    values: MysqlValue[],
    judge: (found: RowState) => "changed" | RowState = (found) => found,
  ) =>
    borrow(
      lender,
      signalOf(call),
      async (connection, isInDoubt): Promise<"changed" | RowState | undefined> => {
        if ((await changesOf(connection, statements[verb], values)) === 1) return "changed";
        const found = await locate(connection, id, call);
        return found && isInDoubt ? judge(found) : found;
      },
    );

  /**
   * Runs a batch of changes. If it changed fewer rows than there are calls, a second statement selects the ids for which
   * all is well; the others are left to the single statement.
   */
  async function doneIn<T>(
    signal: Signal,
    verb: Verb,
    verify: Verb,
    given: readonly { readonly id: StoreId }[],
    done: T,
  ) {
    const values = [JSON.stringify(given)];
    const work: Work<MysqlConnection, (T | typeof ALONE)[]> = async (connection) => {
      if ((await changesOf(connection, statements[verb], values)) === given.length)
        return given.map(() => done);
      signal.throwIfAborted();
      const ids = new Set((await rowsOf(connection, statements[verify], values)).map(([id]) => String(id)));
      return given.map(({ id }) => (ids.has(id) ? done : ALONE));
    };
    return await borrow(lender, signal, work);
  }

  const read = batched<Read, StoredRecord | "moved" | null>({
    async one({ id, now }, signal) {
      return decode((await ask({ signal, now }, "read", bytes(id), now))[0]);
    },
    async many(reads, signal) {
      // Filled up to a power of two with the last id, because each number of places is another statement to prepare.
      const places = 2 ** Math.ceil(Math.log2(reads.length));
      const ids = Array.from({ length: places }, (_, n) => bytes((reads[n] ?? (reads.at(-1) as Read)).id));
      const text = `${statements.readMany} (${ids.map(() => "?").join(", ")})`;
      const rows = await borrow(lender, signal, (connection) => rowsOf(connection, text, ids));
      const found = new Map(rows.map((row) => [idOrNull(row[ID]), row]));
      return reads.map(({ id, now }) => {
        const row = found.get(id);
        return Number(row?.[EXPIRES_AT]) > now ? decode(row) : null;
      });
    },
  });

  const touch = batched<Touch, boolean>({
    keyOf: ({ id }) => id,
    async one({ id, expiresAt, version, now }, signal) {
      const found = await change({ signal, now }, id, "touch", [
        expiresAt,
        bytes(id),
        version,
        now,
        expiresAt,
      ]);
      return found === "changed" || (found?.version === version && found.movedTo === null);
    },
    many: (touches, signal) => doneIn(signal, "touchMany", "touched", touches, true),
  });

  const remove = batched<Read, Moved | undefined>({
    async one({ id, now }, signal) {
      const found = await change({ signal, now }, id, "delete", [bytes(id), now]);
      return found !== "changed" && found?.movedTo ? { movedTo: found.movedTo } : undefined;
    },
    many: (deletes, signal) => doneIn(signal, "deleteMany", "deleted", deletes, undefined),
  });

  const store: MysqlStore = {
    name: "mysql",
    read: (id, call) => read({ id, now: call.now }, signalOf(call)),
    touch: (id, expiresAt, version, call) => touch({ id, expiresAt, version, now: call.now }, signalOf(call)),
    delete: (id, call) => remove({ id, now: call.now }, signalOf(call)),

    create(id, record, call) {
      const work: Work<MysqlConnection, boolean> = async (connection, isInDoubt) => {
        try {
          await changesOf(connection, statements.insert, [bytes(id), ...encode(record)]);
          return true;
        } catch (error) {
          // ON DUPLICATE KEY and IGNORE would hide other faults too.
          if (numberOf(error) !== DUPLICATE) throw error;
          return isInDoubt && (await locate(connection, id, call))?.version === record.version;
        }
      };
      // A create that the server carries out later could bring a session back that was deleted meanwhile.
      return borrow(lender, signalOf(call), work, { repeatInDoubt: false });
    },

    async update(id, record, expected, call) {
      const values = [...encode(record), bytes(id), expected, call.now];
      return outcome(await change(call, id, "update", values, ownUpdate(record)));
    },

    rotate: (oldId, newId, record, expected, call) =>
      borrow(lender, signalOf(call), async (connection, isInDoubt) => {
        const mark = [bytes(newId), call.now + MOVED_MARK_MS, bytes(oldId), expected, call.now];
        const insert = [bytes(newId), ...encode(record)];
        const marked = await transaction(connection, async () => {
          if ((await changesOf(connection, statements.mark, mark)) === 0) return false;
          signalOf(call).throwIfAborted();
          await changesOf(connection, statements.insert, insert);
          signalOf(call).throwIfAborted();
          return true;
        });
        if (marked) return "saved";
        const found = await locate(connection, oldId, call);
        return outcome(found && isInDoubt ? ownRotation(newId)(found) : found);
      }),

    clearExpired: (call) =>
      borrow(lender, signalOf(call), (connection) =>
        changesOf(connection, statements.clearExpired, [call.now, call.limit, call.now]),
      ),

    async listUser(userId, call) {
      return (await ask(call, "listUser", userBytes(userId), call.now)).map(
        ([id]) => idOrNull(id) as StoreId,
      );
    },

    stats: (call) =>
      countInSteps<Buffer>(call, COUNTED_AT_ONCE, Buffer.alloc(0), async (place) => {
        const [row = []] = await ask(call, "countAfter", call.now, call.now, place, COUNTED_AT_ONCE);
        const [last, ...counts] = row;
        const [count, live, expired, authenticated, bytes, oldest] = counts.map(numberOrNull);
        return {
          rows: count ?? 0,
          live: live ?? 0,
          expired: expired ?? 0,
          authenticated: authenticated ?? 0,
          bytes: bytes ?? 0,
          oldest: oldest ?? null,
          last: last as Buffer,
        };
      }),

    async check(call) {
      // Each verb runs once, on an id that no session has, so table, columns and rights are checked as the verbs need them.
      const noSession = "" as StoreId;
      try {
        await borrow(lender, signalOf(call), (connection) => checkTable(connection, table));
        await store.read(noSession, call);
        await store.touch(noSession, 1, 0, call);
        await store.rotate(noSession, noSession, anyRecord, 0, call);
        await store.delete(noSession, call);
        await store.clearExpired({ now: call.now, signal: call.signal, limit: 0 });
        await ask(call, "insertNothing");
        await borrow(lender, signalOf(call), (connection) => checkTable(connection, table));
      } catch (error) {
        const advice = adviceOn(numberOf(error), table);
        throw advice === undefined ? error : new Error(advice, { cause: error });
      }
    },

    createTable: () => borrow(lender, new LightSignal(), (connection) => createTable(connection, table)),
  };
  return store;
}

interface Read {
  readonly id: StoreId;
  readonly now: number;
}

interface Touch extends Read {
  readonly expiresAt: number;
  readonly version: number;
}

/** The rows that one step of `stats` counts, so that it ends well before its deadline. */
const COUNTED_AT_ONCE = 5000;

/** Places in a row of `readMany`. */
const [EXPIRES_AT, ID] = [5, 9];

const bytes = (id: StoreId) => Buffer.from(id, "hex");
const idOrNull = (value: unknown) => ((value as Buffer | null)?.toString("hex") ?? null) as StoreId | null;

/** A server that is not strict would cut a longer id, and so make two users one. */
function userBytes(userId: string): Buffer {
  const bytes = Buffer.from(userId);
  if (bytes.length <= USER_ID_BYTES) return bytes;
  throw new Error(`mysqlStore takes user ids of at most ${USER_ID_BYTES} bytes in UTF-8.`);
}

/** The driver gives sums, and on request big integers, as strings. */
const numberOrNull = (value: unknown) => (value === null ? null : Number(value));

function encode(record: StoredRecord): MysqlValue[] {
  const { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format } = record;
  const user = userId === null ? null : userBytes(userId);
  return [Buffer.from(data), version, user, createdAt, authenticatedAt, expiresAt, expiry, format];
}

function decode(row: unknown[] | undefined): StoredRecord | "moved" | null {
  if (row === undefined) return null;
  const [data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format, movedTo] = row;
  if (movedTo !== null) return "moved";
  return {
    data: (data as Buffer).toString(),
    version: Number(version),
    userId: (userId as Buffer | null)?.toString() ?? null,
    createdAt: Number(createdAt),
    authenticatedAt: numberOrNull(authenticatedAt),
    expiresAt: Number(expiresAt),
    expiry: numberOrNull(expiry),
    format: Number(format),
  };
}

function statementsFor(table: string) {
  const columns =
    "CAST(data AS BINARY), version, user_id, created_at, authenticated_at, expires_at, expiry, format, moved_to";
  const given = `
    JSON_TABLE(CONVERT(? USING utf8mb4), '$[*]' COLUMNS (id CHAR(64) PATH '$.id', version BIGINT PATH '$.version',
      expiresAt BIGINT PATH '$.expiresAt', now BIGINT PATH '$.now')) AS given`;
  /** Calls of a batch with a row that no other transaction has locked. LIMIT keeps it a step of its own. */
  const free = `
    (SELECT session.id, given.version, given.expiresAt, given.now
    FROM ${given} STRAIGHT_JOIN ${table} AS session ON session.id = UNHEX(given.id)
    LIMIT ${LARGEST_BATCH} FOR UPDATE SKIP LOCKED) AS free
    STRAIGHT_JOIN ${table} AS session FORCE INDEX (PRIMARY) ON session.id = free.id`;
  return {
    read: `SELECT ${columns} FROM ${table} WHERE id = ? AND expires_at > ?`,
    readMany: `SELECT ${columns}, id FROM ${table} WHERE id IN`,
    locate: `SELECT moved_to, version FROM ${table} WHERE id = ? AND expires_at > ?`,
    insert: `
      INSERT INTO ${table}
        (id, data, version, user_id, created_at, authenticated_at, expires_at, expiry, format)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    update: `
      UPDATE ${table} SET data = ?, version = ?, user_id = ?, created_at = ?, authenticated_at = ?, expires_at = ?,
        expiry = ?, format = ?
      WHERE id = ? AND version = ? AND expires_at > ? AND moved_to IS NULL`,
    mark: `
      UPDATE ${table} SET moved_to = ?, expires_at = ?, data = '', user_id = NULL, authenticated_at = NULL, expiry = NULL
      WHERE id = ? AND version = ? AND expires_at > ? AND moved_to IS NULL`,
    touch: `
      UPDATE ${table} SET expires_at = ?
      WHERE id = ? AND version = ? AND expires_at > ? AND moved_to IS NULL AND expires_at < ?`,
    touchMany: `
      UPDATE ${free} SET session.expires_at = free.expiresAt
      WHERE session.version = free.version AND session.expires_at > free.now AND session.moved_to IS NULL
        AND session.expires_at < free.expiresAt`,
    touched: `
      SELECT given.id FROM ${given} STRAIGHT_JOIN ${table} AS session ON session.id = UNHEX(given.id)
      WHERE session.version = given.version AND session.expires_at >= given.expiresAt AND session.expires_at > given.now
        AND session.moved_to IS NULL`,
    deleteMany: `DELETE session FROM ${free} WHERE session.moved_to IS NULL`,
    deleted: `
      SELECT given.id FROM ${given} LEFT JOIN ${table} AS session ON session.id = UNHEX(given.id)
      WHERE session.id IS NULL`,
    delete: `DELETE FROM ${table} WHERE id = ? AND (moved_to IS NULL OR expires_at <= ?)`,
    // Rows that another transaction is writing are passed over. Left to the server's own plan, the outer part would read
    // these rows too, and wait for them.
    clearExpired: `
      DELETE session FROM
        (SELECT id FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED) AS oldest
        STRAIGHT_JOIN ${table} AS session FORCE INDEX (PRIMARY) ON session.id = oldest.id
      WHERE session.expires_at <= ?`,
    listUser: `SELECT id FROM ${table} WHERE user_id = ? AND expires_at > ?`,
    countAfter: `
      SELECT MAX(id), COUNT(*), SUM(live), SUM(expires_at <= ?), SUM(live AND user_id IS NOT NULL),
        SUM(IF(live, OCTET_LENGTH(data), 0)), MIN(IF(live, created_at, NULL))
      FROM (
        SELECT *, expires_at > ? AND moved_to IS NULL AS live FROM ${table} WHERE id > ? ORDER BY id LIMIT ?
      ) AS step`,
    insertNothing: `INSERT INTO ${table} SELECT * FROM ${table} WHERE FALSE`,
  };
}
