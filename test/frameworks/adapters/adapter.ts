/** What every framework is asked to do in the tests: one handler behind its sessions, at every path and method. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import type { Options, Session, Sessions, Store } from "coatcheck";

export interface Visit {
  /** The session of the innermost `session()`. */
  readonly session: Session;
  /** The sessions of all of them, the outermost first. */
  readonly sessions: readonly Session[];
  /** The path. */
  readonly path: string;
  /** Sends 103 Early Hints. */
  hint(link: string): void;
}

/** A response, to be sent in the framework's own way; a body in parts is streamed. */
export interface Page {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<string>;
}

/** Throws an error with a `status` for an answer with that status, and any other for a 500. */
export type Handler = (visit: Visit) => Page | Promise<Page>;

export type SessionsOrOptions = (Options & { store: Store }) | Sessions;

export interface Site {
  /** One for each `session()`, the outermost first. */
  readonly sessions: readonly SessionsOrOptions[];
  readonly handler: Handler;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  readonly trustProxy?: boolean | undefined;
}

export interface Running {
  readonly port: number;
  close(): Promise<void>;
}

export interface Adapter {
  readonly name: string;
  /** Whether what a handler throws is answered behind the sessions; else the runtime answers, and knows no cookie. */
  readonly answersErrors: boolean;
  /** Whether it can send 103 Early Hints. */
  readonly hints: boolean;
  start(site: Site): Promise<Running>;
}

export async function running(server: NetServer): Promise<Running> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      (server as Server).closeAllConnections();
      await closed;
    },
  };
}
