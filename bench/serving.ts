import { fork } from "node:child_process";
import { once } from "node:events";
import type { Place } from "./contenders/contender.ts";
import { type DjangoName, djangos, startDjango } from "./contenders/django/start.ts";
import type { ContenderName } from "./contenders/index.ts";

/** A contender that answers requests. */
export interface Serving {
  readonly url: string;
  readonly pid: number;
  /** Begins to watch the event loop; resolves to how long its turns took since this was called before. Not of Django. */
  turns?(): Promise<Turns>;
  stop(): Promise<void>;
}

/** How late timers were, milliseconds. */
export interface Turns {
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

export type Name = ContenderName | DjangoName;

export const isDjango = (name: Name): name is DjangoName => Object.hasOwn(djangos, name);

/** Starts one in a process of its own; ended by `stop`, or with the bench. */
export async function startServing(name: Name, place: Place): Promise<Serving> {
  if (isDjango(name)) return startDjango(name, place);
  const child = fork(new URL("./serve.ts", import.meta.url), [name, JSON.stringify(place)], {
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  // Shown only when the server fails: in production every memory store prints a warning.
  let said = "";
  child.stderr?.on("data", (text) => {
    said = `${said}${text}`.slice(-4000);
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (port) => resolve(port as number));
    child.once("exit", () => reject(new Error(`${name} did not start. It said:\n${said}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid as number,
    async turns() {
      const answered = once(child, "message") as Promise<[Turns]>;
      child.send("turns");
      return (await answered)[0];
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}
