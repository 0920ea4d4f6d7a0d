/** `coatcheck/hono`: `app.use(session(options))`, then `c.var.session` in every handler, on every runtime. */
import type { Context, MiddlewareHandler } from "hono";
import type { SessionData } from "../data/session-data.ts";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { errorPage, namesStatus } from "./error-page.ts";
import { type ProxyOptions, sessionsAnywhere, type WebOptions, WebVisit } from "./on-web/visit.ts";

export type { ProxyOptions, WebOptions } from "./on-web/visit.ts";

/** What `new Hono<SessionEnv>()` knows of `c.var`. */
export interface SessionEnv<Data = SessionData> {
  Variables: { session: Session<Data> };
}

/**
 * Middleware that opens the session before the next handler runs, and stores it before the response leaves. When the
 * session cannot be read or stored, `app.onError` gets the error; without one, Hono answers a plain 503.
 */
export function session<const Name extends string>(
  options: WebOptions<Name> | Sessions,
  proxy: ProxyOptions = {},
): MiddlewareHandler<SessionEnv> {
  const sessions = sessionsAnywhere(options);
  return async (c, next) => {
    const visit = await WebVisit.begin(sessions, c.req.raw, proxy);
    c.set("session", visit.session);
    const found = c.body(null).headers;
    try {
      await next();
      if (!c.finalized) return await visit.giveUp(); // Hono is about to complain.
    } catch (error) {
      await visit.giveUpOnThrow();
      throw error;
    }
    try {
      replace(c, await visit.respond(c.res));
    } catch (error) {
      replace(c, new Response(null, { headers: found }));
      c.status(errorPage(error).status as 500);
      throwForHono(error);
    }
  };
}

/** Hono joins the headers of a response with those of the one before it, unless there is none. */
function replace(c: Context, response: Response): void {
  if (response === c.res) return;
  c.res = undefined;
  c.res = response;
}

/** Hono's own error handler asks an error for its answer; one that only names its status (an `update` that threw) gets one. */
function throwForHono(error: unknown): never {
  const getResponse = () => {
    const { body, ...head } = errorPage(error);
    return new Response(body, head);
  };
  if (namesStatus(error) && !("getResponse" in (error as object))) {
    Object.defineProperty(error, "getResponse", { value: getResponse });
  }
  throw error;
}
