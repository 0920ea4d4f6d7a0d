import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { find } from "../test/servers/find.ts";
import { postgres } from "../test/servers/postgres.ts";
import { redis } from "../test/servers/redis.ts";
import { versions as djangoVersions } from "./contenders/django/start.ts";
import { contenders } from "./contenders/index.ts";
import { areApart } from "./cores.ts";
import { generator } from "./load.ts";
import { isDjango, type Name } from "./serving.ts";

/** The lines of the report that tell on which machine, with which versions and how the numbers were measured. */
export function describeMachine(names: readonly Name[]): string[] {
  const [{ model = "an unknown processor" } = {}] = cpus();
  const packages = new Set(names.flatMap((name) => (isDjango(name) ? [] : contenders[name].packages)));
  return [
    `${cpus().length} cores of ${model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
    areApart
      ? "servers (Node, Redis, PostgreSQL) on one core, the load generator on another"
      : "servers and load generator share the cores: there is no second core, or no taskset, so take the numbers as a hint",
    `load generator: ${generator === "wrk" ? said("wrk", "-v") : `autocannon ${version("autocannon")}`}`,
    `coatcheck ${versionOf("../package.json")}${commit()}`,
    [...packages].map((name) => `${name} ${version(name)}`).join(", "),
    [redis, postgres].map((kind) => said(find(kind) ?? kind.program, "--version")).join(", "),
    ...new Set(names.filter(isDjango).map(djangoVersions)),
  ];
}

/** How busy the machine was: tasks that ran or waited to run, over the last minute. */
export const otherLoad = () => (loadavg()[0] as number).toFixed(1);

const version = (name: string) => versionOf(`node_modules/${name}/package.json`);

function versionOf(manifest: string): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, manifest), "utf8")).version;
}

/** The first line of what a program prints about its version. wrk prints it and exits with an error. */
function said(program: string, ask: string): string {
  try {
    return firstLine(execFileSync(program, [ask], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch (error) {
    return firstLine((error as { stdout?: string }).stdout || program);
  }
}

const firstLine = (text: string) =>
  text
    .split("\n", 1)[0]
    ?.replace(/ (Copyright|sha=|malloc=).*/, "")
    .trim() ?? "";

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync("git", args, {
        cwd: import.meta.dirname,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
    const changed = git("status", "--porcelain", "../src") === "" ? "" : ", with changes";
    return ` (${git("rev-parse", "--short", "HEAD")}${changed})`;
  } catch {
    return ""; // not a clone
  }
}
