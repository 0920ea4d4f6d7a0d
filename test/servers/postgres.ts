import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { ask } from "./ask.ts";
import type { ServerKind } from "./server.ts";

export const postgres: ServerKind = {
  name: "postgres",
  variable: "TEST_POSTGRES_URL",
  program: "postgres",
  debianPackage: "postgresql",
  get folders() {
    return globSync("/usr/lib/postgresql/*/bin");
  },
  account: "postgres",
  // PostgreSQL's own signal for a crash. After SIGKILL the processes of its connections would go on for a while.
  crashSignal: "SIGQUIT",
  prepare: (folder, program) => {
    const initdb = join(dirname(program), "initdb");
    return [
      initdb,
      "-D",
      data(folder),
      "-U",
      "postgres",
      "--auth=trust",
      "-E",
      "UTF8",
      "--no-locale",
      "--no-sync",
    ];
  },
  args: (folder, port) => {
    const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: "", fsync: "off" };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    return ["-D", data(folder), "-p", `${port}`, ...flags];
  },
  url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  // "R" asks for authentication or grants it; while it starts up it answers "E".
  ready: async (port) =>
    (await ask(port, hello("user", "postgres", "database", "postgres"))).toString("latin1", 0, 1) === "R",
};

const data = (folder: string) => join(folder, "data");

/** The first message of PostgreSQL's protocol 3.0: length, version, parameters. */
function hello(...parameters: string[]): Buffer {
  const body = Buffer.from(`${parameters.join("\0")}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(0x0003_0000, 4);
  return Buffer.concat([head, body]);
}
