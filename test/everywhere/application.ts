/** Builds an application in a folder outside the repository, as a stranger would, and starts it. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { recipeFiles } from "../recipes/recipe-files.ts";
import { installed } from "../runtimes/install.ts";
import { type Started, start } from "../runtimes/start.ts";
import { freePort } from "../servers/start.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

const BUILT_WITHIN_MS = 400_000;

export interface Application {
  /** The heading of its recipe in docs/recipes.md. */
  readonly recipe: string;
  /** The folder of test/everywhere that has the rest of the application, its package and its lock. */
  readonly starter: string;
  /** The path from which the recipe imports the sessions. */
  readonly sessions: string;
  /** The arguments of Node that serve the built application. */
  readonly serve: (port: number) => readonly string[];
  /** Variables of the server's environment, beside HOST and PORT. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Installs, builds and starts an application. Its folder is removed when it is stopped. */
export async function built(application: Application): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), `coatcheck-${application.starter}-`));
  try {
    writeSources(application, folder);
    await installed(pathToFileURL(`${folder}/`));
    installCoatcheck(folder);
    await build(folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const port = await freePort();
  const environment = { HOST: "127.0.0.1", PORT: port, NODE_ENV: "production", ...application.environment };
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const args = [...settings, process.execPath, ...application.serve(port)];
  return start({ program: "env", args, folder, port });
}

function writeSources({ recipe, starter, sessions }: Application, folder: string): void {
  const source = fileURLToPath(new URL(starter, import.meta.url));
  cpSync(source, folder, { recursive: true });
  const files = recipeFiles(recipe);
  files.set(sessions, recipeFiles("Recipes").get("sessions.ts") as string);
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
  const quiet = { NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1" };
  const options = {
    cwd: folder,
    timeout: BUILT_WITHIN_MS,
    env: { ...process.env, ...quiet, NODE_ENV: "production" },
  };
  await promisify(execFile)("npm", ["run", "build"], options).catch(({ stdout, stderr, message }) => {
    throw new Error(`The build failed: ${message}\n${stdout}\n${stderr}`);
  });
}
