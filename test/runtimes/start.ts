/** Starts a program that listens on a port, and ends it with the tests, however they end. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Task } from "../servers/keeper.ts";

const READY_WITHIN_MS = 100_000;

export interface Program {
  readonly program: string;
  readonly args: readonly string[];
  /** The folder that it runs in. The folder is removed at the end. */
  readonly folder: string;
  /** The port, where the program was told one. Otherwise the program says which one it has taken. */
  readonly port?: number;
  /** The signal that ends it. Default SIGKILL. */
  readonly endSignal?: NodeJS.Signals;
}

export interface Started {
  readonly port: number;
  stop(): Promise<void>;
}

export async function start({
  program,
  args,
  folder,
  port,
  endSignal = "SIGKILL",
}: Program): Promise<Started> {
  const task: Task = { program, args, folder, crashSignal: endSignal };
  const keeper = fork(new URL("../servers/keeper.ts", import.meta.url), [JSON.stringify(task)], {
    execArgv: [],
  });
  const stop = async () => {
    if (!keeper.connected) return;
    const gone = once(keeper, "exit");
    keeper.disconnect();
    await gone;
  };
  keeper.send("start");
  try {
    return { port: await whenListening(program, join(folder, "server.log"), port), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function whenListening(program: string, log: string, given: number | undefined): Promise<number> {
  for (const end = Date.now() + READY_WITHIN_MS; ; await sleep(20)) {
    const said = existsSync(log) ? readFileSync(log, "utf8") : "";
    const port = given ?? portIn(said);
    if (port !== undefined && (await isListening(port))) return port;
    if (said.includes("The server ended with") || Date.now() > end)
      throw new Error(`${program} does not listen on ${port ?? "a port that it names"}. It said:\n${said}`);
  }
}

/** Reads the port from what a program prints when it listens. All print it as workerd does, whose wording cannot be changed. */
function portIn(said: string): number | undefined {
  const port = /"event":"listen".*"port":(\d+)/.exec(said)?.[1];
  return port === undefined ? undefined : Number(port);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const tell = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => tell(true));
    socket.once("error", () => tell(false));
  });
}
