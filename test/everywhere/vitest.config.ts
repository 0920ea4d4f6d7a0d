import { defineConfig } from "vitest/config";
import { entryPoints } from "../../scripts/entry-points.ts";

// `npm run test:everywhere`: what takes minutes, as it installs and builds whole applications. `npm test` leaves it out.
export default defineConfig({
  // As in `npm test`, "coatcheck/sqlite" means src/stores/sqlite.ts here. The applications have the built package.
  resolve: {
    alias: entryPoints().map(({ publicName, source }) => ({
      find: new RegExp(`^${publicName}$`),
      replacement: source,
    })),
  },
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    environment: "node",
    reporters: ["verbose", "../runner/tally.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 30_000,
    hookTimeout: 600_000,
    teardownTimeout: 10_000,
  },
});
