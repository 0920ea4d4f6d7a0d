/** The published suite, which tells whether a store keeps the contract, sentence by sentence. */
export type { Ability } from "./sentence.ts";
export { type TestRunner, type TestStoreOptions, testStore } from "./test-store.ts";
export type { MakeStore, StoreUnderTest } from "./trial.ts";
