/** The connect contract: what stores give and take, and what requests and their sessions have. */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Cookie } from "./cookie.ts";

// biome-ignore lint/suspicious/noExplicitAny: callbacks of connect stores give anything as error.
export type Callback<T = void> = (error?: any, value?: T) => void;

/** The session as a store gives it: plain data, and the cookie as JSON has it. */
// biome-ignore lint/suspicious/noExplicitAny: a store gives what it has parsed.
export type PlainSession = Record<string, any>;

/** `req.session`: a plain object with the data, `cookie`, and these members, which do not show among its keys. */
export interface Session {
  cookie: Cookie;
  /** The id of the session, which the cookie carries. */
  readonly id: string;
  /** The request that the session was made for. */
  readonly req: SessionRequest;
  /** Lets the session's life begin anew. Nothing is stored. */
  touch(): this;
  resetMaxAge(): this;
  /** Stores the session now. */
  save(done?: Callback): this;
  /** Reads the session again: `req.session` becomes a new object, without the changes made here. */
  reload(done: Callback): this;
  /** Ends the session: takes it off the request at once, and out of the store. */
  destroy(done?: Callback): this;
  /** Ends the session, and gives the request a new and empty one with an id of its own. */
  regenerate(done: Callback): this;
}

/** A store as middleware and sessions use it. */
export interface ConnectStore extends EventEmitter {
  /** Gives the session, or nothing where there is none. */
  get(id: string, done: Callback<PlainSession | null>): unknown;
  /** Stores a session, whether it was there or not. */
  set(id: string, session: Session | PlainSession, done?: Callback): unknown;
  destroy(id: string, done?: Callback): unknown;
  /** Moves the end of a session, and leaves its data. */
  touch?(id: string, session: Session | PlainSession, done?: Callback): unknown;
  /** Gives a request a new session. The middleware sets it. */
  generate(request: object): void;
  /** Destroys the session of a request, and gives it a new one. */
  regenerate(request: object, done: Callback): void;
  /** Makes the session of a request from what `get` gave. */
  createSession(request: object, found: PlainSession): Session;
  /** Reads a session outside of any request. */
  load(id: string, done: Callback<Session>): void;
}

/** The property under which a request has its visit. */
export const VISIT = Symbol("coatcheck.express-session");

/** A request on its way through the middleware, as its sessions see it. */
export interface RequestVisit {
  /** `session.save()`. */
  save(session: Session, done: Callback): void;
  /** A session of the request was read from the store. */
  wasRead(session: Session): void;
}

export interface SessionRequest extends IncomingMessage {
  session: Session;
  sessionID: string;
  sessionStore: ConnectStore;
  originalUrl?: string;
  secure?: boolean;
  /** An older way to give the secret. */
  secret?: string | string[];
  /** Set by cookie-parser. */
  cookies?: Record<string, unknown>;
  signedCookies?: Record<string, unknown>;
  [VISIT]?: RequestVisit;
}
