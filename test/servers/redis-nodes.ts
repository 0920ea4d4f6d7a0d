import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { find } from "./find.ts";
import { redis } from "./redis.ts";
import type { Server, ServerKind } from "./server.ts";
import { start } from "./start.ts";

/** A redis-server of our own with settings of its own, whatever TEST_REDIS_URL says: it will be killed. */
export function startNode(
  name: string,
  settings: (port: number) => Record<string, string> = () => ({}),
): Promise<Server> {
  const kind: ServerKind = {
    ...redis,
    name,
    variable: "",
    args: (folder, port) => {
      const flags = Object.entries(settings(port)).flatMap(([setting, value]) => [`--${setting}`, value]);
      return [...redis.args(folder, port), "--repl-diskless-sync-delay", "0", ...flags];
    },
  };
  return start(kind);
}

/** Runs one command by redis-cli. */
export function cli(node: { port: number }, ...command: string[]): string {
  const program = find({ program: "redis-cli", debianPackage: "redis-tools" });
  if (!program) throw new Error("redis-cli is missing: Debian has it in redis-tools.");
  const options = { encoding: "utf8", stdio: "pipe", timeout: 30_000 } as const;
  return execFileSync(program, ["-p", `${node.port}`, ...command], options);
}

/** Waits until the condition holds, and asks every 50 ms. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  within = 50_000,
): Promise<void> {
  const deadline = Date.now() + within;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${within / 1000} s`);
    await sleep(50);
  }
}
