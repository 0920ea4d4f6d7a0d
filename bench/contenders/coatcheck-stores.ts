import { join } from "node:path";
import { memoryStore } from "coatcheck";
import { encryptedCookieStore } from "coatcheck/cookies";
import { postgresStore } from "coatcheck/postgres";
import { redisStore } from "coatcheck/redis";
import { sqliteStore } from "coatcheck/sqlite";
import pg from "pg";
import { createClient } from "redis";
import { type Place, SECRET } from "./contender.ts";

export const memory = () => memoryStore();
export const cookie = () => encryptedCookieStore({ secrets: [SECRET] });
/** WAL, synchronous = normal: its defaults. */
export const sqlite = ({ folder }: Place) => sqliteStore(join(folder, "coatcheck.sqlite3"));

export async function redis({ redis: url }: Place) {
  return redisStore({ client: await createClient({ url }).connect() });
}

export async function postgres({ postgres: connectionString }: Place) {
  const store = postgresStore({ pool: new pg.Pool({ connectionString }), namedStatements: true });
  await store.createTable();
  return store;
}
