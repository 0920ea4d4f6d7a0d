/**
 * `coatcheck/fetch`: `withSession(options, (request, session) => response)`, for any server or framework that takes a function
 * from `Request` to `Response`, on every runtime.
 */

import type { SessionData } from "../data/session-data.ts";
import { SettingsError } from "../errors.ts";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { namesStatus } from "./error-page.ts";
import { answer, isUnavailable } from "./on-web/answer.ts";
import { responseOfNextError } from "./on-web/next-error.ts";
import { type ProxyOptions, sessionsAnywhere, type WebOptions, WebVisit } from "./on-web/visit.ts";

export type { ProxyOptions, WebOptions } from "./on-web/visit.ts";

/** Your handler. `rest` is what the runtime passes after the request, such as an environment or a context. */
export type SessionHandler<Rest extends unknown[] = [], Data = SessionData> = (
  request: Request,
  session: Session<Data>,
  ...rest: Rest
) => Response | Promise<Response>;

/**
 * Wraps a handler. The session is opened before the handler runs, and stored when the handler's `Response` is there and before
 * it leaves.
 *
 * - A session that cannot be read or stored is answered by a plain 503 with `Retry-After`.
 * - A `Response` that the handler throws is treated like one that it returns, and thrown on with the cookie.
 * - An error of Next.js that stands for an answer (`redirect()`, `notFound()`) is turned into that answer, with the cookie.
 * - A `Sessions` that was already given to the same `Request` further out gives its session to this handler too, and stores it
 *   further out.
 * - Any other error is thrown on. Nothing is stored then, except that a session which the handler ended stays ended; if a login
 *   is lost that way, one warning says so.
 *
 * Throws SettingsError for options that cannot work. The promise rejects with a TypeError, with nothing stored, when the body of
 * the handler's `Response` was already read.
 */
export function withSession<
  Data = SessionData,
  const Name extends string = string,
  Rest extends unknown[] = [],
>(
  options: WebOptions<Name, Data> | Sessions<Data>,
  handler: SessionHandler<Rest, Data>,
  proxy: ProxyOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  if (typeof handler !== "function") {
    throw new SettingsError("handler", "a function: withSession(options, (request, session) => response)");
  }
  const sessions = sessionsAnywhere(options);
  return async (request, ...rest) => {
    const session = WebVisit.sessionUnderWay(sessions, request);
    if (session !== undefined) return handler(request, session, ...rest);
    let visit: WebVisit<Data>;
    try {
      const ofDevice = WebVisit.answerDevice(sessions, request, proxy);
      if (ofDevice !== undefined) return await ofDevice;
      visit = await WebVisit.begin(sessions, request, proxy);
    } catch (error) {
      return answer(error);
    }
    let response: Response;
    try {
      response = await handler(request, visit.session, ...rest);
    } catch (thrown) {
      return answerThrown(thrown, request, visit);
    }
    return visit.respond(response).catch((error) => answerFor(error, visit));
  };
}

async function answerThrown<Data>(
  thrown: unknown,
  request: Request,
  visit: WebVisit<Data>,
): Promise<Response> {
  const failed = (error: unknown) => answerFor(error, visit);
  if (isResponse(thrown)) throw await visit.respond(thrown).catch(failed);
  const ofNext = responseOfNextError(thrown, request);
  if (ofNext !== null) {
    const response = await visit.respond(ofNext).catch(failed);
    if (response === ofNext) throw thrown; // There is no header to add, so Next.js can make the answer itself.
    return response;
  }
  if (isUnavailable(thrown)) {
    // The handler awaited `session.load()` or `session.save()`, and the store failed.
    await visit.giveUp();
    return answerFor(thrown, visit);
  }
  await visit.giveUpOnThrow();
  throw thrown;
}

/** The plain page for an error of the session; any other error is thrown on, to the runtime. */
function answerFor<Data>(error: unknown, visit: WebVisit<Data>): Response {
  if (!namesStatus(error)) visit.takeBackUnannounced();
  return visit.announcedOn(answer(error));
}

/** Looks at the tag and not at the class, because a framework may have a Response class of its own. */
function isResponse(thrown: unknown): thrown is Response {
  return Object.prototype.toString.call(thrown) === "[object Response]";
}
