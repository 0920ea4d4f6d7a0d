import type { Store, StoreCall, StoredRecord, StoreId } from "coatcheck";
import { redisStore } from "coatcheck/redis";
import { testStore } from "coatcheck/testing";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { overhearWarnings } from "../instruments/overheard.ts";
import { redis } from "../servers/redis.ts";
import { type Connected, sentinels } from "../servers/redis-clients.ts";
import { cli, until } from "../servers/redis-nodes.ts";
import { PATIENCE_MS, type RedisSentinel, startRedisSentinel } from "../servers/redis-sentinel.ts";
import type { Server } from "../servers/server.ts";
import { missing } from "../servers/start.ts";

let made = 0;
const freshPrefix = () => `t${process.pid}-${++made}:`;

/** For all replicas, also for one that a busy machine stops for a while. */
const patiently = { for: "all", timeout: 20_000 } as const;

const version = () => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
const call = (milliseconds = 20_000): StoreCall => ({
  signal: AbortSignal.timeout(milliseconds),
  now: Date.now(),
});
function freshId(): StoreId {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;
}
function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + 3_600_000, expiry: null };
  return { data: "{}", version: version(), userId: null, ...times, format: 1, ...changes };
}

const why = missing(redis);

describe.skipIf(why)(`on redis with Sentinel${why ? ` (${why})` : ""}`, () => {
  let site: RedisSentinel;
  beforeAll(async () => {
    site = await startRedisSentinel("coats");
  }, 900_000);
  afterAll(() => site?.stop());

  for (const [library, connect] of Object.entries(sentinels)) {
    test(`${library}: check tells what a failover would cost`, async () => {
      const { client, close } = await connect(site, "coats");
      const store = redisStore({ client });
      const warnings = overhearWarnings();
      const codes = async () => (await warnings()).splice(0).map(({ code }) => code);
      await store.check(call());
      expect(await codes()).toEqual(["COATCHECK_REDIS_MIN_REPLICAS"]);
      for (const node of site.nodes) cli(node, "config", "set", "min-replicas-to-write", "1");
      await store.check(call());
      expect(await codes()).toEqual([]);
      const replica = site.nodes.find((node) => node !== site.primary()) as Server;
      await replica.kill();
      await until("the primary has lost its replica", () =>
        cli(site.primary(), "info", "replication").includes("connected_slaves:0"),
      );
      await store.check(call());
      expect(await codes()).toEqual(["COATCHECK_REDIS_NO_REPLICA"]);
      await replica.restart();
      await site.whole();
      for (const node of site.nodes) cli(node, "config", "set", "min-replicas-to-write", "0");
      await close();
    });

    describe(library, () => {
      let here: Connected;
      let elsewhere: Connected;
      beforeAll(async () => {
        here = await connect(site, "coats");
        elsewhere = await connect(site, "coats");
      });
      afterAll(() => Promise.all([here?.close(), elsewhere?.close()]));

      testStore(
        library,
        () => {
          const prefix = freshPrefix();
          return {
            store: redisStore({ client: here.client, prefix, wait: patiently }),
            elsewhere: redisStore({ client: elsewhere.client, prefix }),
            peek: (id) => here.get(`${prefix}s:{${id}}`),
          };
        },
        { describe, it, without: ["clearExpired"] },
      );

      describe("with a replica that hangs", () => {
        const hanging = () => site.nodes.find((node) => node !== site.primary());
        beforeAll(() => hanging()?.pause());
        afterAll(async () => {
          await hanging()?.resume();
          await site.whole();
        });

        test("what waits is refused in time, and says why", async () => {
          const prefix = freshPrefix();
          const store = redisStore({ client: here.client, prefix, wait: { for: "security", timeout: 150 } });
          const strict = redisStore({ client: here.client, prefix, wait: { for: "all", timeout: 150 } });
          const [id, first, second] = [freshId(), record(), record()];
          expect(await store.create(id, first, call())).toBe(true);
          expect(await store.update(id, second, first.version, call())).toBe("saved");

          const refused = (work: Promise<unknown>) =>
            expect(work).rejects.toThrow("0 of 1 replicas had the write within 150 ms");
          await refused(strict.update(id, record(), second.version, call()));
          await refused(strict.create(freshId(), record(), call()));
          await refused(store.create(freshId(), record({ userId: "ann" }), call()));
          await refused(store.rotate(id, freshId(), record({ userId: "ann" }), second.version, call()));
          await refused(store.delete(id, call()));
        });

        test("what another connection did is not taken for confirmed when it is repeated on this one", async () => {
          const prefix = freshPrefix();
          const first = redisStore({ client: elsewhere.client, prefix });
          // A new connection each time, as WAIT counts only what its own connection has written.
          const unconfirmed = async (work: (again: Store) => Promise<unknown>) => {
            const { client, close } = await connect(site, "coats");
            const again = redisStore({ client, prefix, wait: { for: "all", timeout: 150 } });
            await expect(work(again)).rejects.toThrow("0 of 1 replicas");
            await close();
          };
          const [id, to, ended] = [freshId(), freshId(), freshId()];
          const [created, updated, rotated] = [record(), record(), record()];
          await first.create(ended, created, call());
          await first.delete(ended, call());
          await unconfirmed((again) => again.delete(ended, call()));
          await first.create(id, created, call());
          await first.update(id, updated, created.version, call());
          await unconfirmed((again) => again.update(id, updated, created.version, call()));
          await first.touch(id, updated.expiresAt + 9, updated.version, call());
          await unconfirmed((again) => again.touch(id, updated.expiresAt + 9, updated.version, call()));
          await first.rotate(id, to, rotated, updated.version, call());
          await unconfirmed((again) => again.rotate(id, to, rotated, updated.version, call()));
          await unconfirmed((again) => again.touch(to, rotated.expiresAt, rotated.version, call()));
        });
      });

      test("after a failover the same client writes to the new primary, and no session that ended is back", async () => {
        const store = redisStore({ client: here.client, prefix: freshPrefix(), wait: patiently });
        const [kept, ended, from, to] = [freshId(), freshId(), freshId(), freshId()];
        const first = record();
        for (const id of [kept, ended, from]) expect(await store.create(id, first, call())).toBe(true);
        expect(await store.rotate(from, to, record(), first.version, call())).toBe("saved");
        expect(await store.delete(ended, call())).toBe(undefined);

        const dead = site.primary();
        site.downAfter(500);
        await dead.kill();
        try {
          await expect.poll(() => site.primary() === dead).toBe(false);
        } finally {
          site.downAfter(PATIENCE_MS);
          // It comes back as a replica: a client that still writes to it gets READONLY.
          await dead.restart();
          await site.whole();
        }

        const withoutWait = redisStore({ client: here.client, prefix: `t${process.pid}-${made}:` });
        await expect.poll(() => withoutWait.read(kept, call(1000))).toEqual(first);
        expect(await withoutWait.read(ended, call())).toBe(null);
        expect(await withoutWait.read(from, call())).toBe("moved");
        expect(await withoutWait.read(to, call())).not.toBe(null);
        for (let n = 0; n < 20; n++) expect(await withoutWait.create(freshId(), record(), call())).toBe(true);
        expect(await store.update(kept, record(), first.version, call())).toBe("saved");
      }, 120_000);
    });
  }
});
