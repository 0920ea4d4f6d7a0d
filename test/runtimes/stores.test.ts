/** The store contract of the memory and SQLite stores, on each runtime that has files and is not the one of all other tests. */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { installed } from "./install.ts";
import { missing, runtimes, site } from "./runtimes.ts";

await installed(new URL(".", import.meta.url));

const others = runtimes.filter(
  ({ program, stores }) => program !== process.execPath && stores.includes("sqlite"),
);

describe.each(others)("$name", (runtime) => {
  const why = missing(runtime);
  test.skipIf(why)(`keeps the store contract${why ? ` (${why})` : ""}`, { timeout: 120_000 }, async () => {
    const { program, args, folder } = await runtime.run(site("contract.ts"));
    try {
      const { stdout } = await promisify(execFile)(program, args, { cwd: folder, timeout: 110_000 });
      const { passed, failed } = JSON.parse(stdout.trim().split("\n").at(-1) as string);
      expect(failed).toEqual([]);
      expect(passed).toBeGreaterThan(100);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
