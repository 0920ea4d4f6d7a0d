import { ask } from "./ask.ts";
import type { ServerKind } from "./server.ts";

const modules = ["mpm_event", "authz_core", "proxy", "proxy_http", "cache", "cache_disk"];

/** Apache as a shared cache before the applications on all ports: `/PORT/path` is the path of the one on that port. */
export const apache: ServerKind = {
  name: "apache",
  variable: "TEST_SHARED_CACHE_URL",
  program: "apache2",
  debianPackage: "apache2-bin",
  account: "nobody",
  args(folder, port) {
    const directives = [
      ...modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      `Listen 127.0.0.1:${port}`,
      "ServerName localhost",
      `DefaultRuntimeDir ${folder}`,
      `PidFile ${folder}/apache.pid`,
      `ErrorLog ${folder}/error.log`,
      "ProxyPassMatch ^/([0-9]+)(/.*)$ http://127.0.0.1:$1$2",
      "CacheEnable disk /",
      `CacheRoot ${folder}`,
    ];
    return ["-DFOREGROUND", "-f", "/dev/null", ...directives.flatMap((directive) => ["-C", directive])];
  },
  url: (port) => `http://127.0.0.1:${port}`,
  ready: async (port) => (await ask(port, "GET / HTTP/1.0\r\n\r\n")).toString().startsWith("HTTP/1.1 "),
};
