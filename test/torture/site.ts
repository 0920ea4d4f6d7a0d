/** Two server processes over one store. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freePort } from "../servers/start.ts";

const program = join(import.meta.dirname, "site-server.ts");
const fromSource = join(import.meta.dirname, "../runner/from-source.ts");

export class SiteServer {
  readonly port: number;
  readonly #environment: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;

  constructor(port: number, environment: Readonly<Record<string, string>>) {
    this.port = port;
    this.#environment = environment;
  }

  async start(): Promise<void> {
    const env = { ...process.env, ...this.#environment, PORT: `${this.port}` };
    this.#process = fork(program, [], {
      execArgv: ["--import", fromSource],
      env,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await once(this.#process, "message");
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Ends the process as a crash would. */
  async kill(): Promise<void> {
    const server = this.#process;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, "exit");
    this.signal("SIGKILL");
    await gone;
  }
}

/** Starts both; `environment` holds what they share, `second` what only the second has. */
export async function startSite(
  environment: Readonly<Record<string, string>>,
  second: Readonly<Record<string, string>> = {},
): Promise<readonly [SiteServer, SiteServer]> {
  const servers = [
    new SiteServer(await freePort(), environment),
    new SiteServer(await freePort(), { ...environment, ...second }),
  ] as const;
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}
