/** The suite in another test runner, as a store's author would write it. */
import { describe, it } from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import { testStore } from "../../src/testing/index.ts";

testStore("memory", () => ({ store: memoryStore() }), {
  describe,
  it,
  without: ["elsewhere", "check", "peek"],
});
