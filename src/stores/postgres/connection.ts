import { SettingsError } from "../../errors.ts";
import type { Lender } from "../calls/borrow.ts";

/** What is used of a `Pool` of `pg`. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  on?(event: "error", listener: (error: Error) => void): unknown;
  listenerCount?(event: "error"): number;
}

/** What is used of a client of such a pool. */
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

/** Throws a SettingsError for what is no pool. */
export function lenderOf(pool: PostgresPool): Lender<PostgresClient> {
  if (typeof pool?.connect !== "function") throw new SettingsError("pool", "a Pool of pg");
  const ignore = () => {};
  return {
    async lend() {
      // A pool that nobody listens to ends the process when the server closes an idle connection, as it does at a restart.
      if (pool.listenerCount?.("error") === 0) pool.on?.("error", ignore);
      const client = await pool.connect();
      // A client that is lent reports a lost connection twice: to the query, which rejects, and here.
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

/** The SQLSTATE of an error of the server. */
export const codeOf = (error: unknown) => String((error as { code?: unknown } | null)?.code);
