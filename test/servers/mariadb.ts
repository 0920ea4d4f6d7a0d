import { join } from "node:path";
import { ask } from "./ask.ts";
import type { ServerKind } from "./server.ts";

export const mariadb: ServerKind = {
  name: "mariadb",
  variable: "TEST_MYSQL_URL",
  program: "mariadbd",
  debianPackage: "mariadb-server",
  account: "mysql",
  prepare: (folder) => [
    "mariadb-install-db",
    "--no-defaults",
    `--datadir=${data(folder)}`,
    "--auth-root-authentication-method=normal",
  ],
  args: (folder, port) => [
    "--no-defaults",
    `--datadir=${data(folder)}`,
    `--socket=${join(folder, "socket")}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    // A server that starts deletes the temporary tables in its folder, those of another server among them.
    `--tmpdir=${data(folder)}`,
    "--innodb-flush-log-at-trx-commit=0",
  ],
  url: (port) => `mysql://root@127.0.0.1:${port}/test`,
  // The server sends first: four bytes of frame, then the number of its protocol, 10; or 255 for an error.
  ready: async (port) => (await ask(port, ""))[4] === 10,
};

const data = (folder: string) => join(folder, "data");
