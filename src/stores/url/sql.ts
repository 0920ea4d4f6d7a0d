import { CONNECT_TIMEOUT_MS, loadDriver } from "./driver.ts";
import { takeOptions, wrongUrl } from "./parts.ts";

export function openPostgres(url: string) {
  const { rest, options } = checked(url);
  return async () => {
    const [{ postgresStore }, { default: pg }] = await Promise.all([
      import("../postgres.ts"),
      loadDriver<typeof import("pg")>("pg"),
    ]);
    const pool = new pg.Pool({
      connectionString: rest,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    return {
      ...postgresStore({ pool, ...options }),
      async serverTime() {
        const { rows } = await pool.query("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now");
        return Number(rows[0].now);
      },
      close: () => pool.end(),
    };
  };
}

export function openMysql(url: string) {
  const { rest, options } = checked(url);
  return async () => {
    const [{ mysqlStore }, { createPool }] = await Promise.all([
      import("../mysql.ts"),
      loadDriver<typeof import("mysql2/promise")>("mysql2", "mysql2/promise.js"),
    ]);
    const uri = rest.replace(/^mariadb:/, "mysql:");
    const pool = createPool({ uri, connectTimeout: CONNECT_TIMEOUT_MS, enableKeepAlive: true });
    return {
      ...mysqlStore({ pool, ...options }),
      async serverTime() {
        const [rows] = await pool.query("SELECT UNIX_TIMESTAMP(NOW(3)) * 1000 AS now");
        return Number((rows as { now: unknown }[])[0]?.now);
      },
      close: () => pool.end(),
    };
  };
}

function checked(url: string) {
  if (!/^\w+:\/\/./.test(url) || !URL.canParse(url)) throw wrongUrl("cannot be read");
  return takeOptions(url, ["table"]);
}
