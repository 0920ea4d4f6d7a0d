/** What needs no worker; the store itself is tested in workerd, by test/everywhere/cloudflare.test.ts. */
import { type D1Binding, d1Store } from "coatcheck/d1";
import { expect, test } from "vitest";
import { call, newId, record } from "./suites/sql.ts";

test("d1Store takes a binding of D1 and a name that needs no care, and nothing else", () => {
  for (const wrong of [undefined, null, {}, "DB"]) {
    expect(() => d1Store({ database: wrong as never })).toThrow("The option database takes a binding of D1");
  }
  const database = { prepare: () => ({}), batch: async () => [] } as never;
  for (const table of ["", "a b", 'a"b', "a.b", "1a", "sqlite_a", "x".repeat(64)]) {
    expect(() => d1Store({ database, table }), table).toThrow(/The option table takes a name/);
  }
});

test("a call whose batch failed is not repeated, as D1 may have carried it out", async () => {
  let batches = 0;
  const database: D1Binding = {
    prepare: () => ({ bind: () => database.prepare("") }),
    async batch() {
      batches++;
      throw new Error("D1_ERROR: Network connection lost.");
    },
  };
  const store = d1Store({ database });
  for (const lost of [store.create(newId(), record(), call()), store.delete(newId(), call())]) {
    await expect(lost).rejects.toThrow("Network connection lost");
  }
  expect(batches).toBe(1);
});

test("check says how to create a table that is missing", async () => {
  const database: D1Binding = {
    prepare: () => ({ bind: () => database.prepare("") }),
    batch: async (statements) => statements.map(() => ({ results: [], meta: {} })),
  };
  await expect(d1Store({ database }).check(call())).rejects.toThrow(
    "There is no table coatcheck_sessions. Create it once: await store.createTable(), or a migration with the SQL of docs/stores/d1.md.",
  );
});
