import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { entryPoints } from "./entry-points.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/**
 * What several entry points share stands in these files. What `import()` alone loads, such as `once`, is in none of them. The
 * contract is apart because stores for edge runtimes need no more, and the file of a SQLite database because it asks for Node's file system.
 */
const groups = [
  { name: "contract", test: within(/^(contract\/|(errors|wait|warn|workerd)\.ts$)/) },
  {
    name: "core",
    test: within(/^(cookie|data|engine|settings|frameworks\/[^/]+$|[^/]+$)/),
    minShareCount: 3,
  },
  { name: "sqlite-file", test: within(/^stores\/(sqlite\/file|calls\/opened-later)\.ts$/) },
  { name: "calls", test: within(/^stores\/calls\/(per-key-queue|until-aborted|within)\.ts$/) },
  { name: "sql", test: within(/^stores\/(calls|sql)\//), minShareCount: 2 },
  { name: "on-node", test: within(/^frameworks\/on-node\//), minShareCount: 3 },
];

/** Asks for modules by their path within src/. */
function within(path: RegExp) {
  return (module: string) => path.test(pathOf(module));
}

function pathOf(source: string): string {
  return relative(join(root, "src"), source).replaceAll("\\", "/");
}

/** The sources of the files that users and npm name, the entry points and the command, by their path within `dist` without ".js". */
function named(): Record<string, string> {
  const sources = [...entryPoints().map(({ source }) => source), join(root, "src/cli/coatcheck.ts")];
  return Object.fromEntries(sources.map((source) => [pathOf(source).slice(0, -".ts".length), source]));
}

/**
 * Writes the programs of the package: a file for each entry point, and what they share in `shared/`. A process opens, reads and compiles
 * each file by itself, so that the files of src/ one by one took three times as long to import.
 */
export async function bundleInto(folder: string): Promise<void> {
  const bundle = await rolldown({
    input: named(),
    cwd: root,
    platform: "node",
    external: /^(?!\w:)[^./]/, // Other packages, and the modules of the runtime; no path, also none on Windows.
    treeshake: { moduleSideEffects: false },
    onLog(level, { message }) {
      throw new Error(`Rolldown's ${level}: ${message}`);
    },
  });
  await bundle.write({
    dir: folder,
    entryFileNames: "[name].js",
    // The command finds package.json two folders above its own file.
    chunkFileNames: "shared/[name].js",
    codeSplitting: { groups },
    minifyInternalExports: false,
    sourcemap: true,
  });
}
