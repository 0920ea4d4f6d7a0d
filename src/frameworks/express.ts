/**
 * `coatcheck/express`: `app.use(session(options))`, then `req.session` in every handler. For Express 4 and 5, connect,
 * and all other servers whose middleware takes `(req, res, next)`.
 */
import type { ServerResponse } from "node:http";
// Renamed, because other packages declare a `Session` of their own in the scope of the declaration below.
import type { Session as VisitorSession } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import type { Options } from "../settings/options.ts";
import { sessionsOnNode } from "./on-node/default-store.ts";
import { type AnyRequest, type AnyResponse, Visit, type VisitRequest } from "./on-node/visit.ts";

declare global {
  namespace Express {
    /** Tells coatcheck/express-session, in a program that imports both, that the request's session is declared here. */
    interface Coatcheck {
      session: true;
    }
    interface Request {
      readonly session: VisitorSession;
    }
  }
}

/** A function that Express, connect and their like call for each request, of HTTP/1 or HTTP/2. */
export type Middleware = (
  request: AnyRequest,
  response: AnyResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Middleware that opens the session before the next handler runs, and stores it before the response leaves. With no store
 * given, sessions live in ./sessions.sqlite3. When the session cannot be read or stored, error handlers get the error.
 * Throws SettingsError for options that cannot work.
 */
export function session<const Name extends string>(options?: Options<Name> | Sessions): Middleware {
  const sessions = sessionsOnNode(options);
  return (request, response, next) => {
    new Visit(sessions, request as VisitRequest, response as ServerResponse, next).begin(
      (isThere) => isThere && next(),
      next,
    );
  };
}
