// Owns one server, so that it never outlives the tests: when the test process is gone, however it ended, the channel
// between them closes; then the keeper ends the server, removes its folder and ends itself.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Task {
  readonly folder: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly crashSignal: NodeJS.Signals;
  readonly uid?: number;
  readonly gid?: number;
}
export type Order = "start" | "kill" | "pause" | "resume";
export type Answer = { done: true } | { failed: string };

const task = JSON.parse(process.argv[2] as string) as Task;
const logFile = join(task.folder, "server.log");
let server: ChildProcess | undefined;

const orders: Record<Order, () => void | Promise<void>> = {
  start() {
    const { program, args, folder, uid, gid } = task;
    const account = uid === undefined ? {} : { uid, gid: gid as number };
    writeFileSync(logFile, ""); // of this run only
    server = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], ...account });
    const log = (text: Buffer | string) => appendFileSync(logFile, text);
    server.stdout?.on("data", log);
    server.stderr?.on("data", log);
    server.on("error", (error) => log(`${error.message}\n`));
    server.on("exit", (code, signal) => log(`The server ended with ${signal ?? code}.\n`));
  },
  async kill() {
    if (!running(server)) return;
    const ended = once(server, "exit");
    signal("SIGCONT"); // what is frozen takes no other signal than SIGKILL
    server.kill(task.crashSignal);
    const late = setTimeout(() => server?.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(late);
  },
  pause: () => signal("SIGSTOP"),
  resume: () => signal("SIGCONT"),
};

function running(child: ChildProcess | undefined): child is ChildProcess {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** To the server and its children: PostgreSQL has one process for each connection. */
function signal(name: "SIGSTOP" | "SIGCONT"): void {
  if (!running(server)) return;
  server.kill(name);
  for (const pid of childrenOf(server.pid as number)) {
    try {
      process.kill(pid, name);
    } catch {} // it ended meanwhile
  }
}

function childrenOf(pid: number): number[] {
  try {
    return execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(Number);
  } catch {
    return []; // pgrep says "none" by failing
  }
}

// Ctrl+C reaches the whole terminal group; the keeper stays until the tests are gone, then cleans up.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});

let turn = Promise.resolve();
process.on("message", (order: Order) => {
  turn = turn.then(async () => {
    const answer: Answer = await Promise.resolve()
      .then(orders[order])
      .then(
        () => ({ done: true as const }),
        (error: Error) => ({ failed: error.message }),
      );
    process.send?.(answer);
  });
});
process.on("disconnect", async () => {
  await turn;
  await orders.kill();
  rmSync(task.folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
});
