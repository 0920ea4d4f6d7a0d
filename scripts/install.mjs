// Installs the dependencies when they are missing or differ from package-lock.json; otherwise it does nothing.
// Plain JavaScript without dependencies: it runs before Node 24 is installed, on the Node that the machine has.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/** @typedef {{ version?: string, link?: boolean, optional?: boolean, peer?: boolean }} LockedPackage */

const root = fileURLToPath(new URL("../", import.meta.url));

const modules = join(root, "node_modules");
const ownNode = join(modules, ".bin", "node");

if (!upToDate()) {
  // Windows does not delete a program that runs, and the Node in node_modules may be running: there we install on top.
  const command = process.platform === "win32" && existsSync(modules) ? "install" : "ci";
  console.log(`Installing dependencies (npm ${command}), about 30 seconds …`);
  if (npm(command, "--loglevel=error") !== 0)
    stop(`npm ${command} failed, see above. Mend that and try again.`);
  if (!existsSync(ownNode))
    stop(
      "npm did not install Node 24, which the scripts run on: it seems to ignore install scripts. " +
        "Run 'npm rebuild node --ignore-scripts=false' and try again.",
    );
}

/** @param {string} reason @returns {never} */
function stop(reason) {
  console.error(reason);
  process.exit(1);
}

/** At the very end npm writes what it has installed to node_modules/.package-lock.json. Unlike dates, that file is always right. */
function upToDate() {
  const wanted = packages("package-lock.json");
  const installed = packages("node_modules/.package-lock.json");
  if (!wanted || !installed) return false;
  return (
    existsSync(ownNode) &&
    Object.entries(wanted).every(
      ([path, { version, link, optional }]) =>
        !path.startsWith("node_modules/") ||
        (optional && !installed[path]) ||
        (installed[path]?.version === version && installed[path]?.link === link),
    )
  );
}

/** @param {string} file @returns {Record<string, LockedPackage> | undefined} */
function packages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** @param {string[]} args */
function npm(...args) {
  const options = /** @type {const} */ ({ cwd: root, stdio: "inherit" });
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  // The npm that started this script, on the Node that npm runs on: the Node in node_modules may be the one that npm is about to replace.
  const { status, error } =
    cli && node && basename(cli).startsWith("npm-cli")
      ? spawnSync(node, [cli, ...args], options)
      : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  if (error) console.error(`npm could not be started: ${error.message}`);
  return status ?? 1;
}
