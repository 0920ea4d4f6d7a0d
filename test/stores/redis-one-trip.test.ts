/** A login is one trip if all keys are on one server, and several steps if they are not. */
import { createSessions, type StoreCall, type StoredRecord, type StoreId } from "coatcheck";
import { type RedisStore, redisStore } from "coatcheck/redis";
import { testStore } from "coatcheck/testing";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { hasSeveralKeys, refusals, refused, sending, watched } from "../instruments/redis-watched.ts";
import { wire } from "../instruments/wire.ts";
import { redis } from "../servers/redis.ts";
import { type Connected, singles } from "../servers/redis-clients.ts";
import { cli, startNode, until } from "../servers/redis-nodes.ts";
import type { Server } from "../servers/server.ts";
import { missing } from "../servers/start.ts";
import { describeWithServer } from "../servers/suite.ts";

let made = 0;
const freshPrefix = () => `o${process.pid}-${++made}:`;

const call = (): StoreCall => ({ signal: AbortSignal.timeout(20_000), now: Date.now() });
function freshId(): StoreId {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;
}
function record(userId: string | null = null): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + 3_600_000, expiry: null };
  return { data: "{}", version: Math.floor(Math.random() * 2 ** 53), userId, ...times, format: 1 };
}

/** A login of a visitor with a session, and of one without: all that a login asks of a store. */
async function logins(store: RedisStore): Promise<void> {
  const [id, to, before, after] = [freshId(), freshId(), record(), record("ann")];
  expect(await store.create(id, before, call())).toBe(true);
  expect(await store.rotate(id, to, after, before.version, call())).toBe("saved");
  expect([await store.read(id, call()), await store.read(to, call())]).toEqual(["moved", after]);
  const [fresh, signedIn] = [freshId(), record("ann")];
  expect(await store.create(fresh, signedIn, call())).toBe(true);
  expect(await store.read(fresh, call())).toEqual(signedIn);
  expect(new Set(await store.listUser("ann", call()))).toEqual(new Set([to, fresh]));
  for (const id of [to, fresh]) expect(await store.delete(id, call())).toBe(undefined);
  expect(await store.listUser("ann", call())).toEqual([]);
}

