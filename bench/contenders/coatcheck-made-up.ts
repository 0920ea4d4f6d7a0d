import { postgresStore } from "coatcheck/postgres";
import { redisStore } from "coatcheck/redis";
import { sqliteStore } from "coatcheck/sqlite";
import { madeUpPostgres } from "../made-up-postgres.ts";
import { madeUpRedis } from "../made-up-redis.ts";
import { on } from "./coatcheck-express.ts";

/** SQLite without a disk. */
export const sqlite = on(() => sqliteStore(":memory:"));
export const redis = on(() => redisStore({ client: madeUpRedis() }));
export const postgres = on(() => postgresStore({ pool: madeUpPostgres(), namedStatements: true }));
