/**
 * Keeps a connection open while its response is ended and held. Error handlers destroy the connection of a response that
 * looks sent, and `server.closeAllConnections()` and timeouts destroy any: without the hold the answer would have left by
 * then. A request that is destroyed destroys its connection, too.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Holdable, holding, type Layer } from "./response-methods.ts";

/** The property of a socket that holds its former methods. */
const FOUND = Symbol("coatcheck.found");

/** Node itself finds the response that is being answered on a connection by `_httpMessage`. */
type HttpSocket = Socket & {
  [FOUND]?: Pick<Socket, "destroy" | "end">;
  _httpMessage?: ServerResponse | null;
};

/** From now on `destroy` and `end` of the socket wait for a response that is ended and held. */
export function keepOpenWhileHeld(socket: HttpSocket | undefined): void {
  // A made-up request, as tests inject it, may have no socket; and a real socket may have served a request before.
  if (socket?.destroy === undefined || FOUND in socket) return;
  socket[FOUND] = { destroy: socket.destroy, end: socket.end };
  socket.destroy = destroy;
  socket.end = end as Socket["end"];
}

/** The hold of the response on this connection, where it is ended and held and its peer is still there. */
function keptOpenBy(socket: HttpSocket, error: unknown): Layer | undefined {
  const response = socket._httpMessage as Holdable | null | undefined;
  const layer = response ? holding(response) : undefined;
  return layer?.isEnded && !isEndOfPeer(socket, error) ? layer : undefined;
}

/** Shared by all connections. */
function destroy(this: HttpSocket, error?: Error): Socket {
  const layer = keptOpenBy(this, error);
  if (layer === undefined) return (this[FOUND] as Socket).destroy.call(this, error);
  layer.whenSent(() => this.destroy(error));
  return this;
}

/** Shared by all connections. `destroySoon` calls it, too. */
function end(this: HttpSocket, ...args: Parameters<Socket["end"]>): Socket {
  const layer = keptOpenBy(this, undefined);
  if (layer === undefined) return (this[FOUND] as Socket).end.apply(this, args);
  layer.whenSent(() => this.end(...args));
  return this;
}

/** True when a connection is destroyed because its peer has ended it, or has sent something that is not HTTP. */
export function isEndOfPeer(socket: Socket | undefined, error: unknown): boolean {
  if (socket?.destroyed || socket?.readableEnded) return true;
  const { code, syscall } = Object(error) as NodeJS.ErrnoException;
  // Before it destroys for the last two, Node has written an error response of its own.
  return (
    syscall !== undefined ||
    code === "ECONNRESET" ||
    code === "ERR_HTTP_REQUEST_TIMEOUT" ||
    code?.startsWith("HPE_") === true
  );
}
