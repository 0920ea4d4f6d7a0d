/**
 * `coatcheck/next`: sessions in the App Router of Next.js, on its Node.js runtime. `getSession(sessions)` anywhere on the server, and
 * `withSession(sessions, fn)` around Server Actions and route handlers, which may change the session.
 */
import type { SessionData } from "../data/session-data.ts";
import { SettingsError } from "../errors.ts";
import type { Session } from "../session.ts";
import { isSessions, type Sessions } from "../sessions.ts";
import { NextVisit } from "./next/visit.ts";
import { answer, isUnavailable } from "./on-web/answer.ts";
import { responseOfNextError, statusOfNextError } from "./on-web/next-error.ts";
import { spentError } from "./on-web/response-copy.ts";

/** An action or a handler. It gets the session, then what Next.js passes: the form, or the request and its context. */
export type SessionFunction<Args extends unknown[], Result, Data = SessionData> = (
  session: Session<Data>,
  ...args: Args
) => Result | Promise<Result>;

/**
 * The session of the present request: one for each of its phases, however often it is asked for.
 *
 * - In a component and in `after()` it can only be read: calls that change it throw SessionReadOnlyError.
 * - Within `withSession` it is the same session.
 * - In another action or route handler, changes are stored by `await session.save()`, which also sends the cookie.
 *
 * Where reading is activity (`idleTimeout`, `saveEveryRequest`), it counts as such. Rejects with StoreUnavailableError when the store
 * cannot be read, and with a SettingsError when it is not given a `Sessions`.
 */
export async function getSession<Data = SessionData>(sessions: Sessions<Data>): Promise<Session<Data>> {
  checkSessions(sessions, "getSession(sessions)");
  const { session } = await NextVisit.now(sessions);
  return session;
}

/**
 * Wraps a Server Action or a route handler. It gets the session as its first argument, and the session is stored when it has ended,
 * before the response leaves: by the status of the handler's `Response`, else 200.
 *
 * - What `redirect()`, `notFound()`, `unauthorized()` and `forbidden()` throw counts as an answer with its status. A handler's is
 *   answered here, with the cookie.
 * - After any other error nothing is stored, except that a session which was ended stays ended; the error is thrown on.
 * - A session that cannot be read or stored makes an action reject with the error; a handler answers it with a plain 503.
 * - Within another `withSession` of the same `Sessions` it is the same session, stored by the outer one.
 *
 * Throws SettingsError when it is not given a `Sessions` and a function. The promise rejects with a TypeError, with nothing stored,
 * when the body of the handler's `Response` was already read.
 */
export function withSession<Args extends unknown[], Result, Data = SessionData>(
  sessions: Sessions<Data>,
  fn: SessionFunction<Args, Result, Data>,
): (...args: Args) => Promise<Result> {
  checkSessions(sessions, "withSession(sessions, fn)");
  if (typeof fn !== "function") {
    throw new SettingsError("fn", "a function: withSession(sessions, async (session, form) => { … })");
  }
  // An async function, because Next.js takes no other for a Server Action.
  return async (...args) => {
    const run = (session: Session<Data>) => fn(session, ...args);
    const [request] = args as unknown[];
    if (!isA("Request", request)) return act(sessions, run);
    // The result of a handler is a Response, so that an answer of ours has its type.
    return handle(sessions, request, run) as Promise<Result>;
  };
}

async function act<Result, Data>(sessions: Sessions<Data>, run: Run<Result, Data>): Promise<Result> {
  const visit = await NextVisit.enter(sessions);
  let result: Result;
  try {
    result = await run(visit.session);
  } catch (thrown) {
    const status = statusOfNextError(thrown);
    if (status === null) await visit.giveUp();
    else await visit.commit(status);
    throw thrown;
  }
  await visit.commit(200);
  return result;
}

async function handle<Result, Data>(
  sessions: Sessions<Data>,
  request: Request,
  run: Run<Result, Data>,
): Promise<Result | Response> {
  let visit: NextVisit<Data>;
  try {
    visit = await NextVisit.enter(sessions);
  } catch (error) {
    return answer(error);
  }
  let result: Result;
  try {
    result = await run(visit.session);
  } catch (thrown) {
    return answerThrown(thrown, request, visit);
  }
  if (!isA("Response", result)) {
    await visit.giveUp();
    return result;
  }
  const spent = spentError(result);
  if (spent !== null) {
    await visit.giveUp();
    throw spent;
  }
  return visit.respond(result).catch(answer);
}

async function answerThrown<Data>(
  thrown: unknown,
  request: Request,
  visit: NextVisit<Data>,
): Promise<Response> {
  const ofNext = responseOfNextError(thrown, request);
  if (ofNext === null) {
    await visit.giveUp();
    // The handler awaited `session.load()` or `session.save()`, and the store failed.
    if (isUnavailable(thrown)) return answer(thrown);
    visit.takeBackUnannounced(); // Next.js drops the cookies of such an answer.
    throw thrown;
  }
  const response = await visit.respond(ofNext).catch(answer);
  if (response === ofNext) throw thrown; // There is no header to add, so Next.js can make the answer itself.
  return response;
}

type Run<Result, Data> = (session: Session<Data>) => Result | Promise<Result>;

/** Looks at the tag and not at the class, because a framework may have a class of its own, or a Proxy. */
function isA<Tag extends "Request" | "Response">(
  tag: Tag,
  value: unknown,
): value is Tag extends "Request" ? Request : Response {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}

/** Options would open a store with each call. */
function checkSessions(sessions: unknown, call: string): void {
  if (!isSessions(sessions))
    throw new SettingsError("sessions", `what createSessions(options) returns: ${call}`);
}
