import { SettingsError } from "../../errors.ts";
import type { Fate, Lender } from "../calls/borrow.ts";

/** The part of a `Pool` of `pg` that the store uses. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  on?(event: "error", listener: (error: Error) => void): unknown;
  listenerCount?(event: "error"): number;
}

/** The part of a client of such a pool that the store uses. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<{ rows: unknown[][]; rowCount: number | null }>;
  release(destroy?: boolean): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

export interface PostgresQuery {
  text: string;
  rowMode: "array";
  values?: unknown[];
  name?: string;
}

/**
 * A way to run statements, where there is no pool to be had: an ORM lends its connection only for one. Places are `$1` and so on;
 * a text without values may hold several statements, which are then one transaction.
 */
export interface PostgresQuerier {
  /** Rows are objects or arrays. `rowCount` is the number of rows that were returned, or else changed. */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>;
}

/** Throws a SettingsError if this is neither a pool nor a way to run statements. */
export function lenderOf(pool: PostgresPool | PostgresQuerier): Lender<PostgresClient> {
  if (pool !== null && typeof pool === "object") {
    if ("connect" in pool && typeof pool.connect === "function") return lenderOfPool(pool);
    if ("query" in pool && typeof pool.query === "function") return lenderOfQuerier(pool);
  }
  throw new SettingsError("pool", "a Pool of pg, or an object with a function query(text, values)");
}

/** Lends as often as asked for: each statement finds a connection by itself. */
function lenderOfQuerier(querier: PostgresQuerier): Lender<PostgresClient> {
  const client: PostgresClient = {
    async query({ text, values }) {
      const { rows, rowCount } = await (values === undefined
        ? querier.query(text)
        : querier.query(text, values));
      return { rows: rows.map((row) => (Array.isArray(row) ? row : Object.values(row as object))), rowCount };
    },
    release() {},
    on() {},
    off() {},
  };
  return {
    lend: async () => client,
    takeBack() {},
    isOpen: () => true,
    // Any error but one of the server may mean that the connection was lost.
    fateOf: (error) => fateOf(error, true),
  };
}

const heard = new WeakSet<PostgresPool>();

/**
 * A server that ends a new connection at once may say so in the same packet in which it says that it is ready. The client then emits
 * "error" before the promise of `connect` has given it to the store, and without a listener that would end the process.
 */
function hearNewClients(pool: PostgresPool): void {
  if (heard.has(pool)) return;
  heard.add(pool);
  const on = pool.on as
    | ((event: "connect", listener: (client: PostgresClient) => void) => unknown)
    | undefined;
  on?.call(pool, "connect", (client) => void client.on("error", () => {}));
}

function lenderOfPool(pool: PostgresPool): Lender<PostgresClient> {
  const ignore = () => {};
  const closed = new WeakSet<PostgresClient>();
  function onClosed(this: PostgresClient): void {
    closed.add(this);
  }
  return {
    async lend() {
      hearNewClients(pool);
      // Without a listener, `pg` ends the process when the server closes an idle connection, as it does at a restart.
      if (pool.listenerCount?.("error") === 0) pool.on?.("error", ignore);
      const client = await pool.connect();
      // A lent client reports a lost connection twice: the query rejects, and the client emits "error".
      client.on("error", onClosed);
      return client;
    },
    takeBack(client, broken) {
      client.off("error", onClosed);
      client.release(broken);
    },
    isOpen: (client) => !closed.has(client),
    fateOf: (error, client) => fateOf(error, closed.has(client)),
  };
}

/** Serialization failure, deadlock. */
const UNDONE = ["40001", "40P01"];

/** The server ends the connection, and with it the statement: by an administrator, or because another process crashed. */
const ENDED = ["57P01", "57P02"];

function fateOf(error: unknown, isClosed: boolean): Fate {
  const code = codeOf(error);
  if (UNDONE.includes(code)) return "undone";
  if (ENDED.includes(code) || wasNotSent(error)) return "not done";
  // Other errors of the server have five characters, and those of the network a name.
  return isClosed && !/^[0-9A-Z]{5}$/.test(code) ? "in doubt" : "refused";
}

const wasNotSent = (error: unknown) =>
  (error as { syscall?: unknown } | null)?.syscall === "write" ||
  / is not queryable$/.test(String((error as { message?: unknown } | null)?.message));

/** The SQLSTATE of a lock that was not to be had within `lock_timeout`. */
export const LOCK_NOT_AVAILABLE = "55P03";

/** The SQLSTATE of an error of the server. */
export const codeOf = (error: unknown) => String((error as { code?: unknown } | null)?.code);
