// What knip needs to know to find files and exports that nothing uses: the files that are not reached by an import.
import { relative } from "node:path";
import { entryPoints } from "./scripts/entry-points.ts";

const publicFiles = entryPoints().map(({ source }) => relative(import.meta.dirname, source));

/** Programs and settings that tests and benchmarks start processes with. */
const startedByTests = [
  "bench/autocannon.ts",
  "bench/import-time.ts",
  "bench/bursts-in-turn.ts",
  "test/cli/interrupt-at-first-delete.ts",
  "test/runner/tell-port.ts",
  "test/races/*-server.ts",
  "test/runtimes/site/*.ts",
  "test/stores/processes/*.ts",
  "test/cli/interrupt-at-first-delete.ts",
  "test/package/compile.cjs",
  "test/torture/site-server.ts",
  "test/testing/under-node-test.ts",
  "test/everywhere/vitest.config.ts",
  "test/long/vitest.config.ts",
  "test/*/*.long.ts",
];

/** The programs of the site, which has packages of its own. */
const site = ["site/.vitepress/config.ts", "site/.vitepress/theme/index.ts"];

export default {
  include: ["files", "exports", "types", "duplicates"],
  // A type that stands in the signature of an exported function may be exported, imported or not.
  ignoreExportsUsedInFile: { interface: true, type: true },
  workspaces: {
    ".": {
      entry: [...publicFiles, "src/cli/coatcheck.ts", "scripts/*.{ts,mjs}", ...site, ...startedByTests],
      // The first describe a package that has no types of its own; the second are applications that a test builds elsewhere.
      ignore: ["bench/types/*.d.ts", "test/everywhere/*/**"],
    },
    // Stylesheets and scripts of pages, and the declaration of the site's session keys.
    "examples/locallibrary": { entry: ["public/*.js", "src/session/data.ts"] },
  },
};
