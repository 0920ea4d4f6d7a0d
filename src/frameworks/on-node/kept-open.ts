/**
 * Keeps a connection open while its response is ended and held; with HTTP/2 the response's stream. Error handlers destroy the
 * connection of a response that looks sent, and `server.closeAllConnections()` and timeouts destroy any: without the hold the
 * answer would have left by then. A request that is destroyed destroys its connection, too.
 */
import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { isHttp2 } from "./response-head.ts";
import { type Holdable, holding, type Layer, type Method } from "./response-methods.ts";

/** The property of a connection that holds its former methods. */
const FOUND = Symbol("coatcheck.found");
/** The property of a stream that holds its response. */
const RESPONSE = Symbol("coatcheck.response");

type Ending = "destroy" | "end" | "close";

/** A connection of HTTP/1, or a stream of HTTP/2. Node itself finds the response of a connection by `_httpMessage`. */
type Connection = (Socket | ServerHttp2Stream) & {
  [FOUND]?: Partial<Record<Ending, Method>>;
  [RESPONSE]?: Holdable;
  _httpMessage?: Holdable | null;
} & Partial<Record<Ending, Method>>;

/** From now on whatever would end the connection of this response waits while a response of it is ended and held. */
export function keepOpenWhileHeld(response: Holdable): void {
  const connection = connectionOf(response);
  // A made-up request, as tests inject it, may have no socket; and a real socket may have served a request before.
  if (connection?.destroy === undefined || FOUND in connection) return;
  const { destroy, end, close } = connection;
  connection[FOUND] = { destroy, end, close } as Partial<Record<Ending, Method>>;
  const methods = connection as Partial<Record<Ending, Method>>;
  methods.destroy = waiting.destroy;
  methods.end = waiting.end;
  if (!isStream(connection)) return;
  connection[RESPONSE] = response;
  methods.close = waiting.close;
}

/** The part of a connection that is the response's own. */
export function connectionOf(response: ServerResponse): Connection | undefined {
  const { stream } = response as ServerResponse & { stream?: ServerHttp2Stream };
  return (isHttp2(response) ? stream : response.req?.socket) as Connection | undefined;
}

const isStream = (connection: Connection): connection is Connection & ServerHttp2Stream =>
  "rstCode" in connection;

/** The hold of the response on this connection, where it is ended and held and its peer is still there. */
function keptOpenBy(connection: Connection, error: unknown): Layer | undefined {
  const response = connection[RESPONSE] ?? connection._httpMessage;
  const layer = response ? holding(response) : undefined;
  return layer?.isEnded && !isEndOfPeer(connection, error) ? layer : undefined;
}

/** The method that waits for the response. It is shared by all connections. */
function whenSent(name: Ending): Method {
  return function (this: unknown, ...args) {
    const connection = this as Connection;
    const layer = keptOpenBy(connection, name === "destroy" ? args[0] : undefined);
    if (layer === undefined) return connection[FOUND]?.[name]?.apply(connection, args);
    layer.whenSent(() => (connection[name] as Method)(...args));
    return connection;
  };
}

/** `destroySoon` of a socket calls `end`, too. */
const waiting = { destroy: whenSent("destroy"), end: whenSent("end"), close: whenSent("close") };

/** True when a connection is destroyed because its peer has ended it, or has sent something that is not HTTP. */
export function isEndOfPeer(connection: Connection | undefined, error: unknown): boolean {
  if (connection?.destroyed) return true;
  if (connection !== undefined && isStream(connection)) {
    // Its reading side ends with the request, so that does not tell.
    const { closed, aborted, session } = connection;
    return closed || aborted || session === undefined || session.destroyed;
  }
  if (connection?.readableEnded) return true;
  const { code, syscall } = Object(error) as NodeJS.ErrnoException;
  // Before it destroys for the last two, Node has written an error response of its own.
  return (
    syscall !== undefined ||
    code === "ECONNRESET" ||
    code === "ERR_HTTP_REQUEST_TIMEOUT" ||
    code?.startsWith("HPE_") === true
  );
}
