/** What an application ships of coatcheck, bundled, minified and compressed. */
import { createRequire } from "node:module";
import { basename, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.ts";
import { installed } from "../runtimes/install.ts";

const here = new URL(".", import.meta.url);
const root = fileURLToPath(new URL("../../", import.meta.url));
await installed(here);

/**
 * A bundle as an application ships it: it imports what it uses by name, so that the bundler leaves out the rest. Split, as `import()`
 * asks for: the first load is what every request needs.
 */
function bundle(application: string) {
  const { buildSync } = createRequire(new URL("package.json", here))("esbuild");
  const sources = new Map(entryPoints().map(({ publicName, source }) => [publicName, source]));
  const contents = application.replaceAll(/"(coatcheck[^"]*)"/g, (_, name) =>
    JSON.stringify(sources.get(name)),
  );
  const { outputFiles, metafile } = buildSync({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    splitting: true,
    minify: true,
    platform: "node",
    format: "esm",
    external: ["better-sqlite3", "express"],
    outdir: import.meta.dirname,
    absWorkingDir: root,
    metafile: true,
    write: false,
  });
  const { outputs } = metafile as Metafile;
  const loaded = new Set(Object.keys(outputs).filter((name) => basename(name) === "stdin.js"));
  for (const name of loaded)
    for (const { path, kind } of outputs[name]?.imports ?? [])
      if (kind === "import-statement" && path.endsWith(".js")) loaded.add(path);
  const code = (outputFiles as OutputFile[]).filter(({ path }) => loaded.has(relative(root, path)));
  return {
    kilobytes: gzipSync(Buffer.concat(code.map(({ contents }) => contents)), { level: 9 }).length / 1000,
    /** The sources of the first load, but those of which nothing was kept. */
    files: [...loaded].flatMap((name) =>
      Object.entries(outputs[name]?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) =>
        bytesInOutput > 0 ? [file] : [],
      ),
    ),
  };
}

interface Metafile {
  outputs: Record<
    string,
    { imports: { path: string; kind: string }[]; inputs: Record<string, { bytesInOutput: number }> }
  >;
}

interface OutputFile {
  path: string;
  contents: Uint8Array;
}

const onExpress = bundle(`
  import { createSessions } from "coatcheck";
  import { session } from "coatcheck/express";
  import { sqliteStore } from "coatcheck/sqlite";
  export const middleware = session(createSessions({ store: sqliteStore("sessions.sqlite3") }));
`);

const onFetch = bundle(`
  import { createSessions } from "coatcheck";
  import { encryptedCookieStore } from "coatcheck/cookies";
  import { withSession } from "coatcheck/fetch";
  const sessions = createSessions({ store: encryptedCookieStore({ secrets: ["a secret of 32 characters at the least"] }) });
  export const handler = withSession(sessions, () => new Response());
`);

test("Express on SQLite is at most 38 kB, and a Request/Response handler on cookies at most 30.5 kB", () => {
  expect(onExpress.kilobytes).toBeLessThan(38);
  expect(onFetch.kilobytes).toBeLessThan(30.5);
});

test("what an application may never use is in no first load: once(), lists of users, clearing, memory, devices", () => {
  const onDemand = /^src\/(device\/|engine\/(once|users|clearing)\.|stores\/memory)/;
  expect(onExpress.files).toContain("src/engine/commit.ts");
  expect(onFetch.files).toContain("src/engine/commit.ts");
  expect([...onExpress.files, ...onFetch.files].filter((file) => onDemand.test(file))).toEqual([]);
});
