import { setTimeout as sleep } from "node:timers/promises";
import type { Store, StoreCall, StoredRecord, StoreId } from "coatcheck";
import { type RedisStoreOptions, redisStore } from "coatcheck/redis";
import { testStore } from "coatcheck/testing";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { limitInTwoProcesses } from "../races/limiting-processes.ts";
import { plainServer } from "../races/plain-server.ts";
import { starter } from "../races/race.ts";
import { refreshInTwoProcesses } from "../races/refreshing-processes.ts";
import { limits } from "../races/scenarios/limits.ts";
import { once } from "../races/scenarios/once.ts";
import { watches } from "../races/scenarios/watches.ts";
import { redis } from "../servers/redis.ts";
import { type Connected, clusters, clustersThatReadReplicas } from "../servers/redis-clients.ts";
import { type RedisCluster, startRedisCluster } from "../servers/redis-cluster.ts";
import { cli, until } from "../servers/redis-nodes.ts";
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

describe.skipIf(why)(`on a Redis Cluster${why ? ` (${why})` : ""}`, () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 900_000);
  afterAll(() => cluster?.stop());

  for (const [library, connect] of Object.entries(clusters)) {
    describe(library, () => {
      let here: Connected;
      let elsewhere: Connected;
      beforeAll(async () => {
        here = await connect(cluster);
        elsewhere = await connect(cluster);
      });
      afterAll(() => Promise.all([here?.close(), elsewhere?.close()]));

      testStore(
        library,
        () => {
          const prefix = freshPrefix();
          return {
            store: redisStore({ client: here.client, prefix }),
            elsewhere: redisStore({ client: elsewhere.client, prefix, wait: patiently }),
            peek: (id) => here.get(`${prefix}s:{${id}}`),
          };
        },
        { describe, it, without: ["clearExpired"] },
      );

      const start = starter(plainServer, () => redisStore({ client: here.client, prefix: freshPrefix() }));
      describe("once()", () => once(start));
      describe("watch()", () => watches(start));
      describe("limits", () => limits(start));

      test("follows a slot that moves to another primary, waiting or not", async () => {
        const prefix = freshPrefix();
        const stores = [
          redisStore({ client: here.client, prefix }),
          redisStore({ client: here.client, prefix, wait: patiently }),
        ];
        for (const store of stores) {
          const id = freshId();
          let last = record();
          expect(await store.create(id, last, call())).toBe(true);
          const key = `${prefix}s:{${id}}`;
          const from = cluster.primaryOf(key);
          const to = cluster.nodes.find(
            (node) => node !== from && cli(node, "info", "replication").includes("role:master"),
          );
          const moved = move(key, from, to as typeof from);
          for (let n = 0; n < 50; n++) {
            const next = record();
            expect(await store.update(id, next, last.version, call())).toBe("saved");
            last = next;
          }
          await moved;
          expect(await store.update(id, record(), last.version, call())).toBe("saved");
          expect(cluster.primaryOf(key)).toBe(to);
        }
      });
    });
  }

  describe("two processes", () => {
    const url = async () =>
      `redis+cluster://${cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
    refreshInTwoProcesses(url);
    limitInTwoProcesses(url);
  });

  test("clients that read from replicas read sessions from the primary all the same", async () => {
    await cluster.whole();
    const replicas = cluster.nodes.filter((node) => cli(node, "info", "replication").includes("role:slave"));
    const readers = await Promise.all(
      Object.values(clustersThatReadReplicas).map((connect) => connect(cluster)),
    );
    await Promise.all(replicas.map((replica) => replica.pause()));
    for (const { client } of readers) {
      const store = redisStore({ client, prefix: freshPrefix() });
      for (let n = 0; n < 12; n++) {
        const [id, kept] = [freshId(), record({ userId: `u${n}` })];
        expect(await store.create(id, kept, call())).toBe(true);
        expect(await store.read(id, call())).toEqual(kept);
        expect(await store.listUser(`u${n}`, call())).toEqual([id]);
      }
    }
    await Promise.all(replicas.map((replica) => replica.resume()));
    await Promise.all(readers.map(({ close }) => close()));
  });

  /** Resharding of one slot, key by key, as redis-cli does it. */
  async function move(key: string, from: { port: number }, to: { port: number }) {
    const slot = cli(from, "cluster", "keyslot", key).trim();
    const [source, target] = [from, to].map((node) => cli(node, "cluster", "myid").trim()) as [
      string,
      string,
    ];
    cli(to, "cluster", "setslot", slot, "importing", source);
    cli(from, "cluster", "setslot", slot, "migrating", target);
    await sleep(50);
    const keys = cli(from, "cluster", "getkeysinslot", slot, "100").trim().split("\n").filter(Boolean);
    cli(from, "migrate", "127.0.0.1", `${to.port}`, "", "0", "5000", "keys", ...keys);
    await sleep(50);
    for (const node of [to, from]) cli(node, "cluster", "setslot", slot, "node", target);
  }

  // While 64 clients write, one primary loses the link to its replica, goes on for a moment, and is killed.
  for (const wait of ["all", "security"] as const) {
    test(`64 clients write while a primary is killed, wait: "${wait}"`, async () => {
      await cluster.whole();
      cluster.replaceSoon();
      const connected = await Promise.all(
        [clusters["node-redis"], clusters.ioredis, clusters.ioredis].map(
          (connect) => connect?.(cluster) as Promise<Connected>,
        ),
      );
      const prefix = freshPrefix();
      const options = { prefix, wait: { for: wait, timeout: 50 } } satisfies Partial<RedisStoreOptions>;
      const [first, second, witness] = connected.map(({ client }) => redisStore({ client, ...options }));
      const stores = [first, second] as [Store, Store];

      const said = new Said();
      let running = true;
      const clients = Array.from({ length: 64 }, async (_, n) => {
        while (running) {
          await visit(stores[n % 2] as Store, said);
          await sleep(5 + Math.random() * 10);
        }
      });
      await until("there is much to lose", () => said.acknowledged > 500);
      const victim = cluster.primaryOf(`${prefix}s:{${freshId()}}`);
      const [heir] = cluster.replicasOf(victim) as [Server];
      await heir.pause();
      cli(victim, "client", "kill", "type", "replica");
      const alone = sleep(500);
      const last = Array.from({ length: 60 }, async () => {
        const [id, made] = [freshId(), record()];
        if (await (witness as Store).create(id, made, call(10_000))) said.of(id, made.version);
      });
      await Promise.all([alone, Promise.allSettled(last)]);
      await victim.kill();
      const killed = performance.now();
      await heir.resume();
      await cluster.replacedBy(heir);
      const replaced = performance.now() - killed;
      await sleep(1000);
      running = false;
      await Promise.all(clients);

      const lost = { sessions: 0, changes: 0, deletes: 0, marks: 0 };
      for (const [id, expected] of said.sessions) {
        const store = stores[Math.random() < 0.5 ? 0 : 1] as Store;
        const found = await store.read(id, call());
        const isLive = found !== null && found !== "moved";
        if (expected === "deleted" && isLive) lost.deletes++;
        else if (expected === "moved" && isLive) lost.marks++;
        else if (typeof expected === "number" && !isLive) lost.sessions++;
        else if (typeof expected === "number" && (found as StoredRecord).version !== expected) lost.changes++;
      }
      const counts = `${said.acknowledged} writes acknowledged, ${said.faults.length} refused`;
      const losses = `lost: ${lost.changes} changes and ${lost.sessions} sessions`;
      console.log(`wait: "${wait}": ${counts}, replaced after ${Math.round(replaced)} ms; ${losses}`);

      expect(said.acknowledged).toBeGreaterThan(500);
      expect(said.faults.length, "the kill was felt").toBeGreaterThan(0);
      expect({ deletes: lost.deletes, marks: lost.marks }, "ended sessions that are back").toEqual({
        deletes: 0,
        marks: 0,
      });
      if (wait === "all") expect(lost).toEqual({ sessions: 0, changes: 0, deletes: 0, marks: 0 });
      // Replication is asynchronous: what only the dead primary had is lost, a change or a new anonymous session.
      else expect(lost.changes + lost.sessions).toBeGreaterThan(0);
      expect(said.faults.filter((fault) => fault.includes("CROSSSLOT"))).toEqual([]);

      // The old primary comes back as a replica; the same clients go on, and none gets READONLY.
      await victim.restart();
      cluster.replaceSoon();
      await cluster.whole();
      const patient = connected.map(({ client }) =>
        redisStore({ client, prefix, wait: { for: wait, timeout: patiently.timeout } }),
      );
      for (let n = 0; n < 200; n++) {
        const store = patient[n % 3] as Store;
        const [id, created] = [freshId(), record({ userId: `u${n}` })];
        expect(await store.create(id, created, call())).toBe(true);
        expect(await store.update(id, record(), created.version, call())).toBe("saved");
      }
      await Promise.all(connected.map(({ close }) => close()));
    }, 120_000);
  }
});

/** The last answer about each session. After a fault the state of a session is unknown, and it is left out. */
class Said {
  readonly sessions = new Map<StoreId, number | "deleted" | "moved">();
  readonly faults: string[] = [];
  acknowledged = 0;

  of(id: StoreId, what: number | "deleted" | "moved"): void {
    this.sessions.set(id, what);
    this.acknowledged++;
  }
}

/** A visit: a session, some changes, and often a login and a logout. */
async function visit(store: Store, said: Said): Promise<void> {
  let id = freshId();
  let last = record();
  const ids = [id];
  try {
    if (await store.create(id, last, call(2500))) said.of(id, last.version);
    for (let n = 0; n < 4; n++) {
      const next = record();
      if ((await store.update(id, next, last.version, call(2500))) !== "saved") return;
      said.of(id, next.version);
      last = next;
      await sleep(Math.random() * 10);
    }
    if (Math.random() < 0.6) {
      const to = freshId();
      ids.push(to);
      const next = record({ userId: `user ${Math.floor(Math.random() * 10)}` });
      if ((await store.rotate(id, to, next, last.version, call(2500))) !== "saved") return;
      said.of(id, "moved");
      said.of(to, next.version);
      id = to;
    }
    if (Math.random() < 0.5) {
      await store.delete(id, call(2500));
      said.of(id, "deleted");
    }
  } catch (error) {
    said.faults.push(String(error));
    for (const unknown of ids) {
      if (said.sessions.get(unknown) !== "moved") said.sessions.delete(unknown);
    }
  }
}
