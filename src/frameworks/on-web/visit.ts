/** A visit to a server that answers a `Request` with a `Response`. It runs on every runtime, so it imports nothing of Node. */

import type { Store } from "../../contract/store.ts";
import type { SessionData } from "../../data/session-data.ts";
import type { Draft } from "../../engine/draft.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Session } from "../../session.ts";
import { createSessions, ENGINE, isSessions, type Sessions } from "../../sessions.ts";
import type { Options } from "../../settings/options.ts";
import { noteMade, warnIfJustMade } from "../made-at-start.ts";
import { cameByHttps, warnOfProxy } from "../proxy.ts";
import { warnOfSameCookie } from "../same-cookie.ts";
import { withPrivacy } from "../session-headers.ts";
import { bodyOf, spentError, withHeaders } from "./response-copy.ts";

/** Options for every runtime. The store must be given, because no store runs on all of them. */
export type WebOptions<Name extends string = string, Data = SessionData> = Options<Name, Data> & {
  readonly store: Store;
};

export interface ProxyOptions {
  /**
   * Set it to true when every request comes through a proxy of yours: then `X-Forwarded-Proto` or `Forwarded` (RFC 7239) says
   * whether the browser came over https. Default false: the URL of the request says it.
   */
  readonly trustProxy?: boolean;
}

/** The given `Sessions`, or new ones made of options. Throws SettingsError for options that cannot work. */
export function sessionsAnywhere<Data, Name extends string>(
  options: WebOptions<Name, Data> | Sessions<Data>,
): Sessions<Data> {
  if (isSessions<Data>(options)) return options;
  const sessions = createSessions<Data, Name>(options);
  noteMade(sessions[ENGINE]);
  return sessions;
}

/** Tests of a web application often make it and call it at once, each of them. */
const JUST_MADE_LIMIT = 100;

/** The property of a request that holds its last visit. */
const VISIT = Symbol("coatcheck.visit");

// biome-ignore lint/suspicious/noExplicitAny: one request can have sessions with keys of several types.
type AnyVisit = WebVisit<any>;

type VisitRequest = Request & { [VISIT]?: AnyVisit | undefined };

/** One request: its session is opened by `begin`, and committed by `respond`, `giveUp` or `giveUpOnThrow`. */
export class WebVisit<Data> {
  readonly session: Session<Data>;
  readonly #engine: Engine<Session<Data>>;
  readonly #draft: Draft;
  readonly #request: VisitRequest;
  /** The visit of the same request inside which this one was begun. */
  readonly #outer: AnyVisit | undefined;

  private constructor(engine: Engine<Session<Data>>, draft: Draft, request: VisitRequest) {
    this.session = engine.sessionOf(draft);
    this.#engine = engine;
    this.#draft = draft;
    this.#request = request;
    this.#outer = WebVisit.#underWay(request[VISIT]);
    request[VISIT] = this;
  }

  /**
   * The session of a request to which the same `Sessions` was already given further out. It is committed there. A copy of the
   * request counts as another request.
   */
  static sessionUnderWay<Data>(sessions: Sessions<Data>, request: VisitRequest): Session<Data> | undefined {
    let visit = WebVisit.#underWay(request[VISIT]);
    while (visit !== undefined && visit.#engine !== sessions[ENGINE])
      visit = WebVisit.#underWay(visit.#outer);
    return visit?.session;
  }

  /** A visit or, where it was committed already, the innermost one around it that was not. */
  static #underWay(visit: AnyVisit | undefined): AnyVisit | undefined {
    if (visit === undefined) return undefined;
    return visit.#draft.isCommitted ? WebVisit.#underWay(visit.#outer) : visit;
  }

  /** The answer to a request for the binding to a device; undefined for any other request. */
  static answerDevice<Data>(
    sessions: Sessions<Data>,
    request: Request,
    { trustProxy = false }: ProxyOptions = {},
  ): Promise<Response> | undefined {
    const engine = sessions[ENGINE];
    if (engine.devicePath === null) return undefined;
    const address = engine.deviceAddress(new URL(request.url).pathname);
    if (address === null) return undefined;
    const { method, headers } = request;
    const header = (name: string) => headers.get(name);
    return engine.answerDevice(address, { method, secure: isSecure(request, trustProxy), header }).then(
      (answer) =>
        new Response(answer.body, {
          status: answer.status,
          headers: answer.headers.map(([name, value]) => [name, value]),
        }),
    );
  }

