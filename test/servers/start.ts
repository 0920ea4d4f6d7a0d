import { execFile, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { canInstall } from "./apt.ts";
import { find, findOrInstall } from "./find.ts";
import type { Answer, Order, Task } from "./keeper.ts";
import type { Server, ServerKind } from "./server.ts";

const run = promisify(execFile);
const readyWithin = 100_000;

/** Why this kind of server cannot be had here, or undefined when it can. */
export function missing(kind: ServerKind): string | undefined {
  if (process.env[kind.variable] || find(kind) || canInstall) return undefined;
  return `no ${kind.program} on this machine; install it or set ${kind.variable} to the URL of a running one`;
}

/** Starts a server of this kind in a folder of its own, or takes the one that the environment names. */
export async function start(kind: ServerKind): Promise<Server> {
  const given = process.env[kind.variable];
  return given ? takeGiven(kind, given) : startOwn(kind);
}

function takeGiven({ name, variable }: ServerKind, url: string): Server {
  const { hostname, port } = new URL(url);
  const refuse = async () => {
    throw new Error(
      `The ${name} server is the one ${variable} names; only a server of our own can be unplugged.`,
    );
  };
  const ours = { kill: refuse, restart: refuse, pause: refuse, resume: refuse };
  return { url, host: hostname, port: Number(port), own: false, ...ours, stop: async () => {} };
}

async function startOwn(kind: ServerKind): Promise<Server> {
  const program = findOrInstall(kind);
  const folder = mkdtempSync(join(tmpdir(), `coatcheck-${kind.name}-`));
  const account = accountFor(kind);
  if (account) chownSync(folder, account.uid, account.gid);
  const port = await freePort();
  const task: Task = {
    folder,
    program,
    args: kind.args(folder, port),
    crashSignal: kind.crashSignal ?? "SIGKILL",
    ...account,
  };
  const keeper = fork(new URL("./keeper.ts", import.meta.url), [JSON.stringify(task)], { execArgv: [] });

  const tell = async (order: Order) => {
    if (!keeper.connected) throw new Error(`The ${kind.name} server was stopped already.`);
    const answered = once(keeper, "message") as Promise<[Answer]>;
    keeper.send(order);
    const [answer] = await answered;
    if ("failed" in answer) throw new Error(`Could not ${order} the ${kind.name} server: ${answer.failed}`);
  };
  const stop = async () => {
    if (keeper.exitCode !== null || keeper.signalCode !== null) return;
    const gone = once(keeper, "exit");
    if (keeper.connected) keeper.disconnect();
    await gone;
  };
  const startAndWait = async () => {
    await tell("start");
    await untilReady(kind, port, folder);
  };

  try {
    const [command, ...args] = kind.prepare?.(folder, program) ?? [];
    if (command) await run(command, args, { cwd: folder, timeout: 60_000, ...account });
    await startAndWait();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: kind.url(port),
    host: "127.0.0.1",
    port,
    pid: keeper.pid as number,
    own: true,
    kill: () => tell("kill"),
    restart: async () => {
      await tell("kill");
      await startAndWait();
    },
    pause: () => tell("pause"),
    resume: () => tell("resume"),
    stop,
  };
}

async function untilReady(kind: ServerKind, port: number, folder: string): Promise<void> {
  const deadline = Date.now() + readyWithin;
  const log = join(folder, "server.log");
  const said = () => (existsSync(log) ? readFileSync(log, "utf8").slice(-2000) : "nothing");
  while (!(await kind.ready(port))) {
    if (said().includes("The server ended with"))
      throw new Error(`${kind.name} did not start. It said:\n${said()}`);
    if (Date.now() > deadline)
      throw new Error(`${kind.name} was not ready within ${readyWithin / 1000} s. It said:\n${said()}`);
    await sleep(20);
  }
}

function accountFor({ account }: ServerKind): { uid: number; gid: number } | undefined {
  if (!account || process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync("id", [flag, account], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/**
 * Below the range from which systems give out ports, so that no other program takes it while a test has the server unplugged. The range is
 * 10,000 wide, so that the bus of a cluster, 10,000 below its node, is no port of another server.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const probe = createServer().unref();
    const free = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
