import { join } from "node:path";
import Database from "better-sqlite3";
import sqliteStoreOf from "better-sqlite3-session-store";
import postgresStoreOf from "connect-pg-simple";
import { RedisStore } from "connect-redis";
import type { RequestHandler } from "express";
import session, { type Session, type Store } from "express-session";
import memoryStoreOf from "memorystore";
import pg from "pg";
import { createClient } from "redis";
import { NAME, type Visitor, visitor } from "../visitor.ts";
import { type Open, type Place, type Routes, SECRET } from "./contender.ts";
import { serve } from "./express.ts";

/** Cast, because to TypeScript the `session` of Express's requests is coatcheck's here. */
const sessionOf = (request: object) =>
  (request as { session: Session & Partial<Visitor> & { userId?: number } }).session;

const routes: Routes<RequestHandler> = {
  none: (_request, response) => {
    response.send(NAME);
  },
  read: (request, response) => {
    response.send(sessionOf(request).name);
  },
  write: (request, response) => {
    const session = sessionOf(request);
    session.visits = (session.visits ?? 0) + 1;
    response.send(`${session.visits}`);
  },
  fill: (request, response) => {
    Object.assign(sessionOf(request), visitor(Number(request.query.bytes)));
    response.send("filled");
  },
  login: (request, response, next) => {
    sessionOf(request).regenerate((error) => {
      if (error) return next(error);
      sessionOf(request).userId = 7;
      response.send("in");
    });
  },
  logout: (request, response, next) => {
    sessionOf(request).destroy((error) => (error ? next(error) : response.send("out")));
  },
};

/** `resave` and `saveUninitialized` as its readme recommends for stores that have `touch`, which all of these have. */
const on =
  (open: (place: Place) => Store | undefined | Promise<Store | undefined>): Open =>
  async (place) => {
    const store = await open(place);
    const options = { secret: SECRET, resave: false, saveUninitialized: false };
    return serve(routes, session({ ...options, ...(store && { store }) }));
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
