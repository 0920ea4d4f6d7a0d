/** One request of a Node server on its way through: its session is opened, and its response held until that is stored. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { holdResponse } from "./held-response.ts";

/** A request, with what a framework may know of it. */
export type VisitRequest = IncomingMessage & { readonly secure?: boolean };

export class Visit {
  readonly #sessions: Sessions;
  readonly #request: VisitRequest;
  readonly #response: ServerResponse;
  #hangUp: AbortController | undefined;

  constructor(sessions: Sessions, request: VisitRequest, response: ServerResponse) {
    this.#sessions = sessions;
    this.#request = request;
    this.#response = response;
  }

  /** Whether the request came over TLS: as the framework judges, which knows the proxies, else by the socket. */
  get secure(): boolean {
    const { secure, socket } = this.#request;
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
   * Sets `request.session` and holds the response; `failed` is told when the session could not be stored. False when the
   * client hung up while the store was asked: then there is nobody to serve.
   */
  async begin(failed: (error: unknown) => void): Promise<boolean> {
    this.#warnOfProxy();
    let session: Session;
    try {
      session = await this.#sessions.open(this.#request.headers.cookie, this);
    } catch (error) {
      if (this.#hangUp?.signal.aborted) return false;
      throw error;
    }
    // Not writable, so that `req.session = {}` says so; a session() further in replaces it.
    Object.defineProperty(this.#request, "session", { value: session, configurable: true, enumerable: true });
    holdResponse(this.#response, {
      commit: (status) => this.#sessions.commit(session, { status }),
      failed,
      ended: () => this.#sessions.finish(session),
    });
    return true;
  }

  #warnOfProxy(): void {
    const claim = this.#request.headers["x-forwarded-proto"];
    if (claim === undefined || !/^https\b/i.test(String(claim)) || this.secure) return;
    this.#sessions.warnOnce(
      "COATCHECK_UNTRUSTED_PROXY",
      "A request came with X-Forwarded-Proto: https, but nothing here trusts the proxy that says so; it counts as plain " +
        'http, and its cookie is not Secure. If the proxy is yours: in Express, app.set("trust proxy", 1); elsewhere, set ' +
        "req.secure = true for its requests before session() sees them.",
    );
  }
}
