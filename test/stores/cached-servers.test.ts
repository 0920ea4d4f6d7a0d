import type { Store } from "coatcheck";
import { cachedStore } from "coatcheck/cached";
import { postgresStore } from "coatcheck/postgres";
import { redisStore } from "coatcheck/redis";
import { testStore } from "coatcheck/testing";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spyStore } from "../instruments/spy-store.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { type Connected, singles } from "../servers/redis-clients.ts";
import { cli } from "../servers/redis-nodes.ts";
import { describeWithServer } from "../servers/suite.ts";
import { call, newId, newTable, record } from "./suites/sql.ts";

describeWithServer(redis, (redisServer) => {
  describeWithServer(postgres, (postgresServer) => {
    let pools: pg.Pool[] = [];
    let clients: Connected[] = [];
    let made = 0;

    beforeAll(async () => {
      const connectionString = postgresServer().url;
      pools = [1, 2].map(() => new pg.Pool({ connectionString, max: 8, allowExitOnIdle: true }));
      clients = await Promise.all(
        Object.values(singles)
          .slice(0, 2)
          .map((connect) => connect(redisServer())),
      );
    });
    afterAll(async () => {
      await Promise.all([...clients.map((client) => client.close()), ...pools.map((pool) => pool.end())]);
    });

    /** Two servers, each with connections of its own, over one Redis and one table. */
    async function site() {
      const [table, prefix] = [newTable(), `cached-${process.pid}-${++made}:`];
      const parts = [0, 1].map((n) => ({
        cache: redisStore({ client: (clients[n] as Connected).client, prefix }),
        store: postgresStore({ pool: pools[n] as pg.Pool, table }),
      }));
      await parts[0]?.store.createTable();
      return { parts, dispose: () => pools[0]?.query(`DROP TABLE ${table}`) };
    }

    testStore(
      "cached, Redis over PostgreSQL",
      async () => {
        const { parts, dispose } = await site();
        const [store, elsewhere] = parts.map((part): Store => cachedStore(part)) as [Store, Store];
        return { store, elsewhere, dispose };
      },
      { describe, it, without: ["peek"] },
    );

    it("a fresh database gets its table through it", async () => {
      const { parts } = await site();
      const [pool, table] = [pools[0] as pg.Pool, newTable()];
      const store = cachedStore({
        cache: (parts[0] as (typeof parts)[0]).cache,
        store: postgresStore({ pool, table }),
      });
      await expect(store.check(call())).rejects.toThrow("createTable");
      await store.createTable();
      await store.check(call());
      expect(await store.create(newId(), record(), call())).toBe(true);
      await pool.query(`DROP TABLE ${table}`);
    });

    it("a Redis that evicts is a good cache, and check says so", async () => {
      const { parts, dispose } = await site();
      const evict = (policy: string, memory: string) =>
        cli(redisServer(), "config", "set", "maxmemory", memory, "maxmemory-policy", policy);
      evict("allkeys-lru", "100mb");
      await cachedStore(parts[0] as (typeof parts)[0]).check(call());
      await expect(parts[0]?.cache.check(call())).rejects.toThrow("allkeys-lru");
      evict("noeviction", "0");
      await dispose();
    });

    it("a session is read from Redis alone, and PostgreSQL is asked when Redis has forgotten it", async () => {
      const { parts, dispose } = await site();
      const [part] = parts as [(typeof parts)[0]];
      const [cache, store] = [spyStore(part.cache), spyStore(part.store)];
      const cached = cachedStore({ cache: cache.store, store: store.store });
      const [id, first] = [newId(), record({ userId: "ann" })];
      await cached.create(id, first, call());
      store.took();
      expect(await cached.read(id, call())).toEqual(first);
      expect(store.took()).toEqual([]);
      await part.cache.delete(id, call());
      expect(await cached.read(id, call())).toEqual(first);
      expect(await cached.read(id, call())).toEqual(first);
      expect(store.took()).toEqual(["read"]);
      await dispose();
    });
  });
});
