/** `coatcheck/hono`: `app.use(session(options))`, then `c.var.session` in every handler, on every runtime. */
import type { Context, MiddlewareHandler } from "hono";
import type { SessionData } from "../data/session-data.ts";
import { SettingsError } from "../errors.ts";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { errorPage, namesStatus } from "./error-page.ts";
import { type ProxyOptions, sessionsAnywhere, type WebOptions, WebVisit } from "./on-web/visit.ts";

export type { ProxyOptions, WebOptions } from "./on-web/visit.ts";

/** The environment that types `c.var.session`: `new Hono<SessionEnv>()`. */
export interface SessionEnv<Data = SessionData> {
  Variables: { session: Session<Data> };
}

/**
 * Middleware that opens the session before the next handler runs, and stores it when the response is there and before it
 * leaves. When the session cannot be read or stored, `app.onError` gets the error; if there is no `app.onError`, Hono answers a
 * plain 503. A `Sessions` that is used again on the same request, for a part of the application, gives the same session there.
 * Throws SettingsError for options that cannot work.
 */
export function session<Data = SessionData, const Name extends string = string>(
  options: WebOptions<Name, Data> | Sessions<Data>,
  proxy: ProxyOptions = {},
): MiddlewareHandler<SessionEnv<Data>> {
  if (typeof proxy === "function") {
    // Hono has called `session` itself, with its context and `next`.
    throw new SettingsError("options", "an object: write app.use(session({ store })), not app.use(session)");
  }
  const sessions = sessionsAnywhere(options);
  return async (c, next) => {
    const underWay = WebVisit.sessionUnderWay(sessions, c.req.raw);
    if (underWay !== undefined) {
      c.set("session", underWay);
      return next();
    }
    const ofDevice = WebVisit.answerDevice(sessions, c.req.raw, proxy);
    if (ofDevice !== undefined) return ofDevice;
    const visit = await WebVisit.begin(sessions, c.req.raw, proxy);
    c.set("session", visit.session);
    const earlierHeaders = c.body(null).headers;
    try {
      await next();
      if (!c.finalized) return await visit.giveUp(); // No handler answered, so Hono is about to throw.
    } catch (error) {
      await visit.giveUpOnThrow();
      throw error;
    }
    try {
      replace(c, await visit.respond(c.res));
    } catch (error) {
      // Hono adds these headers to the response that its error handler makes.
      replace(c, visit.announcedOn(new Response(null, { headers: earlierHeaders })));
      c.status(errorPage(error).status as 500);
      throwForHono(error);
    }
  };
}

/** Hono adds the headers of the present response to those of a new one, unless the present one is taken away first. */
function replace(c: Context, response: Response): void {
  if (response === c.res) return;
  c.res = undefined;
  c.res = response;
}

/**
 * Throws an error so that Hono's default error handler answers it with its status: that handler calls `getResponse`, which the
 * errors of coatcheck have. An error that only names a status, thrown by a function of `update` that ran again, is given one.
 */
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
