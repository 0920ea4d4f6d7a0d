/**
 * coatcheck: a dictionary for each visitor of a site. The browser keeps a key in a cookie; the server keeps the data.
 *
 * @module
 */
export {
  CookieTooLargeError,
  SessionCommittedError,
  SessionConflictError,
  SessionInterruptedError,
  SessionKeyError,
  SessionNotLoadedError,
  SettingsError,
  StoreUnavailableError,
} from "./errors.ts";
export type { SessionEvents } from "./events.ts";
export type { Session } from "./session.ts";
// By star, so that `declare module "coatcheck"` reaches the interface itself.
export type * from "./session-data.ts";
export { createSessions, type Sessions, type UserSession } from "./sessions.ts";
export type { CookieOptions, Options, Resolve } from "./settings.ts";
export type {
  Moved,
  Store,
  StoreCall,
  StoreCapabilities,
  StoredRecord,
  StoreId,
  StoreStats,
  WriteOutcome,
} from "./store.ts";
export { MOVED_MARK_MS } from "./store.ts";
export { memoryStore } from "./stores/memory.ts";
