/** One application for every framework: a single handler behind its sessions, at every path and method. */
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
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
  /** On Node: the handler answers by itself, with Node's own objects, and returns "answered". */
  takeOver?(): { readonly request: IncomingMessage; readonly response: ServerResponse };
}

/** A response, to be sent in the framework's own way; a body in parts is streamed. */
export interface Page {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<string>;
}

/** Throws an error with a `status` for an answer with that status, and any other for a 500. */
export type Handler = (visit: Visit) => Page | "answered" | Promise<Page | "answered">;

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
  /** Ends at once, and cuts every connection off. */
  close(): Promise<void>;
  /** Ends as for a deployment: closes idle connections, and lets those with a request go on to their end. */
  stop(): Promise<void>;
}

export interface Adapter {
  readonly name: string;
  /** Whether an error of the handler is answered inside the sessions. If not, the runtime answers, without a cookie. */
  readonly answersErrors: boolean;
  /** Whether it can send 103 Early Hints. */
  readonly hints: boolean;
  /** Whether its response is one of Node's, which is held. */
  readonly holds: boolean;
  start(site: Site): Promise<Running>;
}

export async function running(server: NetServer): Promise<Running> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const closed = once(server, "close");
  const stop = () => {
    if (server.listening) server.close();
    (server as Server).closeIdleConnections();
  };
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      stop();
      (server as Server).closeAllConnections();
      await closed;
    },
    async stop() {
      stop();
      await closed;
    },
  };
}
