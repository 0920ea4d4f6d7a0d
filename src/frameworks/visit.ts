/** One request of a Node server on its way through: its session is opened, and its response held until that is stored. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { holdResponse } from "./held-response.ts";
import { warnOfProxy } from "./proxy.ts";
import type { Header } from "./response-head.ts";

/** A request, with what a framework may know of it. */
export type VisitRequest = IncomingMessage & { readonly secure?: boolean };

/** What a framework has beside request and response. */
interface Surroundings {
  /** The object of the framework that gets the `session`; default the request. */
  readonly bearer?: object;
  /** Whether the request came over TLS, by a framework that knows its proxies. */
  readonly secure?: boolean;
}

export class Visit {
  readonly #sessions: Sessions;
  readonly #request: VisitRequest;
  readonly #response: ServerResponse;
  readonly #around: Surroundings;
  #session: Session | undefined;
  /** The commit that came ahead of the first byte. */
  #ahead: Promise<readonly Header[]> | undefined;
  #hasFailed = false;
  #hangUp: AbortController | undefined;

  constructor(
    sessions: Sessions,
    request: VisitRequest,
    response: ServerResponse,
    around: Surroundings = {},
  ) {
    this.#sessions = sessions;
    this.#request = request;
    this.#response = response;
    this.#around = around;
  }

  /** Whether the request came over TLS: as the framework judges, which knows the proxies, else by the socket. */
  get secure(): boolean {
    const { socket } = this.#request;
    const secure = this.#around.secure ?? this.#request.secure;
    return typeof secure === "boolean" ? secure : (socket as Partial<TLSSocket>).encrypted === true;
  }

  /** Aborted when the client hangs up. Made only for who asks: most requests never wait for a store. */
  get signal(): AbortSignal {
    if (this.#hangUp === undefined) {
      const hangUp = new AbortController();
      this.#response.once("close", () => this.#response.writableFinished || hangUp.abort());
      this.#hangUp = hangUp;
    }
    return this.#hangUp.signal;
  }

  /**
   * Sets the `session` of request or bearer and holds the response; `failed` is told when the session could not be
   * stored. False when the client hung up while the store was asked: then there is nobody to serve.
   */
  async begin(failed: (error: unknown) => void): Promise<boolean> {
    const { headers } = this.#request;
    warnOfProxy(this.#sessions, headers["x-forwarded-proto"] as string | undefined, this.secure);
    let session: Session;
    try {
      session = await this.#sessions.open(headers.cookie, this);
    } catch (error) {
      if (this.#hangUp?.signal.aborted) return false;
      throw error;
    }
    this.#session = session;
    // Not writable, so that `req.session = {}` says so; a session() further in replaces it.
    Object.defineProperty(this.#around.bearer ?? this.#request, "session", {
      value: session,
      configurable: true,
      enumerable: true,
    });
    holdResponse(this.#response, {
      commit: (status) => this.#ahead ?? this.#sessions.commit(session, { status }),
      failed,
      ended: () => this.#hasFailed || this.#sessions.finish(session),
    });
    return true;
  }

  /**
   * Stores the session now, ahead of the first byte, so that the framework can still catch what fails; the response that
   * follows then carries the headers, or none of ours if this failed.
   */
  async commit(status: number): Promise<void> {
    this.#ahead = this.#sessions.commit(this.#session as Session, { status });
    try {
      await this.#ahead;
    } catch (error) {
      this.#ahead = Promise.resolve([]);
      this.#hasFailed = true;
      throw error;
    }
  }
}
