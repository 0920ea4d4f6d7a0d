import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SRC = join(import.meta.dirname, "../../src");

/** A property of `this`, and a function that is written right behind the sign of assignment. */
const FUNCTION_AT_PROPERTY =
  /\bthis\.#?\w+\s*(?:\?\?|\|\|)?=\s*(?:async\s*)?(?:function\b|\w+\s*=>|\([^()]*\)(?::\s*[\w<>]+)?\s*=>)/g;

// docs/decisions.md, "No function is written where a property gets it"
test("no object gets a function that is written where a property gets it, so that old space keeps no requests", () => {
  const found = globSync("**/*.ts", { cwd: SRC }).flatMap((file) =>
    [...readFileSync(join(SRC, file), "utf8").matchAll(FUNCTION_AT_PROPERTY)].map(
      ([text]) => `${file}: ${text}`,
    ),
  );
  expect(found).toEqual([]);
});
