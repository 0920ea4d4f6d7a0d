import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { postgres } from "./postgres.ts";
import type { ServerKind } from "./server.ts";

/** PgBouncer in transaction mode before the PostgreSQL of a port, with fewer connections to it than it takes from clients. */
export function pgbouncer(port: () => number): ServerKind {
  return {
    name: "pgbouncer",
    variable: "TEST_PGBOUNCER_URL",
    program: "pgbouncer",
    debianPackage: "pgbouncer",
    folders: ["/usr/sbin"],
    account: "postgres",
    args(folder, listenPort) {
      const settings = `[databases]
        postgres = host=127.0.0.1 port=${port()} user=postgres
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = ${listenPort}
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = 3`;
      const file = join(folder, "pgbouncer.ini");
      writeFileSync(file, settings.replace(/^ +/gm, ""));
      return [file];
    },
    url: (listenPort) => `postgres://postgres@127.0.0.1:${listenPort}/postgres`,
    ready: postgres.ready,
  };
}
