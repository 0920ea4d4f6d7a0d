/** One request of a Node server on its way through: its session is opened, and its response held until that is stored. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Draft } from "../../engine/draft.ts";
import type { Engine, OpenOptions } from "../../engine/engine.ts";
import type { Session } from "../../session.ts";
import { ENGINE, type Sessions } from "../../sessions.ts";
import { warnOfProxy } from "../proxy.ts";
import type { Header } from "../session-headers.ts";
import { holdResponse, type Keeper } from "./held-response.ts";
import { afterTurn } from "./turn.ts";

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

/** Where a request, or what else bears the session, has its innermost visit. */
export const VISIT = Symbol("coatcheck.visit");

interface Bearer {
  [VISIT]?: Visit | null;
}

/** The `session` of every bearer. */
export const session: PropertyDescriptor &
  ThisType<Bearer> &
  Required<Pick<PropertyDescriptor, "get" | "set">> = {
  configurable: true,
  enumerable: true,
  get() {
    return this[VISIT]?.session;
  },
  set() {
    throw new TypeError(
      "This property is read-only: to change the session call its methods, as session.set(key, value); to end it, session.flush().",
    );
  },
};

export class Visit implements OpenOptions, Keeper {
  readonly #engine: Engine<Session>;
  readonly #request: VisitRequest;
  readonly #response: ServerResponse;
  readonly #around: Surroundings;
  readonly #failed: (error: unknown) => void;
  #draft: Draft | undefined;
  #session: Session | undefined;
  /** The commit that came ahead of the first byte, or with it. */
  #committed: readonly Header[] | Promise<readonly Header[]> | undefined;
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
    this.#engine = sessions[ENGINE];
    this.#request = request;
    this.#response = response;
    this.#failed = failed;
    this.#around = around;
  }

  /** Whether the request came over TLS: as the framework judges, which knows the proxies, else by the socket. */
  get secure(): boolean {
    const secure = this.#around.secure ?? this.#request.secure;
    return typeof secure === "boolean"
      ? secure
      : (this.#request.socket as Partial<TLSSocket>).encrypted === true;
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

  /** Made at the first look, so that a lazy session that no handler looks at costs next to nothing. */
  get session(): Session {
    this.#session ??= this.#engine.sessionOf(this.#begin());
    return this.#session;
  }

  #begin(): Draft {
    if (this.#draft === undefined) {
      const draft = this.#engine.begin(this.#request.headers.cookie, this);
      this.#draft = draft;
      this.#response.on("close", () => this.#finish(draft));
    }
    return this.#draft;
  }

  /**
   * Sets the `session` of request or bearer and holds the response, then calls `go`: with false, and nothing done, where
   * the client hung up while the store was asked, so that there is nobody to serve. `fail` gets what the store met with.
   */
  begin(go: (isThere: boolean) => void, fail: (error: unknown) => void): void {
    const claim = this.#request.headers["x-forwarded-proto"] as string | undefined;
    if (claim !== undefined) warnOfProxy(this.#engine, claim, this.secure);
    afterTurn(
      this.#engine.isLazy ? undefined : this.#engine.find(this.#begin(), this),
      () => this.#goOn(go),
      (error) => (this.#hangUp?.signal.aborted ? go(false) : fail(error)),
    );
  }

  /** `begin`, as a promise. */
  begun(): Promise<boolean> {
    return new Promise((resolve, reject) => this.begin(resolve, reject));
  }

  #goOn(go: (isThere: boolean) => void): void {
    const bearer = (this.#around.bearer ?? this.#request) as Bearer;
    if (!(VISIT in bearer)) Object.defineProperty(bearer, "session", session);
    bearer[VISIT] = this;
    holdResponse(this.#response, this);
    go(true);
  }

  /** Stores the session with the first byte, unless that was done ahead of it. */
  commit(status: number): readonly Header[] | Promise<readonly Header[]> {
    this.#committed ??= this.#draft === undefined ? [] : this.#engine.commit(this.#draft, status);
    return this.#committed;
  }

  failed(error: unknown): void {
    this.#hasFailed = true;
    this.#failed(error);
  }

  /**
   * Stores the session now, ahead of the first byte, so that the framework can still catch what fails; the response that
   * follows then carries the headers, or none of ours if this failed.
   */
  async commitAhead(status: number): Promise<void> {
    try {
      this.#committed = await this.commit(status);
    } catch (error) {
      this.#committed = [];
      this.#hasFailed = true;
      throw error;
    }
  }

  /** The response has closed, sent or not. */
  #finish(draft: Draft): void {
    const finish = () => {
      if (!this.#hasFailed) this.#engine.finish(draft);
    };
    // A commit that failed was told already.
    if (this.#committed instanceof Promise) this.#committed.then(finish, () => {});
    else finish();
  }
}
