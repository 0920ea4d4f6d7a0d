// For programs that a test starts: with `node --import ./test/runner/from-source.ts program.ts`, "coatcheck/sqlite" means the file in src/.
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { entryPoints } from "../../scripts/entry-points.ts";

const sources = new Map(
  entryPoints().map(({ publicName, source }) => [publicName, pathToFileURL(source).href]),
);

registerHooks({
  resolve(specifier, context, next) {
    const url = sources.get(specifier);
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
  },
});
