import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const fromSource = join(import.meta.dirname, "../runner/from-source.ts");

/** Starts one of the server programs of this folder in a process of its own, for one test. It tells its port. */
export async function startProcess(program: string, ...parameters: string[]) {
  const path = join(import.meta.dirname, program);
  const server = fork(path, parameters, { execArgv: ["--import", fromSource] });
  const gone = once(server, "exit");
  onTestFinished(async () => {
    if (server.connected) server.disconnect();
    await gone;
  });
  return { server, port: (await once(server, "message"))[0] as number };
}
