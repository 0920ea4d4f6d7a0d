/**
 * Sessions in PostgreSQL, through the pool of `pg`.
 *
 *   CREATE TABLE coatcheck_sessions (
 *     id               bytea            NOT NULL PRIMARY KEY, -- SHA-256 of the session key, 32 bytes
 *     data             text             NOT NULL,             -- '' in a mark
 *     version          bigint           NOT NULL,
 *     user_id          text COLLATE "C",
 *     created_at       bigint           NOT NULL,             -- times are epoch milliseconds
 *     authenticated_at bigint,
 *     expires_at       bigint           NOT NULL,
 *     expiry           double precision,
 *     format           bigint           NOT NULL,
 *     moved_to         bytea                                  -- the new id, in the mark of a session that was rotated
 *   ) WITH (fillfactor = 90);
 *   CREATE INDEX coatcheck_sessions_expires_at ON coatcheck_sessions (expires_at);
 *   CREATE INDEX coatcheck_sessions_user_id ON coatcheck_sessions (user_id) WHERE user_id IS NOT NULL;
 *   COMMENT ON TABLE coatcheck_sessions IS 'coatcheck sessions, schema 1';
 *
 * Ids are bytes because their index is then 73 MB for a million sessions, and 119 MB as hexadecimal text. Most writes
 * change no indexed column. The free tenth of each page lets all of these leave the indexes alone (HOT); without it, one in
 * ten wrote to the indexes. Collation "C" compares user ids exactly, and an upgrade of the system's locales cannot spoil the
 * index.
 *
 * Every verb is one statement and one round trip, except where it finds the session changed, moved or gone: then a second
 * statement asks which. One statement that tells everything took the server 2.7 times as long.
 *
 * Reads that arrive in one turn of the event loop are one statement, and so are creates, updates, touches and deletes. A batch
 * of writes passes over rows that another transaction has locked. It leaves them, with all others that it could not change,
 * to the single statement. So a batch never waits and cannot deadlock, and no visitor waits for the session of another.
 */

import { LightSignal, type Signal, signalOf } from "../contract/call.ts";
import type { StoredRecord, StoreId } from "../contract/record.ts";
import { MOVED_MARK_MS, type Moved, type Store, type WriteOutcome } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { ALONE, batched } from "./calls/batched.ts";
import { borrow, InDoubtError, type Work } from "./calls/borrow.ts";
import {
  lenderOf,
  type PostgresClient,
  type PostgresPool,
  type PostgresQuerier,
} from "./postgres/connection.ts";
import { adviceOn, anyRecord, checkTable, createTable, quote } from "./postgres/table.ts";
import { countInSteps } from "./sql/count-in-steps.ts";
import { outcome, ownRotation, ownUpdate, type RowState } from "./sql/row-state.ts";

export type { PostgresClient, PostgresPool, PostgresQuerier, PostgresQuery } from "./postgres/connection.ts";

export interface PostgresStoreOptions {
  /**
   * A `Pool` of `pg`. It stays yours: the store never ends it. Where an ORM has no such pool, an object with a function
   * `query(text, values)` that resolves to `{ rows, rowCount }`.
   */
  readonly pool: PostgresPool | PostgresQuerier;
  /** A name, or `schema.name`, of letters, digits and `_`, spelt as in the database. Default is `coatcheck_sessions`. */
  readonly table?: string;
  /**
   * Lets the server keep the plan of each statement, which spares it half of the work. Default is `false`, because
   * poolers that change the connection between transactions (PgBouncer before 1.21, Supavisor) lose them.
   */
  readonly namedStatements?: boolean;
}

