/** An application of its own in a temporary folder, with coatcheck installed as npm would publish it. */
import { type ChildProcess, execFile, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installed } from "../runtimes/install.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const here = new URL(".", import.meta.url);

/** The compilers, by the name of their package. TypeScript 5.4 is the oldest that is promised. */
export const compilers = {
  "TypeScript 5.4": "typescript54",
  "TypeScript 5.9": "typescript59",
  "TypeScript 6": "typescript60",
  "TypeScript 7": "typescript",
} as const;

export type Compiler = keyof typeof compilers;

/** Builds and packs coatcheck, and unpacks it among the packages of a folder, in an empty application. Returns its folder. */
export async function newApplication(packages = here): Promise<string> {
  await installed(packages);
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-application-"));
  const packed = join(folder, "packed");
  for (const file of ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "src"])
    cpSync(join(root, file), join(packed, file), { recursive: true });
  const build = [join(root, "scripts/build.ts"), join(packed, "dist")];
  execFileSync(process.execPath, build, { stdio: "inherit" });
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: packed });
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz")) as string;
  execFileSync("tar", ["-xzf", archive], { cwd: folder });

  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  const ours = fileURLToPath(new URL("node_modules", packages));
  for (const name of readdirSync(ours)) symlinkSync(join(ours, name), join(modules, name));
  renameSync(join(folder, "package"), join(modules, "coatcheck"));
  return folder;
}

export interface Program {
  readonly files: Record<string, string>;
  /** Compiler options beside those that `tsc --init` writes. */
  readonly options?: Record<string, unknown>;
  /** For package.json; "module" unless said otherwise. */
  readonly type?: "module" | "commonjs";
}

let programs = 0;

/** Writes a program into a folder of its own within the application. */
export function write(application: string, { files, options, type = "module" }: Program): string {
  const folder = join(application, `program-${++programs}`);
  const compilerOptions = {
    module: "nodenext",
    target: "es2022",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ["node"],
    ...options,
  };
  const all = {
    "package.json": JSON.stringify({ type }),
    "tsconfig.json": JSON.stringify({ compilerOptions, files: Object.keys(files) }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const running = new Map<string, ChildProcess>();

/** Everything that a compiler says of a program; empty when it compiles. One program at a time. */
export async function compile(application: string, compiler: Compiler, folder: string): Promise<string> {
  const path = join(application, "node_modules", compilers[compiler]);
  if (compiler === "TypeScript 7") return compileNatively(path, folder);
  let server = running.get(path);
  if (server === undefined) {
    server = fork(join(import.meta.dirname, "compile.cjs"), [path]);
    running.set(path, server);
  }
  const answered = once(server, "message");
  const ended = once(server, "exit").then(() => {
    throw new Error(`${compiler} ended.`);
  });
  server.send(folder);
  return (await Promise.race([answered, ended]))[0];
}

/** Ends the compilers that `compile` has started. */
export async function endCompilers(): Promise<void> {
  for (const server of running.values()) {
    const ended = once(server, "exit");
    server.disconnect();
    await ended;
  }
  running.clear();
}

/** TypeScript 7 is no program in JavaScript, and starts at once. */
function compileNatively(path: string, folder: string): Promise<string> {
  const tsc = join(path, "bin/tsc");
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, "-p", folder], (error, stdout) => resolve(error === null ? "" : stdout));
  });
}