describeWithServer(redis, (server) => {
  for (const [library, open] of Object.entries(singles)) {
    test(`${library}: a login is two round trips, of a visitor without a session one`, async () => {
      const line = await wire(server().port);
      const { client, close } = await open(line);
      const sessions = createSessions({ store: redisStore({ client, prefix: freshPrefix() }) });
      const visit = async (cookie: string, signIn: boolean) => {
        const before = line.trips();
        const session = await sessions.open(cookie, { secure: false });
        if (signIn) session.login("ann");
        else session.set("seen", true);
        const headers = await sessions.commit(session, { status: 200 });
        const [set = ""] = headers.flatMap(([name, value]) => (name === "Set-Cookie" ? [value] : []));
        return { cookie: set.split(";")[0] as string, trips: line.trips() - before };
      };
      // The first call of each script sends the whole script.
      for (const isFirst of [true, false]) {
        const { cookie } = await visit("", false);
        const login = await visit(cookie, true);
        const again = await visit(login.cookie, true);
        const fresh = await visit("", true);
        if (!isFirst) expect([login.trips, again.trips, fresh.trips]).toEqual([2, 2, 1]);
      }
      await close();
      line.cut();
    });
  }

  describe("through a proxy before many servers", () => {
    let node: Connected;
    beforeAll(async () => {
      node = await (singles["node-redis"] as (typeof singles)[string])(server());
    });
    afterAll(() => node?.close());

    testStore(
      "that refuses scripts on several keys",
      () => {
        const prefix = freshPrefix();
        return {
          store: redisStore({ client: refused(node.client), prefix }),
          elsewhere: redisStore({ client: node.client, prefix }),
          peek: (id) => node.get(`${prefix}s:{${id}}`),
        };
      },
      { describe, it, without: ["clearExpired"] },
    );

    for (const words of refusals) {
      test(`that says "${words}": it is asked once, and in steps from then on`, async () => {
        let several = 0;
        const client = watched(refused(node.client, words), (command) => {
          if (hasSeveralKeys(command)) several++;
        });
        const store = redisStore({ client, prefix: freshPrefix() });
        await logins(store);
        await logins(store);
        expect(several).toBe(1);
        const [created, rotated] = [redisStore({ client, prefix: freshPrefix() }), record("ann")];
        expect(await created.create(freshId(), rotated, call())).toBe(true);
        expect(several, "another store asks for itself").toBe(2);
      });
    }

    test("what another answer refuses is not done in steps", async () => {
      const words = "NOPERM this user has no permissions to run the 'evalsha' command";
      const store = redisStore({ client: refused(node.client, words), prefix: freshPrefix() });
      await expect(store.create(freshId(), record("ann"), call())).rejects.toThrow("NOPERM");
      await expect(store.rotate(freshId(), freshId(), record(), 1, call())).rejects.toThrow("NOPERM");
    });

    test("that runs a script where its first key lies, and says nothing: a login finds that out", async () => {
      // Two servers: of one the keys have another prefix.
      const lies = (key: string) => [...key].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 2;
      const apart = sending(node.client, (send) => (command, options) => {
        const first = command[0]?.startsWith("eval") ? 3 : 1;
        const place = lies(command[first] as string);
        const keys = first === 3 ? Number(command[2]) : 1;
        const there = command.map((part, n) => (n >= first && n < first + keys ? `${place}:${part}` : part));
        return send(there, options);
      });
      const prefix = freshPrefix();
      const store = redisStore({ client: apart, prefix });
      const idAt = (place: number): StoreId => {
        const id = freshId();
        return lies(`${prefix}s:{${id}}`) === place ? id : idAt(place);
      };
      const user = lies(`${prefix}u:{ann}`);
      const [id, to, before, after] = [idAt(1 - user), idAt(1 - user), record(), record("ann")];
      expect(await store.create(id, before, call())).toBe(true);
      expect(await store.rotate(id, to, after, before.version, call())).toBe("saved");
      expect([await store.read(id, call()), await store.read(to, call())]).toEqual(["moved", after]);
      expect(await store.listUser("ann", call())).toEqual([to]);
      expect(await store.delete(to, call())).toBe(undefined);
      for (let n = 0; n < 10; n++) await logins(store);
    });
  });

  test("a rotation to an id that is taken is a fault, and changes nothing", async () => {
    const { client, close } = await (singles["node-redis"] as (typeof singles)[string])(server());
    for (const through of [client, refused(client)]) {
      const store = redisStore({ client: through, prefix: freshPrefix() });
      const [id, taken, mine, theirs] = [freshId(), freshId(), record(), record("bob")];
      await store.create(id, mine, call());
      await store.create(taken, theirs, call());
      await expect(store.rotate(id, taken, record("ann"), mine.version, call())).rejects.toThrow("taken");
      expect([await store.read(id, call()), await store.read(taken, call())]).toEqual([mine, theirs]);
    }
    await close();
  });
});

const why = missing(redis);

/** The proxy answers CROSSSLOT by itself, and never MOVED. */
describe.skipIf(why)(
  `on a Redis Cluster of one node, with clients that do not know it${why ? ` (${why})` : ""}`,
  () => {
    let server: Server;
    beforeAll(async () => {
      const settings = (port: number) => ({ "cluster-enabled": "yes", "cluster-port": `${port - 10_000}` });
      server = await startNode("redis-cluster-of-one", settings);
      cli(server, "cluster", "addslotsrange", "0", "16383");
      await until("the cluster is up", () => cli(server, "cluster", "info").includes("cluster_state:ok"));
    }, 900_000);
    afterAll(() => server?.stop());

    for (const [library, open] of Object.entries(singles)) {
      test(`${library}: logins go on in steps`, async () => {
        const { client, close } = await open(server);
        const store = redisStore({ client, prefix: freshPrefix() });
        await logins(store);
        await logins(store);
        const created = redisStore({ client, prefix: freshPrefix() });
        expect(await created.create(freshId(), record("bob"), call())).toBe(true);
        const refusals = () => /errorstat_CROSSSLOT:count=(\d+)/.exec(cli(server, "info", "errorstats"))?.[1];
        const before = refusals();
        expect(Number(before)).toBeGreaterThan(1);
        await logins(store);
        await logins(created);
        expect(refusals(), "it is not asked again").toBe(before);
        await close();
      });
    }
  },
);
