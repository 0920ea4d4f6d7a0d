/**
 * coatcheck: a dictionary for each visitor of a site. The browser keeps a key in a cookie; the server keeps the data.
 *
 * @module
 */

export type { StoredRecord, StoreId } from "./contract/record.ts";
export type {
  Moved,
  Saved,
  StatsCall,
  Store,
  StoreCall,
  StoreCapabilities,
  StoreStats,
  WriteOutcome,
} from "./contract/store.ts";
export { MOVED_MARK_MS } from "./contract/store.ts";
// With a star, because only so does `declare module "coatcheck"` reach the interface itself.
export type * from "./data/session-data.ts";
export type { OnceOptions } from "./engine/once.ts";
export type { WatchOptions } from "./engine/watches.ts";
export {
  ConfirmationNeededError,
  CookieTooLargeError,
  SessionCommittedError,
  SessionConflictError,
  SessionInterruptedError,
  SessionKeyError,
  SessionNotLoadedError,
  SessionReadOnlyError,
  SettingsError,
  StoreUnavailableError,
} from "./errors.ts";
export type { SessionEvents } from "./events.ts";
export type { Session } from "./session.ts";
export type { SessionOf } from "./session-of.ts";
export {
  type ClearOptions,
  createSessions,
  type RevokeUserOptions,
  type Sessions,
  type UserSession,
} from "./sessions.ts";
export type { CookieOptions, DeviceBoundOptions, Options, Resolve } from "./settings/options.ts";
export { memoryStore } from "./stores/memory.ts";
export type { TracedCall, TracedCommit } from "./tracing.ts";
