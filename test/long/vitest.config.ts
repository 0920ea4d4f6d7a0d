import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { entryPoints } from "../../scripts/entry-points.ts";

const root = resolve(import.meta.dirname, "../..");

// `npm run test:long`: the model checker and the torture driver for hours. `npm test` runs both for seconds.
export default defineConfig({
  resolve: {
    alias: entryPoints().map(({ publicName, source }) => ({
      find: new RegExp(`^${publicName}$`),
      replacement: source,
    })),
  },
  test: {
    root,
    include: ["test/*/*.long.ts"],
    environment: "node",
    reporters: ["verbose", resolve(root, "test/runner/tally.ts")],
    pool: "forks",
    maxWorkers: 1,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
