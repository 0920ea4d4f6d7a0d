/** What an application ships of coatcheck, bundled, minified and compressed. */
import { createRequire } from "node:module";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.ts";
import { installed } from "../runtimes/install.ts";

const here = new URL(".", import.meta.url);
beforeAll(() => installed(here), 300_000);

/** The kilobytes of entries in one bundle, without what is loaded only with an option. */
function kilobytes(...entries: string[]): number {
  const { buildSync } = createRequire(new URL("package.json", here))("esbuild");
  const source = (name: string) => entryPoints().find(({ publicName }) => publicName === name)?.source;
  const lines = entries.map(
    (name, index) => `export * as entry${index} from ${JSON.stringify(source(name))};`,
  );
  const { outputFiles, metafile } = buildSync({
    stdin: { contents: lines.join("\n"), resolveDir: import.meta.dirname },
    bundle: true,
    splitting: true,
    minify: true,
    platform: "node",
    format: "esm",
    external: ["better-sqlite3", "express"],
    outdir: import.meta.dirname,
    absWorkingDir: import.meta.dirname,
    metafile: true,
    write: false,
  });
  const loaded = new Set(["stdin.js"]);
  for (const name of loaded)
    for (const { path, kind } of (metafile as Metafile).outputs[name]?.imports ?? [])
      if (kind === "import-statement" && path.endsWith(".js")) loaded.add(path);
  const code = (outputFiles as OutputFile[]).filter(({ path }) => loaded.has(basename(path)));
  return gzipSync(Buffer.concat(code.map(({ contents }) => contents)), { level: 9 }).length / 1000;
}

interface Metafile {
  outputs: Record<string, { imports: { path: string; kind: string }[] }>;
}

interface OutputFile {
  path: string;
  contents: Uint8Array;
}

test("Express on SQLite is at most 43 kB, and a Request/Response handler on cookies at most 36.5 kB", () => {
  expect(kilobytes("coatcheck", "coatcheck/express", "coatcheck/sqlite")).toBeLessThan(43);
  expect(kilobytes("coatcheck", "coatcheck/fetch", "coatcheck/cookies")).toBeLessThan(36.5);
});
