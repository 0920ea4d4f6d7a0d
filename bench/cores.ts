// Servers run on one core and the load generator on another, if the machine has two cores and Linux's `taskset`.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { find } from "../test/servers/find.ts";

const taskset =
  process.platform === "linux" ? find({ program: "taskset", debianPackage: "util-linux" }) : undefined;
const [serverCore, loadCore] = taskset === undefined ? [] : allowedCores();

/** Whether servers and load generator are kept apart. */
export const areApart = loadCore !== undefined;

/** Puts the bench itself on the servers' core, and so all that it starts. The bench sleeps while it measures. */
export function moveToServers(): void {
  if (areApart) execFileSync(taskset as string, ["-acp", `${serverCore}`, `${process.pid}`]);
}

/** The command that runs a program on the core of the load generator. */
export function withLoad(program: string, ...args: string[]): [program: string, args: string[]] {
  return areApart ? [taskset as string, ["-c", `${loadCore}`, program, ...args]] : [program, args];
}

function allowedCores(): number[] {
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  });
}
