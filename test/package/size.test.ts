/** What an application ships of coatcheck, bundled, minified and compressed. */
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.ts";
import { installed } from "../runtimes/install.ts";

const here = new URL(".", import.meta.url);
beforeAll(() => installed(here), 300_000);

/** The kilobytes of entries in one bundle. */
function kilobytes(...entries: string[]): number {
  const { buildSync } = createRequire(new URL("package.json", here))("esbuild");
  const source = (name: string) => entryPoints().find(({ publicName }) => publicName === name)?.source;
  const lines = entries.map(
    (name, index) => `export * as entry${index} from ${JSON.stringify(source(name))};`,
  );
  const { outputFiles } = buildSync({
    stdin: { contents: lines.join("\n"), resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    external: ["better-sqlite3", "express"],
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length / 1000;
}

test("Express on SQLite is at most 47 kB, and a Request/Response handler on cookies at most 40 kB", () => {
  expect(kilobytes("coatcheck", "coatcheck/express", "coatcheck/sqlite")).toBeLessThan(47);
  expect(kilobytes("coatcheck", "coatcheck/fetch", "coatcheck/cookies")).toBeLessThan(40);
});
