/** A visit to a server that answers a `Request` with a `Response`. It runs on every runtime, so it imports nothing of Node. */

import type { Store } from "../../contract/store.ts";
import type { Draft } from "../../engine/draft.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Session } from "../../session.ts";
import { createSessions, ENGINE, isSessions, type Sessions } from "../../sessions.ts";
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
  return isSessions(options) ? options : createSessions(options);
}

/** One request: its session is opened by `begin`, and committed by `respond`, `giveUp` or `giveUpOnThrow`. */
export class WebVisit {
  readonly session: Session;
  readonly #engine: Engine<Session>;
  readonly #draft: Draft;
  readonly #isHead: boolean;

  private constructor(engine: Engine<Session>, draft: Draft, request: Request) {
    this.session = engine.sessionOf(draft);
    this.#engine = engine;
    this.#draft = draft;
    this.#isHead = request.method === "HEAD";
  }

  /** Opens the session. Rejects with StoreUnavailableError when the store cannot say which one it is. */
  static async begin(sessions: Sessions, request: Request, { trustProxy = false }: ProxyOptions = {}) {
    const engine = sessions[ENGINE];
    const { headers } = request;
    const secure = (trustProxy ? cameByHttps(headers) : null) ?? request.url.startsWith("https:");
    if (!trustProxy) warnOfProxy(engine, headers.get("x-forwarded-proto"), secure);
    const arrival = {
      secure,
      // A getter, because some runtimes make the signal only when it is looked at.
      get signal() {
        return request.signal;
      },
    };
    const draft = engine.begin(headers.get("cookie"), arrival);
    await engine.find(draft, arrival);
    return new WebVisit(engine, draft, request);
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
    const finish = () => this.#engine.finish(this.#draft);
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
    await Promise.resolve(this.#engine.commit(this.#draft, 500)).catch(() => {});
  }

  /** `giveUp` for an error that is thrown on. Warns when a login is lost, because the error may stand for a redirect. */
  async giveUpOnThrow(): Promise<void> {
    if (this.#draft.intent.login !== null) {
      this.#engine.warnOnce(
        "COATCHECK_LOGIN_DROPPED",
        "A handler signed a user in and then threw an error, so the login was not stored: the response to that error is made " +
          "elsewhere, and the new cookie cannot be added to it. Return a Response, such as a redirect, instead of throwing.",
      );
    }
    await this.giveUp();
  }

  /** Commits after the response has left without our headers: stores only what the browser needs no new cookie for. */
  async #commitBehind({ status }: Response): Promise<void> {
    const { intent, isModified, stored } = this.#draft;
    const isUnreachable = intent.rotate || (stored === null && isModified && intent.flushedBy === null);
    if (isUnreachable) {
      this.#engine.warnOnce(
        "COATCHECK_RESPONSE_ALREADY_SENT",
        "A handler sent its response itself (RESPONSE_ALREADY_SENT), so the cookie of a new session or of a login could not " +
          "be added, and the session was not stored. Sign in, or set the first value, in a request whose Response is returned.",
      );
      await this.giveUp();
      return;
    }
    // If the store fails, its event tells of it. No error page can, because another response is already under way.
    await Promise.resolve(this.#engine.commit(this.#draft, status)).catch(() => {});
  }

  async #commit(response: Response) {
    try {
      return await this.#engine.commit(this.#draft, response.status);
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
