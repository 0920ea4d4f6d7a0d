// biome-ignore-all lint/suspicious/noTsIgnore: the line below is an error only where the package is missing.
/**
 * The types of the entry. Where `@types/express-session` is installed they are its types, so that an application compiles as
 * before; where it is not, they are ours. `@ts-ignore` stands wherever that package is named, because it may be missing.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Store as OurStore } from "../../contract/store.ts";

/** @ts-ignore */
import type theirs = require("express-session");

import type { ConnectStore, Session as OurSession } from "./contract.ts";
import type { Cookie as OurCookie, CookieOptions as OurCookieOptions } from "./cookie.ts";
import type { MemoryStore as OurMemoryStore } from "./memory-store.ts";
import type { SessionOptions as OurSessionOptions, OwnOptions } from "./options.ts";
import type { SessionData } from "./session-data.ts";
import type { Store as OurConnectStore } from "./store.ts";

type Their = typeof theirs;
/** A missing import has the type any, to which 0 can be assigned. Within an object, because a check of the bare type fails. */
type AreMissing = { is: 0 } extends { is: Their }
  ? true
  : Their extends (...options: never) => unknown
    ? false
    : true;

/** A function that Express, connect and their like call for each request. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

interface OurFunction {
  (options?: OurSessionOptions): Middleware;
  readonly Store: typeof OurConnectStore;
  readonly Cookie: typeof OurCookie;
  readonly Session: new (request: object, data?: unknown) => OurSession;
  readonly MemoryStore: typeof OurMemoryStore;
}

/** The function of express-session, which takes our stores and our own options too. */
/** @ts-ignore */
type TheirFunction = (
  options?: Omit<theirs.SessionOptions, "store"> & OwnOptions & { store?: theirs.Store | OurStore },
) => ReturnType<Their>;

export type SessionFunction = AreMissing extends true ? OurFunction : Their & TheirFunction;

/** @ts-ignore */
export type SessionOptions = AreMissing extends true ? OurSessionOptions : theirs.SessionOptions;
/** @ts-ignore */
export type CookieOptions = AreMissing extends true ? OurCookieOptions : theirs.CookieOptions;
/** @ts-ignore */
export type Store = AreMissing extends true ? ConnectStore : theirs.Store;
/** @ts-ignore */
export type Cookie = AreMissing extends true ? OurCookie : theirs.Cookie;
/** @ts-ignore */
export type Session = AreMissing extends true ? OurSession : theirs.Session;
/** @ts-ignore */
export type MemoryStore = AreMissing extends true ? OurMemoryStore : theirs.MemoryStore;

/** @ts-ignore */
declare module "express-session" {
  interface SessionData extends OurSessionData {}
}
type OurSessionData = SessionData;

interface WithSession {
  session: OurSession & Partial<SessionData>;
  sessionID: string;
  sessionStore: ConnectStore;
}

/** What a request has by this entry: nothing where the types of express-session, or coatcheck/express, say it. */
export type RequestMembers = AreMissing extends true
  ? "session" extends keyof Express.Coatcheck
    ? object
    : WithSession
  : object;

declare global {
  namespace Express {
    /** The entries of coatcheck that declare members of a request. */
    interface Coatcheck {}
    interface Request extends RequestMembers {}
  }
}
