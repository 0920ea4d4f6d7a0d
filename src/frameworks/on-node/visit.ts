/** One request of a Node server on its way through: its session is opened, and its response held until that is stored. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { TLSSocket } from "node:tls";
import { LightSignal, type Signal } from "../../contract/call.ts";
import type { DeviceAddress } from "../../engine/device.ts";
import type { Draft } from "../../engine/draft.ts";
import type { Engine, OpenOptions } from "../../engine/engine.ts";
import type { Session } from "../../session.ts";
import { ENGINE, type Sessions } from "../../sessions.ts";
import { warnIfJustMade } from "../made-at-start.ts";
import { warnOfProxy } from "../proxy.ts";
import { warnOfSameCookie } from "../same-cookie.ts";
import { type Header, withPrivacy } from "../session-headers.ts";
import { type Closing, whenClosed } from "./closed.ts";
import { holdResponse, type Keeper } from "./held-response.ts";
import { afterTurn } from "./turn.ts";

/** A request of Node. Express, and an application that knows its proxy, set `secure` on it. */
export type VisitRequest = IncomingMessage & {
  readonly secure?: boolean;
  /** The whole address. Express cuts the beginning of `url` off for a part of the application. */
  readonly originalUrl?: string;
};

/** A request and its response, of HTTP/1 or of the compatible interface of HTTP/2. Their types differ in what no session asks for. */
export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** The things that a framework has beside request and response. */
interface Surroundings {
  /** The object of the framework that gets the `session`; default the request. */
  readonly bearer?: object;
  /** True when the request came over TLS. A framework that knows its proxies says it. */
  readonly secure?: boolean;
  /** The whole address, where the framework may have changed the request's `url`. */
  readonly url?: string;
}

const NOTHING: Surroundings = {};

/** The property of a request, or of another bearer of the session, that holds the visit whose session it shows. */
export const VISIT = Symbol("coatcheck.visit");

interface Bearer {
  [VISIT]?: Visit | null;
}

/** The property `session` of every bearer. */
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

/** The property of a request that holds the last of its visits; each visit leads to the earlier one. */
const LAST = Symbol("coatcheck.last");

export class Visit implements OpenOptions, Keeper, Closing {
  readonly #engine: Engine<Session>;
  readonly #request: VisitRequest & { [LAST]?: Visit };
  readonly #response: ServerResponse;
  readonly #around: Surroundings;
  readonly #failed: (error: unknown) => void;
  #draft: Draft | undefined;
  #session: Session | undefined;
  /** The visit of another `Sessions` that this request made before. */
  #earlier: Visit | undefined;
  /** The same `Sessions` is mounted further out already, and its visit goes on: this one does nothing. */
  #hasJoined = false;
  /** The commit has begun, with the first byte or ahead of it. */
  #isCommitted = false;
  #committing: Promise<void> | undefined;
  #hasFailed = false;
  #hangUp: LightSignal | undefined;

  /** `failed` is called when the session could not be stored. */
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

