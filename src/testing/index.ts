/** For tests: the published suite, which tells whether a store keeps the contract, and cookies for the tests of an application. */
export type { Ability } from "./sentence.ts";
export { type SessionCookie, type SessionCookieOptions, sessionCookie } from "./session-cookie.ts";
export { type TestRunner, type TestStoreOptions, testStore } from "./test-store.ts";
export type { MakeStore, StoreUnderTest } from "./trial.ts";
