/** One `Request` on its way to its `Response`: for every runtime, so nothing of Node is imported here. */

import type { Store } from "../../contract/store.ts";
import { draftOf, type Session } from "../../session.ts";
import { createSessions, Sessions } from "../../sessions.ts";
import type { Options } from "../../settings.ts";
import { cameByHttps, warnOfProxy } from "../proxy.ts";
import { joined } from "../session-headers.ts";

/** Beyond Node no store is everywhere, so there is no default. */
export type WebOptions<Name extends string = string> = Options<Name> & { readonly store: Store };

export interface ProxyOptions {
  /**
   * Whether a proxy of yours stands before every request, whose `X-Forwarded-Proto` or `Forwarded` says how the browser
   * came. Default false: the URL says so.
   */
  readonly trustProxy?: boolean;
}

/** The `Sessions` given, or new ones. */
export function sessionsAnywhere<Name extends string>(options: WebOptions<Name> | Sessions): Sessions {
  return options instanceof Sessions ? options : createSessions(options);
}

export class WebVisit {
  readonly session: Session;
  readonly #sessions: Sessions;
  readonly #isHead: boolean;

  private constructor(sessions: Sessions, session: Session, request: Request) {
    this.#sessions = sessions;
    this.session = session;
    this.#isHead = request.method === "HEAD";
  }

  static async begin(sessions: Sessions, request: Request, { trustProxy = false }: ProxyOptions = {}) {
    const { headers } = request;
    const secure = (trustProxy ? cameByHttps(headers) : null) ?? request.url.startsWith("https:");
    if (!trustProxy) warnOfProxy(sessions, headers.get("x-forwarded-proto"), secure);
    const session = await sessions.open(headers.get("cookie"), {
      secure,
      // Some runtimes make the signal only for who asks.
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
    // Nobody looked at the session; and the status of a failed fetch, 0, nobody can send.
    if (headers.length === 0 || response.status === 0) {
      finish();
      return response;
    }
    const told = copyOf(response, this.#isHead ? null : finish);
    for (const [name, value] of headers) addHeader(told.headers, name, value);
    if (this.#isHead || response.body === null) finish();
    return told;
  }

  /** Nothing will be answered but an error: what the handler flushed stays flushed, and nothing else is stored. */
  async giveUp(): Promise<void> {
    // When the store fails as well, that is told by its event; the first error is the one to be thrown on.
    await this.#sessions.commit(this.session, { status: 500 }).catch(() => {});
  }

  /** `giveUp`, with a warning when a login is lost: the error may be a redirect, and the visitor would not be signed in. */
  async giveUpOnThrow(): Promise<void> {
    if (draftOf(this.session).wants.login !== null) {
      this.#sessions.warnOnce(
        "COATCHECK_LOGIN_DROPPED",
        "A handler signed a user in and then threw, so the login was not stored: nobody knows the answer to what was thrown, " +
          "and its cookie could not go along. Return a Response, such as a redirect, instead of throwing.",
      );
    }
    await this.giveUp();
  }

  /** Stores what needs no cookie, behind a response that has left without any. */
  async #commitBehind({ status }: Response): Promise<void> {
    const { isModified, kept, wants } = draftOf(this.session);
    const isUnreachable = wants.rotate || (kept === null && isModified && wants.flushedBy === null);
    if (isUnreachable) {
      this.#sessions.warnOnce(
        "COATCHECK_RESPONSE_ALREADY_SENT",
        "A handler sent its response itself (RESPONSE_ALREADY_SENT), so the cookie of a new session or of a login could not " +
          "go along, and neither was stored. Sign in, or set the first value, in a request whose response Hono sends.",
      );
      await this.giveUp();
      return;
    }
    // The store's failure is told by its event. No page can tell of it: another response is under way.
    await this.#sessions.commit(this.session, { status }).catch(() => {});
  }

  async #commit(response: Response) {
    try {
      return await this.#sessions.commit(this.session, { status: response.status });
    } catch (error) {
      response.body?.cancel().catch(() => {}); // Nobody will read it.
      throw error;
    }
  }
}

/** By the header of `RESPONSE_ALREADY_SENT` from @hono/node-server, which looks for it in the very Response that it gave. */
function wasSentByHandler(response: Response): boolean {
  return response.body === null && response.headers.has("x-hono-already-sent");
}

/** A copy, for the handler may answer every visitor with one and the same response; `ended` is told when it is sent or given up. */
function copyOf(response: Response, ended: (() => void) | null): Response {
  // A protocol switch belongs to its socket, and no copy can be made of it.
  if (response.status < 200) return response;
  if (response.body === null || ended === null) return new Response(response.body, response);
  return new Response(watched(response.body, ended), response);
}

/** The same stream, that tells when it has ended or was given up. Piping it through another takes twice as long. */
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
