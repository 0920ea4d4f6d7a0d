import { resolve } from "node:path";
import type { Store } from "../contract/store.ts";
import { clearTicket } from "../cookie/clear-key.ts";
import { type StoreOutline, storeOpenedLater } from "./calls/opened-later.ts";
import { memoryStore } from "./memory.ts";
import { openDjango } from "./url/django.ts";
import { openMemcached } from "./url/memcached.ts";
import { wrongUrl } from "./url/parts.ts";
import { openRedis } from "./url/redis.ts";
import { openMysql, openPostgres } from "./url/sql.ts";

export interface UrlStore extends Store {
  /** Creates the table where it is missing. Only SQL stores have one, and this method. */
  createTable?(): Promise<void>;
  /** The clock of the store's server, epoch milliseconds; of several servers the one furthest from ours. Absent without a server. */
  serverTime?(): Promise<number>;
  /** Closes the connections that the store has opened. */
  close(): Promise<void>;
}

/** Opens the store, once its driver is loaded. */
type Open = () => Promise<Store & Omit<UrlStore, "close">>;

interface Kind extends StoreOutline<UrlStore> {
  /** Throws a SettingsError for a URL that cannot work; connects to nothing yet. */
  open(url: string): Open;
}

const table: Kind["verbs"] = ["clearExpired", "listUser", "stats", "check", "createTable"];
const redis: Kind = {
  name: "redis",
  open: openRedis,
  capabilities: { expiresNatively: true },
  verbs: ["listUser", "stats", "check", "serverTime"],
};
const postgres: Kind = { name: "postgres", open: openPostgres, verbs: [...table, "serverTime"] };
const django: Kind = {
  name: "django",
  open: openDjango,
  capabilities: { keepsLoginTime: false },
  ticket: clearTicket,
  verbs: ["clearExpired", "check"],
};
const mysql: Kind = { name: "mysql", open: openMysql, verbs: [...table, "serverTime"] };

const kinds: Readonly<Record<string, Kind>> = {
  sqlite: { name: "sqlite", open: openSqlite, verbs: table },
  file: { name: "file", open: openFile, verbs: ["clearExpired", "listUser", "stats", "check"] },
  postgres,
  postgresql: postgres,
  mysql,
  mariadb: mysql,
  "django+sqlite": django,
  "django+postgres": django,
  "django+postgresql": django,
  "django+mysql": django,
  "django+mariadb": django,
  redis,
  rediss: redis,
  "redis+cluster": redis,
  "rediss+cluster": redis,
  "redis+sentinel": redis,
  "rediss+sentinel": redis,
  memcached: {
    name: "memcached",
    open: openMemcached,
    capabilities: { expiresNatively: true },
    verbs: ["check", "serverTime"],
  },
};

/**
 * Makes the store of a URL, as it stands in the environment of a site: `SESSION_STORE=postgres://…`. The first call loads the
 * driver and connects; each connection has five seconds to come up; `close` closes what was opened. Query options: `table` for
 * SQL stores, `timeZone` for Django's table, `prefix` for Redis and memcached, `wait` for Redis; the rest of the query is for SQL drivers. Throws a
 * SettingsError for a URL that cannot work, and never shows the URL.
 */
export function storeFromUrl(url: string): UrlStore {
  const [, scheme = ""] = /^([a-z+]+):/.exec(String(url)) ?? [];
  if (url === "memory:") return { ...memoryStore(), close: async () => {} };
  const kind = Object.hasOwn(kinds, scheme) ? kinds[scheme] : undefined;
  if (kind === undefined) throw wrongUrl(scheme === "" ? "has no scheme" : `begins with ${scheme}:`);
  return storeOpenedLater<Store & Omit<UrlStore, "close">>(kind.open(url), kind);
}

function openSqlite(url: string): Open {
  const path = pathOf(url);
  const absolute = path === ":memory:" ? path : resolve(path);
  return async () => {
    const { sqliteStore } = await import("./sqlite.ts");
    return sqliteStore(absolute);
  };
}

function openFile(url: string): Open {
  const directory = resolve(pathOf(url));
  return async () => {
    const { fileStore } = await import("./file.ts");
    return fileStore(directory);
  };
}

/** The path of `sqlite:path`, as it is written; `sqlite:///path` is the same as `sqlite:/path`. */
function pathOf(url: string): string {
  const path = url.slice(url.indexOf(":") + 1).replace(/^\/\/(?=\/)/, "");
  if (path === "" || path.startsWith("//")) throw wrongUrl("has no path");
  return path;
}
