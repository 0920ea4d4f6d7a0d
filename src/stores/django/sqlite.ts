import { ALONE, batched } from "../calls/batched.ts";
import {
  fromExistingPath,
  fromHandle,
  isLocked,
  prepare,
  type SqliteDatabase,
  type SqliteStatement,
  transaction,
} from "../sqlite/database.ts";
import { LockQueue } from "../sqlite/lock-queue.ts";
import type { Connection, Value } from "./connection.ts";

interface Change {
  readonly sql: string;
  readonly values: readonly Value[];
}

export function sqliteConnection(database: SqliteDatabase | string): Connection {
  const source = typeof database === "string" ? fromExistingPath(database) : fromHandle(database);
  const statements = new Map<string, SqliteStatement>();
  const reads = new LockQueue(isLocked);
  const writes = new LockQueue(isLocked);
  let isClosed = false;

  function statementOf(sql: string): SqliteStatement {
    const statement = statements.get(sql) ?? prepare(source.open(), sql);
    statements.set(sql, statement);
    return statement;
  }

  /** After a fault the next call opens the database anew. */
  function attempt<T>(access: typeof source.read, work: () => T): T {
    if (isClosed)
      throw new Error("The store of sessions was closed. Close it when the last response has been sent.");
    try {
      return access(work);
    } catch (error) {
      if (!isLocked(error)) {
        statements.clear();
        source.close();
      }
      throw error;
    }
  }

  const carryOut = ({ sql, values }: Change): number => Number(statementOf(sql).run(...values).changes);

  // Ending the transaction is most of the cost of a write, so those that arrive in one turn of the event loop share one.
  const change = batched<Change, number>({
    async one(change, signal) {
      signal.throwIfAborted();
      await source.load();
      return await writes.run(() => attempt(source.write, () => carryOut(change)), signal);
    },
    many(changes) {
      if (!source.loaded || writes.isWaiting) return changes.map(() => ALONE);
      const together = <T>(work: () => T) => source.write(() => transaction(source.open(), work));
      return attempt(together, () => changes.map(carryOut));
    },
  });

  return {
    dialect: {
      datesHaveOffset: false,
      quote: (name) => `"${name}"`,
      asText: (expression) => `CAST(${expression} AS TEXT)`,
      dateAsText: (column) => column,
      equals: (column) => `${column} = ?`,
      deleteExpired: (table, limit) =>
        `DELETE FROM ${table} WHERE expire_date <= ? AND session_key IN
          (SELECT session_key FROM ${table} WHERE expire_date <= ? ORDER BY expire_date LIMIT ${limit})`,
    },
    async rows(sql, values, signal) {
      signal.throwIfAborted();
      await source.load();
      const run = () => statementOf(sql).all(...values) as object[];
      const rows = await reads.run(() => attempt(source.read, run), signal);
      return rows.map((row) => Object.values(row));
    },
    change: (sql, values, signal) => change({ sql, values }, signal),
    insert: async (sql, values, signal) =>
      (await change({ sql: `${sql} ON CONFLICT DO NOTHING`, values }, signal)) === 1,
    isOtherType: () => false,
    close() {
      isClosed = true;
      statements.clear();
      source.close();
    },
  };
}
