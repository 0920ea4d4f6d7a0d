/** `coatcheck/node`: `http.createServer(session(options, (req, res) => …))`, with `req.session` in the handler. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import type { Options } from "../settings.ts";
import { sessionsOnNode } from "./on-node/default-store.ts";
import { Visit } from "./on-node/visit.ts";

export type SessionRequest = IncomingMessage & { readonly session: Session };

/** May be asynchronous. */
export type SessionHandler = (request: SessionRequest, response: ServerResponse) => unknown;

/**
 * A request listener that opens the session before the handler runs, and stores it before the response leaves. With no
 * store given, sessions live in ./sessions.sqlite3.
 *
 * An error that names a status (a store that is down: 503) is answered by a plain page with that status, whether it came
 * from the store or from the handler. Any other is answered by a plain 500 and goes on as an unhandled rejection, which
 * ends the process as an error in a request listener does anywhere in Node.
 */
export function session<const Name extends string>(
  options: Options<Name> | Sessions | undefined,
  handler: SessionHandler,
): (request: IncomingMessage, response: ServerResponse) => void {
  const sessions = sessionsOnNode(options);
  return (request, response) => {
    void serve(sessions, request as SessionRequest, response, handler);
  };
}

async function serve(
  sessions: Sessions,
  request: SessionRequest,
  response: ServerResponse,
  handler: SessionHandler,
) {
  const failed = (error: unknown) => answer(response, error);
  try {
    const isThere = await new Visit(sessions, request, response, failed).begun();
    if (isThere) await handler(request, response);
  } catch (error) {
    answer(response, error);
  }
}

/** A plain error page, where nothing has been sent yet: no more of the error than its status, headers and public message. */
function answer(response: ServerResponse, error: unknown): void {
  const { status, expose, message, headers } = Object(error) as Record<string, unknown>;
  const code = typeof status === "number" && status >= 400 && status <= 599 ? status : 500;
  if (!response.headersSent) {
    const page = `${expose === true ? message : STATUS_CODES[code]}\n`;
    response.writeHead(code, {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": Buffer.byteLength(page),
      ...(headers as Record<string, string>),
    });
    response.end(page);
  } else if (!response.writableEnded) {
    response.destroy(); // What is half sent must not pass for whole.
  }
  if (code === 500) throw error;
}
