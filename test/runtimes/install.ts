/** Installs the runtimes, and what their applications need, when they are missing or differ from the lock file. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The longest that an install may take. An older lock was left behind by a process that ended. */
const PATIENCE_MS = 280_000;

/** Runs `npm ci` in a folder with a package of its own, such as `new URL(".", import.meta.url)`, unless all of it is there. */
export async function installed(folder: URL): Promise<void> {
  const path = fileURLToPath(folder);
  const lock = join(tmpdir(), `coatcheck-installing-${createHash("sha256").update(path).digest("hex")}`);
  const end = Date.now() + PATIENCE_MS;
  while (!isInstalled(path)) {
    if (take(lock)) {
      try {
        if (!isInstalled(path)) await npmCi(path, end - Date.now());
      } finally {
        rmdirSync(lock);
      }
    } else {
      if (Date.now() > end)
        throw new Error(`Another process was installing all the time. If none is, remove ${lock}.`);
      await sleep(200);
    }
  }
}

/** Of several processes that try at the same time, one succeeds in making the folder. */
function take(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    try {
      if (Date.now() - statSync(lock).mtimeMs > PATIENCE_MS) rmdirSync(lock);
    } catch {} // it is gone
    return false;
  }
}

async function npmCi(path: string, timeout: number): Promise<void> {
  const options = { cwd: path, timeout, shell: process.platform === "win32" };
  await promisify(execFile)("npm", ["ci", "--loglevel=error"], options).catch((error) => {
    throw new Error(`npm ci in ${path} failed. It said:\n${error.stderr || error.message}`);
  });
  if (!isInstalled(path)) throw new Error(`npm ci in ${path} did not install what its lock file names.`);
}

interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
}

/** npm writes what it has installed to node_modules/.package-lock.json, last of all. */
function isInstalled(path: string): boolean {
  const [wanted, found] = ["package-lock.json", "node_modules/.package-lock.json"].map((file) =>
    packages(join(path, file)),
  );
  return (
    wanted !== undefined &&
    found !== undefined &&
    Object.entries(wanted).every(
      ([name, { version, optional }]) =>
        name === "" || (optional && found[name] === undefined) || found[name]?.version === version,
    )
  );
}

function packages(file: string): Record<string, LockedPackage> | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}
