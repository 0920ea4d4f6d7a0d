import { memoryStore, type Store } from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";

/** Each of Django's tests runs on each of these stores, as in Django it runs on every engine. */
export const stores: readonly { readonly name: string; readonly make: () => Store }[] = [
  { name: "memoryStore", make: () => memoryStore() },
  { name: "sqliteStore", make: () => sqliteStore(":memory:") },
];
