import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { defineConfig } from "vitest/config";
import { entryPoints } from "./scripts/entry-points.ts";
import LongFirst from "./test/runner/long-first.ts";

// "coatcheck/sqlite" means src/stores/sqlite.ts here: tests are written as users write, and need no build.
const alias = entryPoints().map(({ publicName, source }) => ({
  find: new RegExp(`^${publicName}$`),
  replacement: source,
}));

// The tests start hundreds of programs; Node compiles each file once for all of them. Compiling took half the time of the command's tests.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules/.cache/compiled");

// A folder of type tests declares session keys of its own, so it is a program of its own, with its own tsconfig.json.
const typePrograms = new Set(globSync("test/types/*/*.test-d.ts").map(dirname));

export default defineConfig({
  test: {
    reporters: ["default", "./test/runner/tally.ts"],
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    teardownTimeout: 10_000,
    projects: [
      {
        extends: true,
        resolve: { alias },
        test: {
          name: "behaviour",
          environment: "node",
          include: ["test/**/*.test.ts"],
          setupFiles: ["./test/runner/secrets.ts", "./test/runner/connections.ts"],
          exclude: ["**/node_modules/**", "test/everywhere/**"],
          // Limits for what hangs. Other work on the machine may stop a test at any place for seconds, and fails none by it.
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 30_000 } },
        },
      },
      types("types", "tsconfig.json", ["test/**/*.test-d.ts"], ["test/types/*/**", "**/node_modules/**"]),
      ...[...typePrograms].map((folder) =>
        types(folder, `${folder}/tsconfig.json`, [`${folder}/*.test-d.ts`]),
      ),
    ],
  },
});

function types(name: string, tsconfig: string, include: string[], exclude: string[] = []) {
  return {
    extends: true as const,
    test: { name, include: [], typecheck: { enabled: true, only: true, tsconfig, include, exclude } },
  };
}
