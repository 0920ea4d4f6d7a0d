/** Starts a program that says on which port it listens, and ends it with the tests, however they end. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Task } from "../servers/keeper.ts";

const READY_WITHIN_MS = 30_000;

export interface Program {
  readonly program: string;
  readonly args: readonly string[];
  /** Where it runs, and what is removed at the end. */
  readonly folder: string;
}

export interface Started {
  readonly port: number;
  stop(): Promise<void>;
}

export async function start({ program, args, folder }: Program): Promise<Started> {
  const task: Task = { program, args, folder, crashSignal: "SIGKILL" };
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
    return { port: await portOf(program, join(folder, "server.log")), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads the port from what a program prints when it listens. All print it as workerd does, whose wording cannot be changed. */
async function portOf(program: string, log: string): Promise<number> {
  for (const end = Date.now() + READY_WITHIN_MS; ; await sleep(20)) {
    const said = existsSync(log) ? readFileSync(log, "utf8") : "";
    const port = /"event":"listen".*"port":(\d+)/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
    if (said.includes("The server ended with") || Date.now() > end)
      throw new Error(`${program} did not say on which port it listens. It said:\n${said}`);
  }
}
