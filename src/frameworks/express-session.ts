/**
 * `coatcheck/express-session`: stands where `express-session` stood, with its options, its stores and its sessions.
 *
 * @module
 */
import { connectStore } from "./express-session/connect-store.ts";
import { Cookie as CookieClass } from "./express-session/cookie.ts";
import { MemoryStore as MemoryStoreClass } from "./express-session/memory-store.ts";
import { session as makeMiddleware } from "./express-session/middleware.ts";
import { MigratingStore, type MigratingStoreOptions } from "./express-session/migrating-store.ts";
import { Session as SessionClass } from "./express-session/session.ts";
import { Store as StoreClass } from "./express-session/store.ts";
import type * as types from "./express-session/types.ts";

export type * from "./express-session/session-data.ts";

/**
 * A store for `session()` while the visitors move from one store to another: no visitor is signed out, and no session that has ended
 * comes back. Sessions stay in `from` until they end or are destroyed, so that a release before this one still knows the
 * visitors. All processes must use the same two stores: a release that writes to `from` alone must not run at the same time.
 *
 * With a connect store as `to`, two processes that move one session at the same time may lose a change made between.
 * Throws SettingsError for a value that is no store.
 */
function migratingStore(options: MigratingStoreOptions): types.Store {
  return new MigratingStore(options) as unknown as types.Store;
}

const statics = {
  Store: StoreClass,
  Cookie: CookieClass,
  Session: SessionClass,
  MemoryStore: MemoryStoreClass,
  connectStore,
  migratingStore,
};

/**
 * Middleware that gives each request its session, and stores it before the response leaves. Throws a TypeError for options that
 * cannot work.
 */
const session = Object.assign(makeMiddleware, statics) as unknown as types.SessionFunction;
// Compilers that know no interoperation of modules write `require(…).default`.
Object.defineProperty(session, "default", { value: session });

/** The types that express-session has under its name. */
declare namespace session {
  type SessionOptions = types.SessionOptions;
  type CookieOptions = types.CookieOptions;
  type SessionData = import("./express-session/session-data.ts").SessionData;
  type Store = types.Store;
  type Cookie = types.Cookie;
  type Session = types.Session;
  type MemoryStore = types.MemoryStore;
}

export default session;
export type { MigratingStoreOptions } from "./express-session/migrating-store.ts";
export type { CallableStore } from "./express-session/promised.ts";
export type { CookieOptions, SessionOptions } from "./express-session/types.ts";
export { connectStore, migratingStore, session };

export const Store: types.SessionFunction["Store"] = session.Store;
export type Store = types.Store;
export const Cookie: types.SessionFunction["Cookie"] = session.Cookie;
export type Cookie = types.Cookie;
export const Session: types.SessionFunction["Session"] = session.Session;
export type Session = types.Session;
export const MemoryStore: types.SessionFunction["MemoryStore"] = session.MemoryStore;
export type MemoryStore = types.MemoryStore;

/**
 * What `require("coatcheck/express-session")` returns is the function itself. Not in the declarations, because compilers
 * before TypeScript 5.6 cannot read such a name.
 *
 * @internal
 */
export { session as "module.exports" };
