import { ask } from "./ask.ts";
import type { ServerKind } from "./server.ts";

export const redis: ServerKind = {
  name: "redis",
  variable: "TEST_REDIS_URL",
  program: "redis-server",
  debianPackage: "redis-server",
  args: (folder, port) => [
    "--port",
    `${port}`,
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--save",
    "",
    // So that every acknowledged write survives a kill.
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
  ],
  url: (port) => `redis://127.0.0.1:${port}`,
  ready: async (port) => (await ask(port, "PING\r\n")).toString() === "+PONG\r\n",
};
