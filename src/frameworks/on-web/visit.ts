/** A visit to a server that answers a `Request` with a `Response`. It runs on every runtime, so it imports nothing of Node. */

import type { Store } from "../../contract/store.ts";
import { draftOf, type Session } from "../../session.ts";
import { createSessions, Sessions } from "../../sessions.ts";
import type { Options } from "../../settings.ts";
import { cameByHttps, warnOfProxy } from "../proxy.ts";
import { joined } from "../session-headers.ts";

/** Options for every runtime. The store must be given, because no store runs on all of them. */
export type WebOptions<Name extends string = string> = Options<Name> & { readonly store: Store };

export interface ProxyOptions {
  /**
   * Set it to true when every request comes through a proxy of yours: then `X-Forwarded-Proto` or `Forwarded` (RFC 7239) says
   * whether the browser came over https. Default false: the URL of the request says it.
   */
  readonly trustProxy?: boolean;
}

/** The given `Sessions`, or new ones made of options. Throws SettingsError for options that cannot work. */
export function sessionsAnywhere<Name extends string>(options: WebOptions<Name> | Sessions): Sessions {
  return options instanceof Sessions ? options : createSessions(options);
}

/** One request: its session is opened by `begin`, and committed by `respond`, `giveUp` or `giveUpOnThrow`. */
export class WebVisit {
  readonly session: Session;
  readonly #sessions: Sessions;
  readonly #isHead: boolean;

  private constructor(sessions: Sessions, session: Session, request: Request) {
    this.#sessions = sessions;
    this.session = session;
    this.#isHead = request.method === "HEAD";
  }

  /** Opens the session. Rejects with StoreUnavailableError when the store cannot say which one it is. */
  static async begin(sessions: Sessions, request: Request, { trustProxy = false }: ProxyOptions = {}) {
    const { headers } = request;
    const secure = (trustProxy ? cameByHttps(headers) : null) ?? request.url.startsWith("https:");
    if (!trustProxy) warnOfProxy(sessions, headers.get("x-forwarded-proto"), secure);
    const session = await sessions.open(headers.get("cookie"), {
      secure,
      // A getter, because some runtimes make the signal only when it is looked at.
      get signal() {
        return request.signal;
      },
    });
    return new WebVisit(sessions, session, request);
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
    if (response.bodyUsed || response.body?.locked) {
      await this.giveUp();
      throw new TypeError(
        "The handler's Response cannot be sent, because its body was already read; nothing of the session was stored. " +
          "Read a copy, response.clone(), or make a new Response of what was read.",
      );
    }
    const headers = await this.#commit(response);
    const finish = () => this.#sessions.finish(this.session);
    // No header has to be added where the session was not looked at. A failed fetch (status 0) cannot be copied or sent.
    if (headers.length === 0 || response.status === 0) {
      finish();
      return response;
    }
    const told = copyOf(response, this.#isHead ? null : finish);
    for (const [name, value] of headers) addHeader(told.headers, name, value);
    if (this.#isHead || response.body === null) finish();
    return told;
  }

  /** Commits for an answer that is an error: a session that the handler ended is ended, and nothing else is stored. */
  async giveUp(): Promise<void> {
    // If the store fails too, its event tells of it. The caller has an error to throw already.
    await this.#sessions.commit(this.session, { status: 500 }).catch(() => {});
  }

  /** `giveUp` for an error that is thrown on. Warns when a login is lost, because the error may stand for a redirect. */
  async giveUpOnThrow(): Promise<void> {
    if (draftOf(this.session).wants.login !== null) {
      this.#sessions.warnOnce(
        "COATCHECK_LOGIN_DROPPED",
        "A handler signed a user in and then threw an error, so the login was not stored: the response to that error is made " +
          "elsewhere, and the new cookie cannot be added to it. Return a Response, such as a redirect, instead of throwing.",
      );
    }
    await this.giveUp();
  }

  /** Commits after the response has left without our headers: stores only what the browser needs no new cookie for. */
  async #commitBehind({ status }: Response): Promise<void> {
    const { isModified, kept, wants } = draftOf(this.session);
    const isUnreachable = wants.rotate || (kept === null && isModified && wants.flushedBy === null);
    if (isUnreachable) {
      this.#sessions.warnOnce(
        "COATCHECK_RESPONSE_ALREADY_SENT",
        "A handler sent its response itself (RESPONSE_ALREADY_SENT), so the cookie of a new session or of a login could not " +
          "be added, and the session was not stored. Sign in, or set the first value, in a request whose Response is returned.",
      );
      await this.giveUp();
      return;
    }
    // If the store fails, its event tells of it. No error page can, because another response is already under way.
    await this.#sessions.commit(this.session, { status }).catch(() => {});
  }

  async #commit(response: Response) {
    try {
      return await this.#sessions.commit(this.session, { status: response.status });
    } catch (error) {
      response.body?.cancel().catch(() => {}); // The body will not be sent.
      throw error;
    }
  }
}

/** True for `RESPONSE_ALREADY_SENT` of @hono/node-server. That server ignores only a Response of its own, and sends a copy. */
function wasSentByHandler(response: Response): boolean {
  return response.body === null && response.headers.has("x-hono-already-sent");
}

/**
 * A copy of a response, because the handler may use one Response for every visitor. `ended` is called when the body has been
 * sent or given up.
 */
function copyOf(response: Response, ended: (() => void) | null): Response {
  // A 1xx response, such as a protocol switch, belongs to its socket and cannot be copied.
  if (response.status < 200) return response;
  if (response.body === null || ended === null) return new Response(response.body, response);
  return new Response(watched(response.body, ended), response);
}

/** The same stream; it calls `ended` when it has ended or was given up. Piping it through another stream takes twice as long. */
function watched(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isOver = false;
  const end = () => {
    if (!isOver) ended();
    isOver = true;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        end();
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function addHeader(head: Headers, name: string, value: string): void {
  const present = head.get(name);
  if (present === null || name.toLowerCase() === "set-cookie") head.append(name, value);
  else head.set(name, String(joined([name, value], present)));
}
