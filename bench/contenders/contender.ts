import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";

/** Where a contender keeps its sessions. */
export interface Place {
  /** An empty folder of the contender's own. */
  readonly folder: string;
  /** The URLs of the servers that the bench has started. */
  readonly redis: string;
  readonly postgres: string;
  /** The processes that have started these servers. */
  readonly pids: readonly number[];
}

/** Listens on a free port of this machine. */
export type Open = (place: Place) => Promise<Server>;

export interface Contender {
  /** The packages whose versions the report prints. */
  readonly packages: readonly string[];
  readonly open: Open;
}

/**
 * What the server of every contender answers. `/fill?bytes=200` makes a session of that many bytes, `/none` does not look
 * at it, `/read` answers its name, `/write` raises its counter, `/login` signs a user in under a new key, `/logout` ends it.
 */
export type Routes<Handler> = Readonly<
  Partial<Record<"none" | "read" | "write" | "fill" | "login" | "logout", Handler>>
>;

export const SECRET = "the bench has no secrets, but this is a long one";

export function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
