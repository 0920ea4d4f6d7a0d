import { join } from "node:path";
import Database from "better-sqlite3";
import sqliteStoreOf from "better-sqlite3-session-store";
import postgresStoreOf from "connect-pg-simple";
import { RedisStore } from "connect-redis";
import session, { type Store } from "express-session";
import memoryStoreOf from "memorystore";
import pg from "pg";
import { createClient } from "redis";
import { type Open, type Place, SECRET } from "./contender.ts";
import { serve } from "./express.ts";
import { routes } from "./express-session-routes.ts";

/** `resave` and `saveUninitialized` as its readme recommends for stores that have `touch`, which all of these have. */
const usual = { secret: SECRET, resave: false, saveUninitialized: false };

const on =
  (open: (place: Place) => Store | undefined | Promise<Store | undefined>): Open =>
  async (place) => {
    const store = await open(place);
    return serve(routes, session({ ...usual, ...(store && { store }) }));
  };

/** express-session's own MemoryStore. */
export const memory = on(() => undefined);

export const memorystore = on(() => new (memoryStoreOf(session))({ checkPeriod: 86_400_000 }));

/** In the settings in which coatcheck opens a path: WAL, synchronous = normal. */
export const sqlite = on(({ folder }) => {
  const client = new Database(join(folder, "express-session.sqlite3"));
  client.pragma("journal_mode = WAL");
  client.pragma("synchronous = normal");
  return new (sqliteStoreOf(session))({ client, expired: { clear: true, intervalMs: 900_000 } });
});

const redisStore =
  (disableTouch: boolean) =>
  async ({ redis: url }: Place) =>
    new RedisStore({ client: await createClient({ url }).connect(), disableTouch });

const postgresStore =
  (disableTouch: boolean) =>
  ({ postgres: connectionString }: Place) => {
    const pool = new pg.Pool({ connectionString });
    return new (postgresStoreOf(session))({ pool, createTableIfMissing: true, disableTouch });
  };

/** With `disableTouch`, reading a session does not write to the store, as with coatcheck. Without it every request writes. */
export const redis = on(redisStore(true));
export const touchingRedis = on(redisStore(false));
export const postgres = on(postgresStore(true));
export const touchingPostgres = on(postgresStore(false));
