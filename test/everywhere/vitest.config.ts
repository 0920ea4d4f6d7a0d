import { defineConfig } from "vitest/config";

// `npm run test:everywhere`: what takes minutes, as it installs and builds whole applications. `npm test` leaves it out.
export default defineConfig({
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
