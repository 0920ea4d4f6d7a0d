/**
 * A compiler that is written in JavaScript, kept running: its package is the first argument. It is told the folders of programs one by one,
 * and answers with all that `tsc -p` would print. Programs share the declarations that both have, as they do in `tsc --build`.
 */
const { join } = require("node:path");
const ts = require(String(process.argv[2]));

const declarations = new Map();

/** @param {string} folder */
function compile(folder) {
  const file = join(folder, "tsconfig.json");
  const { fileNames, options, errors } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(file, ts.sys.readFile).config,
    ts.sys,
    folder,
    undefined,
    file,
  );
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  /** @type {(name: string, how: { impliedNodeFormat?: number }, ...more: unknown[]) => unknown} */
  host.getSourceFile = (name, how, ...more) => {
    if (!name.endsWith(".d.ts")) return getSourceFile(name, how, ...more);
    const key = JSON.stringify([name, options.module, options.target, how.impliedNodeFormat]);
    if (!declarations.has(key)) declarations.set(key, getSourceFile(name, how, ...more));
    return declarations.get(key);
  };
  const program = ts.createProgram({
    rootNames: fileNames,
    options,
    host,
    configFileParsingDiagnostics: errors,
  });
  const found = [...ts.getPreEmitDiagnostics(program)];
  if (!options.noEmit) found.push(...program.emit().diagnostics);
  return ts.formatDiagnostics(ts.sortAndDeduplicateDiagnostics(found), {
    getCurrentDirectory: () => folder,
    getCanonicalFileName: String,
    getNewLine: () => "\n",
  });
}

process.on("message", (folder) => process.send?.(compile(String(folder))));
process.once("disconnect", () => process.exit());
