import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { entryPoints } from "./entry-points.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/**
 * What several entry points share stands in these files. What `import()` alone loads, such as `once`, is in none of them. The
 * contract is apart because stores for edge runtimes need no more, and the file of a SQLite database because it asks for Node's file system.
 */
const groups = [
  { name: "contract", test: /\/src\/(contract\/|(errors|wait|warn|workerd)\.ts$)/ },
  {
    name: "core",
    test: /\/src\/(cookie|data|engine|settings|frameworks\/[^/]+$|[^/]+$)/,
    minShareCount: 3,
  },
  { name: "sqlite-file", test: /\/src\/stores\/(sqlite\/file|calls\/opened-later)\.ts$/ },
  { name: "calls", test: /\/src\/stores\/calls\/(per-key-queue|until-aborted|within)\.ts$/ },
  { name: "sql", test: /\/src\/stores\/(calls|sql)\//, minShareCount: 2 },
  { name: "on-node", test: /\/src\/frameworks\/on-node\//, minShareCount: 3 },
];

/** The sources of the files that users and npm name, the entry points and the command, by their path within `dist` without ".js". */
function named(): Record<string, string> {
  const sources = [...entryPoints().map(({ source }) => source), `${root}src/cli/coatcheck.ts`];
  return Object.fromEntries(
    sources.map((source) => [source.slice(`${root}src/`.length, -".ts".length), source]),
  );
}

/**
 * Writes the programs of the package: a file for each entry point, and what they share in `shared/`. A process opens, reads and compiles
 * each file by itself, so that the two hundred of src/ took twice as long to import.
 */
export async function bundleInto(folder: string): Promise<void> {
  const bundle = await rolldown({
    input: named(),
    cwd: root,
    platform: "node",
    external: /^[^./]/, // Other packages, and the modules of the runtime.
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
