import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { canInstall } from "../test/servers/apt.ts";
import { find, findOrInstall } from "../test/servers/find.ts";
import type { Ask } from "./cases.ts";
import { withLoad } from "./cores.ts";
import { interrupted } from "./interrupt.ts";

/** The result of a second of load, or of as many as were asked for. */
export interface Burst {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface Load {
  readonly url: string;
  readonly connections: number;
  /** Default is 1. */
  readonly seconds?: number;
  readonly asks: readonly Ask[];
  /** Send the cookie of the last answer, if it set one. */
  readonly follow: boolean;
}

const run = promisify(execFile);
const file = (name: string) => join(import.meta.dirname, name);

const wanted = { program: "wrk", debianPackage: "wrk" };
const wrk = find(wanted) ?? (canInstall ? findOrInstall(wanted) : undefined);

export const generator = wrk === undefined ? "autocannon" : "wrk";

/** How often a burst is sent in which no request was answered, as happens on a machine that is very busy. */
const TRIES = 5;

/** Requests in turn, as fast as they are answered. Throws when an answer was an error. */
export async function burst(load: Load, folder: string, tries = TRIES): Promise<Burst> {
  const { url, connections, seconds = 1, asks, follow } = load;
  interrupted.throwIfAborted();
  const list = join(folder, "asks");
  writeFileSync(list, asks.map(({ path, cookie }) => `${path}\t${cookie}\n`).join(""));
  const last = follow ? ["follow"] : [];
  const wrkOptions = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--timeout",
    "10s",
    "-s",
    file("wrk.lua"),
    url,
    "--",
  ];
  const [program, args] =
    wrk === undefined
      ? withLoad(process.execPath, file("autocannon.ts"), url, `${connections}`, `${seconds}`, list, ...last)
      : withLoad(wrk, ...wrkOptions, list, ...last);
  const { stdout } = await run(program, args, { timeout: 30_000 });
  const { failed, ...came } = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
  if (failed === 0 && came.requests === 0 && tries > 1) return burst(load, folder, tries - 1);
  if (failed > 0 || came.requests === 0) {
    throw new Error(
      `${url}${asks[0]?.path}: ${failed} of ${came.requests} requests failed. ${generator} said:\n${stdout}`,
    );
  }
  return came;
}
