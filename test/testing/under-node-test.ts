/** The suite in another test runner, as a store's author would write it. */
import { describe, it } from "node:test";
import { memoryStore } from "coatcheck";
import { testStore } from "coatcheck/testing";

testStore("memory", () => ({ store: memoryStore() }), {
  describe,
  it,
  without: ["elsewhere", "check", "peek"],
});