  /** True when the request came over TLS. The framework knows its proxies; without one the connection decides. */
  get secure(): boolean {
    const secure = this.#around.secure ?? this.#request.secure;
    return typeof secure === "boolean"
      ? secure
      : (this.#request.socket as Partial<TLSSocket>).encrypted === true;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Aborted when the client hangs up. Made at the first look: most requests never wait for a store. */
  get signal(): Signal {
    this.#hangUp ??= new LightSignal();
    return this.#hangUp;
  }

  /** Made at the first look, so that a lazy session that no handler looks at costs next to nothing. */
  get session(): Session {
    this.#session ??= this.#engine.sessionOf(this.#begin());
    return this.#session;
  }

  #begin(): Draft {
    if (this.#draft === undefined) {
      this.#draft = this.#engine.begin(this.#request.headers.cookie, this);
      // A lazy session may be looked at for the first time when the response has begun.
      if (this.#isCommitted) this.#draft.isCommitted = true;
      if (this.#canHold) whenClosed(this.#response, this);
    }
    return this.#draft;
  }

  /** False for the stand-in of a response that a websocket's upgrade has: nothing can be sent with it. */
  get #canHold(): boolean {
    const { on, getHeaderNames } = Object(this.#response) as Partial<ServerResponse>;
    return on !== undefined && getHeaderNames !== undefined;
  }

  /**
   * Sets the `session` of request or bearer and holds the response, then calls `go`: with false where nothing is left to do, because
   * the client hung up while the store was asked, or because the request was for the binding to a device and is answered. Calls
   * `fail` with an error of the store.
   */
  begin(go: (isThere: boolean) => void, fail: (error: unknown) => void): void {
    warnIfJustMade(this.#engine, 2);
    const same = this.#findSame();
    if (same !== undefined) {
      this.#hasJoined = true;
      same.#show(this.#bearer);
      go(true);
      return;
    }
    const claim = this.#request.headers["x-forwarded-proto"] as string | undefined;
    if (claim !== undefined) warnOfProxy(this.#engine, claim, this.secure);
    const { originalUrl, url = "" } = this.#request;
    const address = this.#engine.deviceAddress(this.#around.url ?? originalUrl ?? url);
    if (address !== null && this.#canHold) {
      this.#answerDevice(address).then(() => go(false), fail);
      return;
    }
    afterTurn(
      this.#engine.isLazy ? undefined : this.#engine.find(this.#begin(), this),
      () => this.#goOn(go, fail),
      (error) => (this.#hangUp?.aborted ? go(false) : fail(error)),
    );
  }

  async #answerDevice(address: DeviceAddress): Promise<void> {
    const { method = "" } = this.#request;
    const request = { method, secure: this.secure, header: (name: string) => this.header(name) };
    const { status, headers, body } = await this.#engine.answerDevice(address, request);
    const length = ["Content-Length", Buffer.byteLength(body)] as const;
    this.#response.writeHead(status, Object.fromEntries([...headers, length])).end(body);
  }

  /** `begin`, as a promise. */
  begun(): Promise<boolean> {
    return new Promise((resolve, reject) => this.begin(resolve, reject));
  }

  /** The earlier visit of the same `Sessions`. One whose commit has failed is over: an error page gets a visit of its own. */
  #findSame(): Visit | undefined {
    let visit = this.#request[LAST];
    while (visit !== undefined && (visit.#engine !== this.#engine || visit.#hasFailed))
      visit = visit.#earlier;
    return visit;
  }

  get #bearer(): Bearer {
    return this.#around.bearer ?? this.#request;
  }

  #show(bearer: Bearer): void {
    if (!(VISIT in bearer)) Object.defineProperty(bearer, "session", session);
    bearer[VISIT] = this;
  }

  #goOn(go: (isThere: boolean) => void, fail: (error: unknown) => void): void {
    try {
      this.#show(this.#bearer);
      this.#earlier = this.#request[LAST];
      for (let outer = this.#earlier; outer !== undefined; outer = outer.#earlier) {
        if (outer.#engine !== this.#engine) warnOfSameCookie(outer.#engine, this.#engine, this.secure);
      }
      this.#request[LAST] = this;
      if (this.#canHold) holdResponse(this.#response, this);
      else this.#begin().isCommitted = true;
    } catch (error) {
      fail(error); // We are in a later turn of the event loop, where no caller could catch it.
      return;
    }
    go(true);
  }

  /** Stores the session with the first byte, unless that was done ahead of it. */
  commit(status: number): Promise<void> | undefined {
    if (!this.#isCommitted) {
      this.#isCommitted = true;
      if (this.#draft !== undefined) this.#committing = this.#engine.commit(this.#draft, status);
    }
    return this.#committing;
  }

  /** The session's headers at this moment; none where the session was not looked at. */
  headers(): readonly Header[] {
    const draft = this.#draft;
    if (draft === undefined) return [];
    return withPrivacy(this.#engine.headers(draft), draft, this.#response, this.#engine);
  }

  failed(error: unknown): void {
    this.#hasFailed = true;
    if (this.#draft?.cookie && !this.#response.headersSent) this.#announceWithError();
    this.#failed(error);
  }

  /**
   * Adds the key that an earlier `save()` has stored to the response that will tell of the error. Frameworks take all headers off
   * before they answer an error, so it is added at the first byte.
   */
  #announceWithError(): void {
    holdResponse(this.#response, {
      commit: () => undefined,
      headers: () => this.headers(),
      failed: () => this.#response.destroy(),
    });
  }

  /**
   * Stores the session now, ahead of the first byte, so that the framework can still catch an error. The response that
   * follows then carries the headers.
   */
  async commitAhead(status: number): Promise<void> {
    if (this.#hasJoined) return;
    try {
      await this.commit(status);
      this.#committing = undefined;
    } catch (error) {
      this.#committing = undefined;
      this.#hasFailed = true;
      throw error;
    }
  }

  /** The response has closed, sent or not. */
  closed(): void {
    if (!this.#response.writableFinished) this.#hangUp?.abort(new Error("the client hung up"));
    // A commit that failed has told already.
    if (this.#committing !== undefined)
      this.#committing.then(
        () => this.#finish(),
        () => {},
      );
    else this.#finish();
  }

  #finish(): void {
    if (this.#draft !== undefined && !this.#hasFailed) this.#engine.finish(this.#draft);
  }
}
