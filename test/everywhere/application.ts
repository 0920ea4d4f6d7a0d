/** Builds an application in a folder outside the repository, as a stranger would, and starts it. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { installed } from "../runtimes/install.ts";
import { type Started, start } from "../runtimes/start.ts";
import { freePort } from "../servers/start.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

const BUILT_WITHIN_MS = 400_000;

const QUIET = { NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1", NUXT_TELEMETRY_DISABLED: "1" };

export interface Application {
  /** The folders of test/everywhere that it consists of, copied one over the other: its sources, its package and its lock. */
  readonly starters: readonly string[];
  /** Further files by path, as a page of docs/ has them. */
  readonly files: ReadonlyMap<string, string>;
  /** False where it is served as it is, in development. */
  readonly isBuilt?: boolean;
  /** The program that serves it, found from its folder. Default Node. */
  readonly program?: string;
  /** The arguments of the program. */
  readonly serve: (port: number) => readonly string[];
}

/** An application in its folder. */
export interface Built {
  /** Starts a server, with variables of its environment beside HOST and PORT. */
  serve(environment?: (port: number) => Readonly<Record<string, string>>): Promise<Started>;
  /** Removes the folder. */
  remove(): void;
}

/** Installs and builds an application. */
export async function built(application: Application): Promise<Built> {
  const { starters, isBuilt = true } = application;
  const folder = mkdtempSync(join(tmpdir(), `coatcheck-${starters.at(-1)}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  try {
    writeSources(application, folder);
    await installed(pathToFileURL(`${folder}/`));
    installCoatcheck(folder);
    if (isBuilt) await build(folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { serve: (environment) => serve(application, folder, environment), remove };
}

async function serve(
  { isBuilt = true, program = process.execPath, serve }: Application,
  folder: string,
  environmentOf: (port: number) => Readonly<Record<string, string>> = () => ({}),
): Promise<Started> {
  const port = await freePort();
  const mode = { NODE_ENV: isBuilt ? "production" : "development" };
  const environment = { ...QUIET, ...mode, HOST: "127.0.0.1", PORT: port, ...environmentOf(port) };
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const args = ["-C", folder, ...settings, program, ...serve(port)];
  // A server in development has processes of its own, which it ends itself.
  const ofServer = mkdtempSync(join(tmpdir(), "coatcheck-server-"));
  return start({ program: "env", args, folder: ofServer, port, endSignal: isBuilt ? "SIGKILL" : "SIGTERM" });
}

function writeSources({ starters, files }: Application, folder: string): void {
  for (const starter of starters)
    cpSync(fileURLToPath(new URL(starter, import.meta.url)), folder, { recursive: true });
  for (const [path, code] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), code);
  }
}

/** Copies the files that the published package has. */
function installCoatcheck(folder: string): void {
  for (const part of ["package.json", "dist"]) {
    cpSync(join(root, part), join(folder, "node_modules/coatcheck", part), { recursive: true });
  }
}

async function build(folder: string): Promise<void> {
  const env = { ...process.env, ...QUIET, NODE_ENV: "production" };
  const options = { cwd: folder, timeout: BUILT_WITHIN_MS, env };
  await promisify(execFile)("npm", ["run", "build"], options).catch(({ stdout, stderr, message }) => {
    throw new Error(`The build failed: ${message}\n${stdout}\n${stderr}`);
  });
}
