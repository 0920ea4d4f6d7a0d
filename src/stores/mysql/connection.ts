import { SettingsError } from "../../errors.ts";
import type { Fate, Lender } from "../calls/borrow.ts";

/** The part of a pool of `mysql2/promise` that the store uses. */
export interface MysqlPool {
  getConnection(): Promise<MysqlConnection>;
}

/** The part of a connection of such a pool that the store uses. */
export interface MysqlConnection {
  execute(statement: MysqlStatement): Promise<[unknown, unknown]>;
  query(sql: string): Promise<unknown>;
  release(): void;
  destroy(): void;
  on?(event: "end" | "error", listener: () => void): unknown;
  off?(event: "end" | "error", listener: () => void): unknown;
}

/** The options undo what the pool may have set. */
export interface MysqlStatement {
  sql: string;
  values: MysqlValue[];
  rowsAsArray: true;
  nestTables: false;
  typeCast: true;
}

export type MysqlValue = string | number | Buffer | null;

/** Throws a SettingsError if this is no pool. */
export function lenderOf(pool: MysqlPool | { promise(): MysqlPool }): Lender<MysqlConnection> {
  const promised = typeof pool === "object" && pool !== null && "promise" in pool ? pool.promise() : pool;
  if (typeof promised?.getConnection !== "function")
    throw new SettingsError("pool", "a pool of mysql2/promise");
  const closed = new WeakSet<MysqlConnection>();
  function onClosed(this: MysqlConnection): void {
    closed.add(this);
  }
  return {
    async lend() {
      const connection = await promised.getConnection();
      for (const event of ["end", "error"] as const) connection.on?.(event, onClosed);
      return connection;
    },
    takeBack(connection, broken) {
      for (const event of ["end", "error"] as const) connection.off?.(event, onClosed);
      if (broken) connection.destroy();
      else connection.release();
    },
    isOpen: (connection) => !closed.has(connection),
    fateOf,
  };
}

/** ER_DUP_ENTRY */
export const DUPLICATE = 1062;

/** ER_LOCK_DEADLOCK, and ER_CHECKREAD of MariaDB's `innodb_snapshot_isolation`. */
const UNDONE = [1213, 1020];

/**
 * The server ends the connection, and with it the statement: ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED of MariaDB,
 * ER_CLIENT_INTERACTION_TIMEOUT of MySQL.
 */
const ENDED = [1053, 1927, 4031];

function fateOf(error: unknown): Fate {
  const { fatal, syscall, message } = (error ?? {}) as Record<string, unknown>;
  if (UNDONE.includes(numberOf(error))) return "undone";
  if (ENDED.includes(numberOf(error))) return "not done";
  // Errors of the network, for which the statement was not sent, or may have been.
  if (syscall === "write" || / in closed state$/.test(String(message))) return "not done";
  return fatal === true ? "in doubt" : "refused";
}

/** Commits when `work` answers true. When it answers false or fails, all of it is undone. */
export async function transaction(
  connection: MysqlConnection,
  work: () => Promise<boolean>,
): Promise<boolean> {
  await connection.query("START TRANSACTION");
  try {
    const done = await work();
    await connection.query(done ? "COMMIT" : "ROLLBACK");
    return done;
  } catch (error) {
    // If the connection is lost too, the first error is the one to tell.
    await connection.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

export const numberOf = (error: unknown) => Number((error as { errno?: unknown } | null)?.errno);

async function run(connection: MysqlConnection, sql: string, values: MysqlValue[]): Promise<unknown> {
  const [result] = await connection.execute({
    sql,
    values,
    rowsAsArray: true,
    nestTables: false,
    typeCast: true,
  });
  return result;
}

export async function rowsOf(
  connection: MysqlConnection,
  sql: string,
  values: MysqlValue[],
): Promise<unknown[][]> {
  return (await run(connection, sql, values)) as unknown[][];
}

export async function changesOf(
  connection: MysqlConnection,
  sql: string,
  values: MysqlValue[],
): Promise<number> {
  return ((await run(connection, sql, values)) as { affectedRows: number }).affectedRows;
}
