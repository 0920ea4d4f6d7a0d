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

/** Throws a SettingsError if this is no pool. */
export function lenderOf(pool: PostgresPool): Lender<PostgresClient> {
  if (typeof pool?.connect !== "function") throw new SettingsError("pool", "a Pool of pg");
  const ignore = () => {};
  const closed = new WeakSet<PostgresClient>();
  function onClosed(this: PostgresClient): void {
    closed.add(this);
  }
  return {
    async lend() {
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
