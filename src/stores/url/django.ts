import { resolve } from "node:path";
import { SettingsError } from "../../errors.ts";
import type { DjangoStoreOptions } from "../django.ts";
import { CONNECT_TIMEOUT_MS, loadDriver } from "./driver.ts";
import { takeOptions, wrongUrl } from "./parts.ts";

/**
 * The table of a Django site: `django+postgres://…`, `django+mysql://…` or `django+sqlite:path`. The secret is in the environment,
 * as DJANGO_SECRET_KEY: a URL is easily shown. `timeZone` in the query says that Django has USE_TZ off.
 */
export function openDjango(url: string) {
  const { rest, options } = takeOptions(url.slice("django+".length), ["table", "timeZone"]);
  const secretKey = process.env.DJANGO_SECRET_KEY;
  if (!secretKey) {
    throw new SettingsError(
      "store",
      "a URL of a Django site only with Django's SECRET_KEY as DJANGO_SECRET_KEY in the environment",
    );
  }
  const { table, timeZone } = options;
  const given = { secretKey, table, timeZone, useTz: timeZone === undefined };
  const connect = connectionTo(rest);
  return async () => {
    const [{ djangoStore }, { database, close }] = await Promise.all([import("../django.ts"), connect()]);
    const store = djangoStore({ ...given, database });
    return {
      ...store,
      async close() {
        await store.close();
        await close();
      },
    };
  };
}

interface Opened {
  readonly database: DjangoStoreOptions["database"];
  close(): Promise<unknown>;
}

function connectionTo(url: string): () => Promise<Opened> {
  const [, scheme, path = ""] = /^(\w+):(?:\/\/(?=\/))?(.*)$/.exec(url) ?? [];
  if (scheme === "sqlite" && path !== "") {
    const database = resolve(path);
    return async () => ({ database, close: async () => {} });
  }
  if (!/^\w+:\/\/./.test(url) || !URL.canParse(url)) throw wrongUrl("cannot be read");
  return scheme === "mysql" || scheme === "mariadb" ? () => toMysql(url) : () => toPostgres(url);
}

async function toPostgres(connectionString: string): Promise<Opened> {
  const { default: pg } = await loadDriver<typeof import("pg")>("pg");
  const pool = new pg.Pool({
    connectionString,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  return { database: pool, close: () => pool.end() };
}

async function toMysql(url: string): Promise<Opened> {
  const { createPool } = await loadDriver<typeof import("mysql2/promise")>("mysql2", "mysql2/promise.js");
  const uri = url.replace(/^mariadb:/, "mysql:");
  const pool = createPool({ uri, connectTimeout: CONNECT_TIMEOUT_MS, enableKeepAlive: true });
  return { database: pool, close: () => pool.end() };
}