  /** Opens the session. Rejects with StoreUnavailableError when the store cannot say which one it is. */
  static async begin<Data>(
    sessions: Sessions<Data>,
    request: Request,
    { trustProxy = false }: ProxyOptions = {},
  ): Promise<WebVisit<Data>> {
    const engine = sessions[ENGINE];
    warnIfJustMade(engine, JUST_MADE_LIMIT);
    const { headers } = request;
    const secure = isSecure(request, trustProxy);
    if (!trustProxy) warnOfProxy(engine, headers.get("x-forwarded-proto"), secure);
    const arrival = {
      secure,
      header: (name: string) => headers.get(name),
      // A getter, because some runtimes make the signal only when it is looked at.
      get signal() {
        return request.signal;
      },
    };
    const draft = engine.begin(headers.get("cookie"), arrival);
    await engine.find(draft, arrival);
    const visit = new WebVisit(engine, draft, request);
    for (let outer = visit.#outer; outer !== undefined; outer = outer.#outer)
      warnOfSameCookie(outer.#engine, engine, secure);
    return visit;
  }

  /**
   * Stores the session, and resolves to the response that tells the browser of it. Rejects, with nothing stored, when the
   * response cannot be sent because its body was already read.
   */
  async respond(response: Response): Promise<Response> {
    if (wasSentByHandler(response)) {
      await this.#commitBehind(response);
      return response;
    }
    const spent = spentError(response);
    if (spent !== null) {
      await this.giveUp();
      throw spent;
    }
    await this.#commit(response);
    const headers = withPrivacy(
      this.#engine.headers(this.#draft),
      this.#draft,
      response.headers,
      this.#engine,
    );
    const finish = () => this.#engine.finish(this.#draft);
    // No header has to be added where the session was not looked at. A failed fetch (status 0) cannot be copied or sent.
    if (headers.length === 0 || response.status === 0) {
      finish();
      return response;
    }
    const isHead = this.#request.method === "HEAD";
    const copy = withHeaders(response, headers, isHead ? null : finish);
    if (isHead || bodyOf(response) === null) finish();
    return copy;
  }

  /** Commits for an answer that is an error: a session that the handler ended is ended, and nothing else is stored. */
  async giveUp(): Promise<void> {
    // If the store fails too, its event tells of it. The caller has an error to throw already.
    await this.#commitFor(500).catch(() => {});
  }

  /** The response that tells of an error, with the key that an earlier `save()` has stored. */
  announcedOn(response: Response): Response {
    const headers = this.#engine.headers(this.#draft);
    return headers.length === 0 ? response : withHeaders(response, headers, null);
  }

  /** To be called where a response is made elsewhere: ends a session whose new key only this request knows. */
  takeBackUnannounced(): void {
    this.#engine.takeBackUnannounced(this.#draft);
  }

  /** `giveUp` for an error that is thrown on. Warns when a login is lost, because the error may stand for a redirect. */
  async giveUpOnThrow(): Promise<void> {
    const { intent, userId } = this.#draft;
    if (intent.login !== null || (userId !== null && this.#isUnderNewKey)) {
      this.#engine.warnOnce(
        "COATCHECK_LOGIN_DROPPED",
        "A handler signed a user in and then threw an error. The response to that error is made elsewhere, and the new " +
          "cookie cannot be added to it, so the login is lost. Return a Response, such as a redirect, instead of throwing.",
      );
    }
    await this.giveUp();
    this.takeBackUnannounced();
  }

  /** Commits behind a response that has left without our headers: stores only what the browser needs no new cookie for. */
  async #commitBehind({ status }: Response): Promise<void> {
    const needsCookie = this.#needsCookie;
    if (needsCookie) {
      this.#engine.warnOnce(
        "COATCHECK_RESPONSE_ALREADY_SENT",
        "A handler sent its response itself (RESPONSE_ALREADY_SENT), so the session's new cookie could not be added, and the " +
          "login, the new session or the change is lost. Make it in a request whose Response is returned to Hono.",
      );
    }
    // No error page can tell of a failure, because another response is already under way.
    await this.#commitFor(needsCookie ? 500 : status).catch(({ name }: Error) =>
      this.#engine.warnOnce(
        "COATCHECK_RESPONSE_ALREADY_SENT_UNSAVED",
        `A handler sent its response itself (RESPONSE_ALREADY_SENT), and then its session could not be stored (${name}). ` +
          "Call await session.save() before the response begins, to answer with an error instead.",
      ),
    );
    this.takeBackUnannounced();
  }

  /** Whether a commit would need to send a cookie, because the browser has none for the session as it is then stored. */
  get #needsCookie(): boolean {
    const { intent, isBarred, isChanged, isEmpty, stored, ticket } = this.#draft;
    if (isBarred) return false;
    if (intent.rotate || this.#isUnderNewKey) return true;
    return isChanged && (ticket.kind === "carried" || (stored === null && !isEmpty));
  }

  /** Whether `session.save()` has stored the session under a key that the browser does not have yet. */
  get #isUnderNewKey(): boolean {
    const { cookie, presented, stored } = this.#draft;
    return cookie !== null && stored !== null && !presented.some(({ id }) => id === stored.id);
  }

  /** The engine's `commit` as a promise, also of what it throws at the call. */
  async #commitFor(status: number) {
    this.#request[VISIT] = this.#outer;
    return this.#engine.commit(this.#draft, status);
  }

  async #commit(response: Response) {
    try {
      return await this.#commitFor(response.status);
    } catch (error) {
      bodyOf(response)
        ?.cancel()
        .catch(() => {}); // The body will not be sent.
      throw error;
    }
  }
}

function isSecure({ headers, url }: Request, trustProxy: boolean): boolean {
  return (trustProxy ? cameByHttps(headers) : null) ?? url.startsWith("https:");
}

/** True for `RESPONSE_ALREADY_SENT` of @hono/node-server. That server ignores only a Response of its own, and sends a copy. */
function wasSentByHandler(response: Response): boolean {
  // The body first: after a look at the headers alone, that server forgets the type that a Blob or a text gives.
  return bodyOf(response) === null && response.headers.has("x-hono-already-sent");
}
