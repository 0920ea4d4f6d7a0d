/** `coatcheck/node`: `http.createServer(session(options, (req, res) => …))`, with `req.session` in the handler. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SessionData } from "../data/session-data.ts";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import type { Options } from "../settings/options.ts";
import { errorPage } from "./error-page.ts";
import { sessionsOnNode } from "./on-node/default-store.ts";
import { sendErrorPage } from "./on-node/send-error-page.ts";
import { type AnyRequest, type AnyResponse, Visit } from "./on-node/visit.ts";

/** A request whose session is open. */
export type SessionRequest<Data = SessionData> = IncomingMessage & { readonly session: Session<Data> };

/** A request listener that may be asynchronous. */
export type SessionHandler<Data = SessionData> = (
  request: SessionRequest<Data>,
  response: ServerResponse,
) => unknown;

/**
 * A request listener, for servers of `node:http` and `node:http2`, that opens the session before the handler runs, and stores it before the response leaves. With no
 * store given, sessions live in ./sessions.sqlite3. Throws SettingsError for options that cannot work, and a TypeError
 * without a handler.
 *
 * An error that names a status other than 500 (a store that is down: 503) is answered by a plain page with that status,
 * whether it came from the store or from the handler. Any other is answered by a plain 500 and goes on as an unhandled
 * rejection, which ends the process as an error in a request listener does anywhere in Node.
 */
export function session<Data = SessionData, const Name extends string = string>(
  options: Options<Name, Data> | Sessions<Data> | undefined,
  handler: SessionHandler<Data>,
): (request: AnyRequest, response: AnyResponse) => void {
  if (typeof handler !== "function") {
    throw new TypeError(
      "session() of coatcheck/node takes your request handler as its second argument, and got none. Write " +
        "http.createServer(session(options, (req, res) => { … })); for Express import session from coatcheck/express.",
    );
  }
  const sessions = sessionsOnNode(options);
  return (request, response) => {
    void serve(sessions, request as SessionRequest<Data>, response as ServerResponse, handler);
  };
}

async function serve<Data>(
  sessions: Sessions<Data>,
  request: SessionRequest<Data>,
  response: ServerResponse,
  handler: SessionHandler<Data>,
) {
  const failed = (error: unknown) => void answer(response, error);
  const ofAnyKeys = sessions as unknown as Sessions; // A visit asks for no key of the data.
  try {
    const isThere = await new Visit(ofAnyKeys, request, response, failed).begun();
    if (isThere) await handler(request, response);
  } catch (error) {
    await answer(response, error);
  }
}

/** Answers an error where that is still possible, and throws a 500 on: it is a bug. */
async function answer(response: ServerResponse, error: unknown): Promise<void> {
  if (!response.headersSent) sendErrorPage(response, error);
  else if (!response.writableEnded) response.destroy(); // Half an answer must not look like a whole one.
  if (errorPage(error).status !== 500) return;
  // The error may end the process, so the answer leaves first.
  if (!response.destroyed && response.socket) await new Promise((gone) => response.once("close", gone));
  throw error;
}
