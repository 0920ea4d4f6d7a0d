/**
 * `coatcheck/fetch`: `withSession(options, (request, session) => response)` for whatever takes a function from `Request`
 * to `Response`, on every runtime.
 */
import { StoreUnavailableError } from "../errors.ts";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { errorPage, namesStatus } from "./error-page.ts";
import { responseOfNextError } from "./on-web/next-error.ts";
import { type ProxyOptions, sessionsAnywhere, type WebOptions, WebVisit } from "./on-web/visit.ts";

export type { ProxyOptions, WebOptions } from "./on-web/visit.ts";

/** `rest` is what the runtime gives beside the request. */
export type SessionHandler<Rest extends unknown[] = []> = (
  request: Request,
  session: Session,
  ...rest: Rest
) => Response | Promise<Response>;

/**
 * A handler that opens the session before yours runs, and stores it before your response leaves. A session that cannot be
 * read or stored is answered by a plain 503 with `Retry-After`. What your handler throws is thrown on, and nothing is
 * stored but a flush; a `Response` that it throws is a response like any other, and thrown on with the cookie.
 */
export function withSession<const Name extends string, Rest extends unknown[] = []>(
  options: WebOptions<Name> | Sessions,
  handler: SessionHandler<Rest>,
  proxy: ProxyOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  const sessions = sessionsAnywhere(options);
  return async (request, ...rest) => {
    let visit: WebVisit;
    try {
      visit = await WebVisit.begin(sessions, request, proxy);
    } catch (error) {
      return answer(error);
    }
    let response: Response;
    try {
      response = await handler(request, visit.session, ...rest);
    } catch (thrown) {
      if (isResponse(thrown)) throw await visit.respond(thrown).catch(answer);
      const ofNext = responseOfNextError(thrown, request);
      if (ofNext !== null) {
        const response = await visit.respond(ofNext).catch(answer);
        if (response === ofNext) throw thrown; // No header of ours to add: Next.js answers as it would without us.
        return response;
      }
      // From `await session.load()`, `save()` and the like.
      if (thrown instanceof StoreUnavailableError) {
        await visit.giveUp();
        return answer(thrown);
      }
      await visit.giveUpOnThrow();
      throw thrown;
    }
    return visit.respond(response).catch(answer);
  };
}

/** The plain page for an error that names its status; any other goes on to the runtime. */
function answer(error: unknown): Response {
  if (!namesStatus(error)) throw error;
  const { body, ...head } = errorPage(error);
  return new Response(body, head);
}

/** By its tag: a framework may bring a Response of its own. */
function isResponse(thrown: unknown): thrown is Response {
  return Object.prototype.toString.call(thrown) === "[object Response]";
}
