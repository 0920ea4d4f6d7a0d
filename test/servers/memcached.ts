import { ask } from "./ask.ts";
import type { ServerKind } from "./server.ts";

export const memcached: ServerKind = {
  name: "memcached",
  variable: "TEST_MEMCACHED_URL",
  program: "memcached",
  debianPackage: "memcached",
  // memcached gives up root by itself if it is told a user; every Debian has "nobody".
  args: (_folder, port) => ["-p", `${port}`, "-U", "0", "-l", "127.0.0.1", "-u", "nobody"],
  url: (port) => `memcached://127.0.0.1:${port}`,
  ready: async (port) => (await ask(port, "version\r\n")).toString().startsWith("VERSION "),
};
