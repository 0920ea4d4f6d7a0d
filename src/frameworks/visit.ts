/** One request of a Node server on its way through: its session is opened, and its response held until that is stored. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Session } from "../session.ts";
import { commitAtOnce, find, type OpenOptions, type Sessions, sessionOf } from "../sessions.ts";
import { holdResponse, type Keeper } from "./held-response.ts";
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

const NOTHING: Surroundings = {};

export class Visit implements OpenOptions, Keeper {
  /** Whether the request came over TLS: as the framework judges, which knows the proxies, else by the socket. */
  readonly secure: boolean;
  readonly failed: (error: unknown) => void;

  readonly #sessions: Sessions;
  readonly #response: ServerResponse;
  readonly #bearer: object;
  readonly #session: Session;
  /** The commit that came ahead of the first byte. */
  #ahead: readonly Header[] | Promise<readonly Header[]> | undefined;
  #hasFailed = false;
  #hangUp: AbortController | undefined;

  /** `failed` is told when the session could not be stored. */
  constructor(
    sessions: Sessions,
    request: VisitRequest,
    response: ServerResponse,
    failed: (error: unknown) => void,
    around: Surroundings = NOTHING,
  ) {
    this.#sessions = sessions;
    this.#response = response;
    this.failed = failed;
    this.#bearer = around.bearer ?? request;
    const secure = around.secure ?? request.secure;
    this.secure =
      typeof secure === "boolean" ? secure : (request.socket as Partial<TLSSocket>).encrypted === true;
    warnOfProxy(sessions, request.headers["x-forwarded-proto"] as string | undefined, this.secure);
    this.#session = sessionOf(sessions, request.headers.cookie, this);
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
   * Sets the `session` of request or bearer and holds the response: at once, or when the store that had to be asked has
   * answered. False when the client hung up meanwhile: then there is nobody to serve.
   */
  begin(): boolean | Promise<boolean> {
    const found = find(this.#sessions, this.#session, this);
    if (found !== undefined) return this.#beginLater(found);
    this.#hold();
    return true;
  }

  async #beginLater(found: Promise<void>): Promise<boolean> {
    try {
      await found;
    } catch (error) {
      if (this.#hangUp?.signal.aborted) return false;
      throw error;
    }
    this.#hold();
    return true;
  }

  #hold(): void {
    // Not writable, so that `req.session = {}` says so; a session() further in replaces it.
    Object.defineProperty(this.#bearer, "session", {
      value: this.#session,
      configurable: true,
      enumerable: true,
    });
    holdResponse(this.#response, this);
  }

  /** Stores the session with the first byte, unless that was done ahead of it. */
  commit(status: number): readonly Header[] | Promise<readonly Header[]> {
    if (this.#ahead !== undefined) return this.#ahead;
    const response = { status };
    return (
      commitAtOnce(this.#sessions, this.#session, response) ?? this.#sessions.commit(this.#session, response)
    );
  }

  ended(): void {
    if (!this.#hasFailed) this.#sessions.finish(this.#session);
  }

  /**
   * Stores the session now, ahead of the first byte, so that the framework can still catch what fails; the response that
   * follows then carries the headers, or none of ours if this failed.
   */
  async commitAhead(status: number): Promise<void> {
    try {
      this.#ahead = this.commit(status);
      this.#ahead = await this.#ahead;
    } catch (error) {
      this.#ahead = [];
      this.#hasFailed = true;
      throw error;
    }
  }
}
