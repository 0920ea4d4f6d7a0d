import { SettingsError } from "../../errors.ts";
import type { Lender } from "../calls/borrow.ts";

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
  return {
    async lend() {
      // Without a listener, `pg` ends the process when the server closes an idle connection, as it does at a restart.
      if (pool.listenerCount?.("error") === 0) pool.on?.("error", ignore);
      const client = await pool.connect();
      // A lent client reports a lost connection twice: the query rejects, and the client emits "error".
      client.on("error", ignore);
      return client;
    },
    takeBack(client, broken) {
      client.off("error", ignore);
      client.release(broken);
    },
    isUndone: (error) => ["40001", "40P01"].includes(codeOf(error)), // serialization failure, deadlock
  };
}

/** The SQLSTATE of a lock that was not to be had within `lock_timeout`. */
export const LOCK_NOT_AVAILABLE = "55P03";

/** The SQLSTATE of an error of the server. */
export const codeOf = (error: unknown) => String((error as { code?: unknown } | null)?.code);
