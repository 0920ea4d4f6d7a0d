/**
 * `coatcheck/express-session`: stands where `express-session` stood, with its options, stores and sessions.
 *
 * @module
 */
import { Cookie } from "./express-session/cookie.ts";
import { MemoryStore } from "./express-session/memory-store.ts";
import { session as middleware } from "./express-session/middleware.ts";
import { Session } from "./express-session/session.ts";
import { Store } from "./express-session/store.ts";

const session = Object.assign(middleware, { Store, Cookie, Session, MemoryStore });

export type { CookieOptions } from "./express-session/cookie.ts";
export type { SessionOptions } from "./express-session/options.ts";
export type * from "./express-session/session-data.ts";
export default session;
export { Cookie, MemoryStore, Session, Store, session as "module.exports", session };