export interface PostgresStore extends Store {
  /**
   * Creates the table and its indexes where they are missing, and brings a table of an older release up to date while the
   * site runs. Rejects, and changes nothing, where a table of that name cannot hold sessions. Any number of servers may call
   * it at once.
   */
  createTable(): Promise<void>;
  clearExpired: NonNullable<Store["clearExpired"]>;
  listUser: NonNullable<Store["listUser"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
}

/** A store in PostgreSQL, 12 or newer. Nothing is sent before the first call; `createTable` must have run once. */
export function postgresStore({
  pool,
  table = "coatcheck_sessions",
  namedStatements = false,
}: PostgresStoreOptions): PostgresStore {
  // PostgreSQL cuts the names of indexes and statements at 63 characters; ours are longer than the table's by up to 13.
  if (!/^(?=.{1,50}$)([a-z_]\w*\.)?[a-z_]\w*$/i.test(table)) {
    throw new SettingsError("table", "a name, or schema.name, of at most 50 letters, digits and _");
  }
  const lender = lenderOf(pool);
  const statements = statementsFor(quote(table));
  type Verb = keyof typeof statements;

  const query = (client: PostgresClient, verb: Verb, values: unknown[]) => {
    const text = statements[verb];
    return client.query({
      text,
      values,
      rowMode: "array",
      ...(namedStatements && { name: `${verb} ${table}` }),
    });
  };

  async function locate(client: PostgresClient, id: StoreId, now: number): Promise<RowState | undefined> {
    const [row] = (await query(client, "locate", [bytes(id), now])).rows;
    return row && { movedTo: row[0] as StoreId | null, version: Number(row[1]) };
  }

  const ask = (signal: Signal, verb: Verb, ...values: unknown[]) =>
    borrow(lender, signal, (client) => query(client, verb, values));

  /**
   * Runs a statement that changes one row. If it changed none, answers with the state of the row, as `judge` sees it where an earlier
   * try may have been carried out.
   */
  function change(
    { id, now, isInDoubt = false }: Read & { readonly isInDoubt?: boolean },
    signal: Signal,
    verb: Verb,
    values: unknown[],
    judge: (found: RowState) => "changed" | RowState = (found) => found,
  ) {
    return borrow(lender, signal, async (client, isAgain): Promise<"changed" | RowState | undefined> => {
      if ((await query(client, verb, values)).rowCount === 1) return "changed";
      signal.throwIfAborted();
      // A statement of its own, because the first one may have waited for a change that only a later snapshot shows.
      const found = await locate(client, id, now);
      return found && (isInDoubt || isAgain) ? judge(found) : found;
    });
  }

  const read = batched<Read, StoredRecord | "moved" | null>({
    async one({ id, now }, signal) {
      return decode((await ask(signal, "read", bytes(id), now)).rows[0]);
    },
    async many(reads, signal) {
      // One text is cheaper than a list: the driver searches each item of a list for characters to escape.
      const ids = `{${reads.map(({ id }) => `"\\\\x${id}"`)}}`;
      const { rows } = await ask(signal, "readMany", ids);
      const found = new Map(rows.map((row) => [row[ID], row]));
      return reads.map(({ id, now }) => {
        const row = found.get(id);
        return Number(row?.[EXPIRES_AT]) > now ? decode(row) : null;
      });
    },
  });

  /**
   * Runs a batch of changes. Those that its answer names were carried out; the others are left to the single statement. If
   * its connection breaks, the calls are repeated one by one.
   */
  async function doneIn<T>(signal: Signal, verb: Verb, given: readonly { readonly id: string }[], done: T) {
    const work: Work<PostgresClient, { rows: unknown[][] }> = (client) =>
      query(client, verb, [JSON.stringify(given)]);
    const { rows } = await borrow(lender, signal, work, { repeatInDoubt: false });
    const ids = new Set(rows.map(([id]) => `\\x${id}`));
    return given.map(({ id }) => (ids.has(id) ? done : ALONE));
  }

  const create = batched<Create, boolean>({
    keyOf: ({ id }) => id,
    // A create that the server carries out later could bring a session back that was deleted meanwhile.
    isFinal: (error) => error instanceof InDoubtError,
    async one({ id, record, now }, signal, isInDoubt) {
      const values = [bytes(id), ...encode(record)];
      const work: Work<PostgresClient, boolean> = async (client, isAgain) => {
        if ((await query(client, "create", values)).rowCount === 1) return true;
        return (isInDoubt || isAgain) && (await locate(client, id, now))?.version === record.version;
      };
      return await borrow(lender, signal, work, { repeatInDoubt: false });
    },
    async many(creates, signal) {
      const given = creates.map(({ id, record }) => ({ ...record, id: bytes(id) }));
      return await doneIn(signal, "createMany", given, true);
    },
  });

  const update = batched<Update, WriteOutcome>({
    keyOf: ({ id }) => id,
    async one({ id, record, expected, now }, signal, isInDoubt) {
      const values = [bytes(id), ...encode(record), expected, now];
      return outcome(await change({ id, now, isInDoubt }, signal, "update", values, ownUpdate(record)));
    },
    async many(updates, signal) {
      const given = updates.map(({ record, id, expected, now }) => ({
        ...record,
        id: bytes(id),
        expected,
        now,
      }));
      return await doneIn(signal, "updateMany", given, "saved");
    },
  });

  const touch = batched<Touch, boolean>({
    keyOf: ({ id }) => id,
    async one({ id, expiresAt, version, now }, signal) {
      const found = await change({ id, now }, signal, "touch", [bytes(id), version, now, expiresAt]);
      return found === "changed" || (found?.version === version && found.movedTo === null);
    },
    many: (touches, signal) =>
      doneIn(
        signal,
        "touchMany",
        touches.map((one) => ({ ...one, id: bytes(one.id) })),
        true,
      ),
  });

  const remove = batched<Read, Moved | undefined>({
    async one({ id, now }, signal) {
      const found = await change({ id, now }, signal, "delete", [bytes(id), now]);
      return found !== "changed" && found?.movedTo ? { movedTo: found.movedTo } : undefined;
    },
    many: (deletes, signal) =>
      doneIn(
        signal,
        "deleteMany",
        deletes.map(({ id }) => ({ id: bytes(id) })),
        undefined,
      ),
  });

  const store: PostgresStore = {
    name: "postgres",
    read: (id, call) => read({ id, now: call.now }, signalOf(call)),
    create: (id, record, call) => create({ id, record, now: call.now }, signalOf(call)),
    update: (id, record, expected, call) => update({ id, record, expected, now: call.now }, signalOf(call)),
    touch: (id, expiresAt, version, call) => touch({ id, expiresAt, version, now: call.now }, signalOf(call)),
    delete: (id, call) => remove({ id, now: call.now }, signalOf(call)),

    async rotate(oldId, newId, record, expected, call) {
      const mark = [bytes(oldId), expected, call.now, call.now + MOVED_MARK_MS];
      const values = [bytes(newId), ...encode(record), ...mark];
      const found = await change(
        { id: oldId, now: call.now },
        signalOf(call),
        "rotate",
        values,
        ownRotation(newId),
      );
      return outcome(found);
    },

    async clearExpired(call) {
      return (await ask(signalOf(call), "clearExpired", call.now, call.limit)).rowCount ?? 0;
    },

    async listUser(userId, call) {
      return (await ask(signalOf(call), "listUser", userId, call.now)).rows.map(([id]) => id as StoreId);
    },

    stats: (call) =>
      countInSteps(call, COUNTED_AT_ONCE, "", async (place) => {
        const { rows } = await ask(signalOf(call), "countAfter", `\\x${place}`, call.now, COUNTED_AT_ONCE);
        const [last, ...counts] = rows[0] as unknown[];
        const [count, live, expired, authenticated, bytes, oldest] = counts.map(numberOrNull) as CountRow;
        return { rows: count, live, expired, authenticated, bytes, oldest, last: String(last) };
      }),

    async check(call) {
      // Each verb runs once, on an id that no session has, so table, columns and rights are checked as the verbs need them.
      const noSession = "" as StoreId;
      try {
        await borrow(lender, signalOf(call), (client) => checkTable(client, table));
        await store.read(noSession, call);
        await store.update(noSession, anyRecord, 0, call);
        await store.rotate(noSession, noSession, anyRecord, 0, call);
        await store.touch(noSession, 1, 0, call);
        await store.delete(noSession, call);
        await store.clearExpired({ now: call.now, signal: call.signal, limit: 0 });
        await store.listUser("", call);
      } catch (error) {
        const advice = adviceOn(error, table);
        throw advice === undefined ? error : new Error(advice, { cause: error });
      }
    },

    createTable: () => borrow(lender, new LightSignal(), (client) => createTable(client, table)),
  };
  return store;
}

interface Read {
  readonly id: StoreId;
  readonly now: number;
}

interface Create extends Read {
  readonly record: StoredRecord;
}

interface Update extends Create {
  readonly expected: number;
}

interface Touch extends Read {
  readonly expiresAt: number;
  readonly version: number;
}

/** The rows that one step of `stats` counts, so that it ends well before its deadline. */
const COUNTED_AT_ONCE = 5000;

type CountRow = [
  rows: number,
  live: number,
  expired: number,
  authenticated: number,
  bytes: number,
  oldest: number | null,
];

/** Places in a row of `readMany`. */
const [EXPIRES_AT, ID] = [5, 9];

/** An id in the form in which PostgreSQL reads bytes. */
const bytes = (id: StoreId) => `\\x${id}`;

/** The driver gives a bigint as a string, or as the application has told it to. */
const numberOrNull = (value: unknown) => (value === null ? null : Number(value));

function encode(record: StoredRecord): unknown[] {
  const { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format } = record;
  return [data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format];
}

function decode(row: unknown[] | undefined): StoredRecord | "moved" | null {
  if (row === undefined) return null;
  const [data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format, movedTo] = row;
  if (movedTo !== null) return "moved";
  return {
    data: data as string,
    version: Number(version),
    userId: userId as string | null,
    createdAt: Number(createdAt),
    authenticatedAt: numberOrNull(authenticatedAt),
    expiresAt: Number(expiresAt),
    expiry: numberOrNull(expiry),
    format: Number(format),
  };
}

/** Each column that a statement returns has a name of its own, as rows may come as objects. */
function statementsFor(table: string) {
  const columns = "data, version, user_id, created_at, authenticated_at, expires_at, expiry, format";
  const insert = `INSERT INTO ${table} (id, ${columns})`;
  /** The calls of a batch; each has only some of these fields. */
  const given = `
    given AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1) AS given (id bytea, data text, version bigint, "userId" text,
        "createdAt" bigint, "authenticatedAt" bigint, "expiresAt" bigint, expiry double precision, format bigint,
        expected bigint, now bigint)
    )`;
  /** Their rows, but for those that another transaction has locked. */
  const free = `
    free AS (
      SELECT id FROM ${table} WHERE id = ANY (ARRAY(SELECT id FROM given)) ORDER BY id FOR UPDATE SKIP LOCKED
    )`;
  return {
    read: `SELECT ${columns}, moved_to FROM ${table} WHERE id = $1 AND expires_at > $2`,
    readMany: `SELECT ${columns}, moved_to, encode(id, 'hex') FROM ${table} WHERE id = ANY ($1)`,
    locate: `SELECT encode(moved_to, 'hex'), version FROM ${table} WHERE id = $1 AND expires_at > $2`,
    create: `${insert} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`,
    update: `
      UPDATE ${table} SET data = $2, version = $3, user_id = $4, created_at = $5, authenticated_at = $6,
        expires_at = $7, expiry = $8, format = $9
      WHERE id = $1 AND version = $10 AND expires_at > $11 AND moved_to IS NULL`,
    createMany: `
      WITH ${given}
      ${insert}
      SELECT id, data, version, "userId", "createdAt", "authenticatedAt", "expiresAt", expiry, format FROM given
      ON CONFLICT (id) DO NOTHING
      RETURNING encode(id, 'hex')`,
    updateMany: `
      WITH ${given}, ${free}
      UPDATE ${table} AS session SET data = given.data, version = given.version, user_id = "userId",
        created_at = "createdAt", authenticated_at = "authenticatedAt", expires_at = "expiresAt",
        expiry = given.expiry, format = given.format
      FROM free JOIN given USING (id)
      WHERE session.id = free.id AND session.version = expected AND session.expires_at > now
        AND session.moved_to IS NULL
      RETURNING encode(session.id, 'hex')`,
    rotate: `
      WITH mark AS (
        UPDATE ${table} SET moved_to = $1, expires_at = $13, data = '', user_id = NULL, authenticated_at = NULL,
          expiry = NULL
        WHERE id = $10 AND version = $11 AND expires_at > $12 AND moved_to IS NULL
        RETURNING id
      )
      ${insert} SELECT $1, $2, $3::bigint, $4, $5::bigint, $6::bigint, $7::bigint, $8::double precision, $9::bigint
      FROM mark`,
    touch: `
      UPDATE ${table} SET expires_at = $4
      WHERE id = $1 AND version = $2 AND expires_at > $3 AND moved_to IS NULL AND expires_at < $4`,
    touchMany: `
      WITH ${given}, ${free}
      UPDATE ${table} AS session SET expires_at = "expiresAt"
      FROM free JOIN given USING (id)
      WHERE session.id = free.id AND session.version = given.version AND session.expires_at > now
        AND session.moved_to IS NULL AND session.expires_at < "expiresAt"
      RETURNING encode(session.id, 'hex')`,
    deleteMany: `
      WITH ${given}, ${free}
      DELETE FROM ${table} AS session USING free WHERE session.id = free.id AND session.moved_to IS NULL
      RETURNING encode(session.id, 'hex')`,
    delete: `DELETE FROM ${table} WHERE id = $1 AND (moved_to IS NULL OR expires_at <= $2)`,
    // Rows that another transaction is writing are passed over. The outer condition looks at each row again.
    clearExpired: `
      DELETE FROM ${table} WHERE expires_at <= $1 AND id = ANY (ARRAY(
        SELECT id FROM ${table} WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    listUser: `SELECT encode(id, 'hex') FROM ${table} WHERE user_id = $1 AND expires_at > $2`,
    countAfter: `
      SELECT max(encode(id, 'hex') COLLATE "C") AS last, count(*) AS rows, count(*) FILTER (WHERE live) AS live,
        count(*) FILTER (WHERE expires_at <= $2) AS expired, count(user_id) FILTER (WHERE live) AS authenticated,
        coalesce(sum(octet_length(data)) FILTER (WHERE live), 0) AS bytes, min(created_at) FILTER (WHERE live) AS oldest
      FROM (
        SELECT *, expires_at > $2 AND moved_to IS NULL AS live FROM ${table} WHERE id > $1 ORDER BY id LIMIT $3
      ) AS step`,
  };
}
