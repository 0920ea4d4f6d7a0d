/** The core and the adapters for every runtime import nothing that one of the runtimes lacks. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { bundleInto } from "../../scripts/bundle.ts";
import { entryPoints } from "../../scripts/entry-points.ts";

const src = fileURLToPath(new URL("../../src", import.meta.url));
const sources = new Map(entryPoints().map(({ publicName, source }) => [publicName, source]));

/** The package as it is published, in which one file holds many of src/. */
const dist = mkdtempSync(join(tmpdir(), "coatcheck-imports-"));
await bundleInto(dist);
afterAll(() => rmSync(dist, { recursive: true }));

/** All imports from outside the package, of a module and of the modules that it imports; imports of types are left out. */
function importsOf(file: string, seen = new Set<string>()): Set<string> {
  const outside = new Set<string>();
  if (seen.has(file)) return outside;
  seen.add(file);
  const code = stripTypeScriptTypes(readFileSync(file, "utf8"));
  const named = code.matchAll(/^(?:import|export)\s(?:[\w\s{},*]*\sfrom\s)?"([^"]+)"|\bimport\("([^"]+)"/gm);
  for (const [, here, later] of named) {
    const name = (here ?? later) as string;
    if (!name.startsWith(".")) outside.add(name);
    else for (const one of importsOf(fileURLToPath(new URL(name, `file://${file}`)), seen)) outside.add(one);
  }
  return outside;
}

const core = ["node:crypto", "node:diagnostics_channel"];

test.each([
  ["coatcheck", core],
  ["coatcheck/fetch", core],
  ["coatcheck/hono", core],
  ["coatcheck/cookies", ["node:crypto", "node:zlib"]],
  ["coatcheck/d1", []],
  ["coatcheck/durable-object", ["cloudflare:workers"]],
])("%s imports %s", (publicName, allowed) => {
  const source = sources.get(publicName) as string;
  expect([...importsOf(source)].sort()).toEqual(allowed);
  const built = join(dist, relative(src, source).replace(/ts$/, "js"));
  expect([...importsOf(built)].sort()).toEqual(allowed);
});
