/**
 * Keeps a connection open while its response is ended and held. Error handlers destroy the connection of a response that
 * looks sent, and `server.closeAllConnections()` and timeouts destroy any: without the hold the answer would have left by
 * then. A request that is destroyed destroys its connection, too.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Holdable, holding } from "./response-methods.ts";

/** The property of a socket that holds its former `destroy`. */
const DESTROY = Symbol("coatcheck.destroy");

/** Node itself finds the response that is being answered on a connection by `_httpMessage`. */
type HttpSocket = Socket & { [DESTROY]?: Socket["destroy"]; _httpMessage?: ServerResponse | null };

/** From now on `socket.destroy` waits for a response that is ended and held. */
export function keepOpenWhileHeld(socket: HttpSocket | undefined): void {
  // A made-up request, as tests inject it, may have no socket; and a real socket may have served a request before.
  if (socket?.destroy === undefined || DESTROY in socket) return;
  socket[DESTROY] = socket.destroy;
  socket.destroy = destroy;
}

/** Shared by all connections. */
function destroy(this: HttpSocket, error?: Error): Socket {
  const response = this._httpMessage as Holdable | null | undefined;
  if (!response || !holding(response)?.isEnded || isEndOfPeer(this, error)) {
    return (this[DESTROY] as Socket["destroy"]).call(this, error);
  }
  response.once("finish", () => this.destroy(error));
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
