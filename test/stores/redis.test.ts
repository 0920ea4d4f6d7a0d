import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { createSessions, type StoreCall, type StoredRecord, type StoreId } from "coatcheck";
import { type RedisClient, type RedisStoreOptions, redisStore } from "coatcheck/redis";
import { testStore } from "coatcheck/testing";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { abortUnderWay } from "../instruments/abort-under-way.ts";
import { refused, sending, watched } from "../instruments/redis-watched.ts";
import { wire } from "../instruments/wire.ts";
import { redis } from "../servers/redis.ts";
import { type Connected, singles } from "../servers/redis-clients.ts";
import { cli, startNode } from "../servers/redis-nodes.ts";
import type { Server } from "../servers/server.ts";
import { describeWithServer } from "../servers/suite.ts";

type Five = [StoreId, StoreId, StoreId, StoreId, StoreId];
const HOUR = 3_600_000;
let made = 0;
const freshPrefix = () => `t${process.pid}-${++made}:`;

const version = () => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
const call = (milliseconds = 5000): StoreCall => ({
  signal: AbortSignal.timeout(milliseconds),
  now: Date.now(),
});
function freshId(): StoreId {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;
}
function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + HOUR, expiry: null };
  return { data: '{"n":1}', version: version(), userId: null, ...times, format: 1, ...changes };
}

describeWithServer(redis, (server) => {
  for (const [library, open] of Object.entries(singles)) {
    describe(library, () => {
      let here: Connected;
      let elsewhere: Connected;
      beforeAll(async () => {
        here = await open(server());
        elsewhere = await open(server());
      });
      afterAll(() => Promise.all([here?.close(), elsewhere?.close()]));

      testStore(
        library,
        () => {
          const prefix = freshPrefix();
          return {
            store: redisStore({ client: here.client, prefix }),
            elsewhere: redisStore({ client: elsewhere.client, prefix }),
            peek: (id) => here.get(`${prefix}s:{${id}}`),
          };
        },
        { describe, it, without: ["clearExpired"] },
      );

      test("the fault of a call names no session and shows nothing of its data, whatever the client adds to its errors", async () => {
        const prefix = freshPrefix();
        const store = redisStore({ client: here.client, prefix, wait: "all" });
        const id = freshId();
        cli(server(), "hset", `${prefix}s:{${id}}`, "a", "b");
        const secret = record({ data: '{"secret":1}' });
        for (const work of [() => store.read(id, call()), () => store.create(id, secret, call())]) {
          const fault = inspect(await work().catch((error) => error), { depth: null, showHidden: true });
          expect(fault).toContain("WRONGTYPE");
          expect(fault).not.toMatch(new RegExp(`${id}|secret`));
        }
      });

      // Reports: robinfehr/sessionstore#49.
      test("goes on when the server forgets its scripts", async () => {
        const store = redisStore({ client: here.client, prefix: freshPrefix() });
        const id = freshId();
        const first = record({ userId: "ann" });
        const forget = () => cli(server(), "script", "flush");
        forget();
        expect(await store.create(id, first, call())).toBe(true);
        forget();
        const second = record({ userId: "ann" });
        expect(await store.update(id, second, first.version, call())).toBe("saved");
        forget();
        const next = freshId();
        expect(await store.rotate(id, next, record({ userId: "ann" }), second.version, call())).toBe("saved");
        forget();
        await Promise.all([store.delete(next, call()), store.delete(freshId(), call())]);
        expect(await store.listUser("ann", call())).toEqual([]);
      });
    });
  }

  describe("with a client that is watched", () => {
    let node: Connected;
    beforeAll(async () => {
      node = await (singles["node-redis"] as (typeof singles)[string])(server());
    });
    afterAll(() => node?.close());

    test("a read is GET, and each write one script; only the entry of another user costs one more", async () => {
      const sent: string[] = [];
      const store = redisStore({
        client: watched(node.client, ([name = ""]) => sent.push(name)),
        prefix: freshPrefix(),
      });
      const commands = async (work: Promise<unknown>) => {
        await work;
        return sent.splice(0).map((name) => (name === "eval" ? "evalsha" : name));
      };
      const warm = async () => {
        const [id, to, first] = [freshId(), freshId(), record()];
        await store.create(id, first, call());
        await store.update(id, first, first.version, call());
        await store.touch(id, first.expiresAt + 1, first.version, call());
        await store.rotate(id, to, record({ userId: "ann" }), first.version, call());
        await store.delete(to, call());
        sent.length = 0;
      };
      await warm();
      const [id, to, third, fourth, last] = Array.from({ length: 5 }, freshId) as Five;
      const [first, next] = [record(), record()];
      expect(await commands(store.create(id, first, call()))).toEqual(["evalsha"]);
      expect(await commands(store.read(id, call()))).toEqual(["get"]);
      expect(await commands(store.update(id, next, first.version, call()))).toEqual(["evalsha"]);
      expect(await commands(store.touch(id, next.expiresAt + 1, next.version, call()))).toEqual(["evalsha"]);
      const plain = record();
      expect(await commands(store.rotate(id, to, plain, next.version, call()))).toEqual(["evalsha"]);
      const signedIn = record({ userId: "ann" });
      expect(await commands(store.rotate(to, third, signedIn, plain.version, call()))).toEqual(["evalsha"]);
      const again = record({ userId: "ann" });
      expect(await commands(store.rotate(third, fourth, again, signedIn.version, call()))).toEqual([
        "evalsha",
      ]);
      expect(await store.listUser("ann", call())).toContain(fourth);
      expect(await store.listUser("ann", call())).not.toContain(third);
      sent.length = 0;
      const other = record({ userId: "bob" });
      expect(await commands(store.rotate(fourth, last, other, again.version, call()))).toEqual([
        "evalsha",
        "zrem",
      ]);
      expect(await store.listUser("ann", call())).not.toContain(fourth);
      expect(await store.listUser("bob", call())).toEqual([last]);
      sent.length = 0;
      expect(await commands(store.delete(last, call()))).toEqual(["evalsha", "zrem"]);
      const user = freshId();
      const created = record({ userId: "ann" });
      expect(await commands(store.create(user, created, call()))).toEqual(["evalsha"]);
      const later = record({ userId: "ann", expiresAt: Date.now() + HOUR + 60_000 });
      expect(await commands(store.update(user, later, created.version, call()))).toEqual(["evalsha"]);
    });

    // A rotation to a user is one command. In steps it is two commands at once (index entry, pending record), then one, then two at once.
    const ways = {
      "at once": { through: (client: RedisClient) => client, longest: 2, atLeast: 1 },
      "in steps": { through: refused, longest: 6, atLeast: 2 },
    };
    const cuts = Object.entries(ways).flatMap(([how, way]) =>
      [false, true].map((lost) => ({ how: lost ? `${how}, its answer lost,` : how, lost, ...way })),
    );
    for (const { how, lost, through, longest, atLeast } of cuts) {
      test(`a rotation ${how} cut short after any command leaves one session, and a logout ends it`, async () => {
        const left = { old: 0, new: 0 };
        for (let commands = 0; commands <= longest; commands++) {
          const prefix = freshPrefix();
          const healthy = redisStore({ client: node.client, prefix });
          const [from, to, before] = [freshId(), freshId(), record()];
          const after = record({ userId: "ann", data: '{"n":2}' });
          await healthy.create(from, before, call());

          const crash = new AbortController();
          let sent = 0;
          const cut = () => {
            if (sent < commands) return;
            crash.abort(new Error("crashed"));
            throw crash.signal.reason;
          };
          const look = () => {
            cut();
            sent++;
          };
          const dying = watched(node.client, look, lost ? cut : undefined);
          const dead = redisStore({ client: through(dying), prefix });
          const now = Date.now();
          await dead.rotate(from, to, after, before.version, { signal: crash.signal, now }).catch(() => {});
          await node.get("nothing"); // Goes by the same connection, so all that was sent before is carried out.

          const found = [await healthy.read(from, call()), await healthy.read(to, call())];
          const isOld = typeof found[0] === "object" && found[0] !== null;
          expect(found, `after ${commands} commands`).toEqual(isOld ? [before, null] : ["moved", after]);
          if (!isOld) expect(await healthy.listUser("ann", call())).toEqual([to]);
          left[isOld ? "old" : "new"]++;

          const moved = await healthy.delete(from, call());
          if (moved) await healthy.delete(moved.movedTo, call());
          for (const id of [from, to]) {
            const gone = await healthy.read(id, call());
            expect([null, "moved"], `deleted after ${commands} commands`).toContainEqual(gone);
            expect(await healthy.update(id, record(), after.version, call())).not.toBe("saved");
            expect(await healthy.touch(id, Date.now() + 2 * HOUR, after.version, call())).toBe(false);
          }
        }
        expect(Math.min(left.old, left.new)).toBeGreaterThanOrEqual(atLeast);
      });
    }

    test("a rotation that was finished leaves a record with its full life, and nothing to settle", async () => {
      const prefix = freshPrefix();
      const store = redisStore({ client: node.client, prefix });
      const [from, to, first] = [freshId(), freshId(), record()];
      await store.create(from, first, call());
      expect(await store.rotate(from, to, record(), first.version, call())).toBe("saved");
      expect(await node.get(`${prefix}s:{${to}}`)).toMatch(/^r /);
      expect(Number(cli(server(), "pttl", `${prefix}s:{${to}}`))).toBeGreaterThan(HOUR - 10_000);
      expect(Number(cli(server(), "pttl", `${prefix}s:{${from}}`))).toBeLessThanOrEqual(60_000);
    });

    test("nothing is kept for ever: every key has an end, also after touches and updates", async () => {
      const prefix = freshPrefix();
      const store = redisStore({ client: node.client, prefix });
      for (const userId of ["ann", null]) {
        const [id, to, first] = [freshId(), freshId(), record({ userId })];
        const next = record({ userId });
        await store.create(id, first, call());
        await store.touch(id, first.expiresAt + HOUR, first.version, call());
        await store.update(id, next, first.version, call());
        await store.rotate(id, to, next, next.version, call());
        expect(await store.touch(to, first.expiresAt + 9 * HOUR, next.version, call())).toBe(true);
      }
      const keys = cli(server(), "keys", `${prefix}*`).trim().split("\n");
      expect(keys.length).toBe(5);
      for (const key of keys) expect(Number(cli(server(), "pttl", key)), key).toBeGreaterThan(0);
      const lives = keys.filter((key) => Number(cli(server(), "pttl", key)) > 9 * HOUR);
      expect(lives.length, "both sessions and the index live as long as the last touch said").toBe(3);
    });

    test("a pending record is nothing, to nobody, and goes by itself", async () => {
      const prefix = freshPrefix();
      const healthy = redisStore({ client: node.client, prefix });
      const [from, to, before] = [freshId(), freshId(), record()];
      await healthy.create(from, before, call());
      const crash = new AbortController();
      const client = watched(node.client, (command) => {
        if (!command.some((part) => part.startsWith("m "))) return;
        crash.abort(new Error("crashed"));
        throw crash.signal.reason;
      });
      const after = record();
      const dying = redisStore({ client: refused(client), prefix });
      await dying
        .rotate(from, to, after, before.version, { signal: crash.signal, now: Date.now() })
        .catch(() => {});
      expect(await node.get(`${prefix}s:{${to}}`)).toMatch(/^p /);
      expect(Number(cli(server(), "pttl", `${prefix}s:{${to}}`))).toBeLessThanOrEqual(120_000);
      expect(await healthy.read(to, call())).toBe(null);
      expect(await healthy.update(to, record(), after.version, call())).toBe("gone");
      expect(await healthy.touch(to, Date.now() + 2 * HOUR, after.version, call())).toBe(false);
      expect(await healthy.rotate(to, freshId(), record(), after.version, call())).toBe("gone");
      expect(await healthy.stats(call())).toMatchObject({ live: 1 });
      expect(await healthy.read(from, call())).toEqual(before);
    });

    test("a rotation that was decided and not finished is finished by the next one", async () => {
      const prefix = freshPrefix();
      for (const through of [node.client, refused(node.client)]) {
        const store = redisStore({ client: through, prefix });
        const [from, to, last, before] = [freshId(), freshId(), freshId(), record()];
        await store.create(from, before, call());
        const crash = new AbortController();
        let isDecided = false;
        const client = watched(node.client, (command) => {
          const decides = command.some((part) => part.startsWith("m "));
          if (isDecided && !decides) {
            crash.abort(new Error("crashed"));
            throw crash.signal.reason;
          }
          isDecided ||= decides;
        });
        const dying = redisStore({ client: refused(client), prefix });
        const after = record();
        const { now } = call();
        await dying.rotate(from, to, after, before.version, { signal: crash.signal, now }).catch(() => {});
        expect(await node.get(`${prefix}s:{${to}}`)).toMatch(/^p /);
        const next = record({ userId: "ann" });
        expect(await store.rotate(to, last, next, after.version, call())).toBe("saved");
        expect([await store.read(to, call()), await store.read(last, call())]).toEqual(["moved", next]);
      }
    });

    test("a command that the client repeats after its answer was lost says the same again", async () => {
      const prefix = freshPrefix();
      const twice = sending(node.client, (send) => async (command, options) => {
        await send(command, options);
        return await send(command, options);
      });
      for (const client of [twice, refused(twice)]) {
        const store = redisStore({ client, prefix });
        const [id, to, first, second, third] = [freshId(), freshId(), record(), record(), record()];
        expect(await store.create(id, first, call())).toBe(true);
        expect(await store.update(id, second, first.version, call())).toBe("saved");
        expect(await store.rotate(id, to, third, second.version, call())).toBe("saved");
        expect(await store.touch(to, third.expiresAt + 1000, third.version, call())).toBe(true);
        expect(await store.read(to, call())).toEqual({ ...third, expiresAt: third.expiresAt + 1000 });
        expect(await store.delete(to, call())).toBe(undefined);
        expect(await store.read(to, call())).toBe(null);
      }
    });

    test("a command that is repeated writes again, so that WAIT on a new connection has something to wait for", async () => {
      const store = redisStore({ client: node.client, prefix: freshPrefix() });
      const changes = () => Number(/rdb_changes_since_last_save:(\d+)/.exec(cli(server(), "info"))?.[1]);
      const [id, to, first, second, third] = [freshId(), freshId(), record(), record(), record()];
      await store.create(id, first, call());
      const twice: Record<string, () => Promise<unknown>> = {
        update: () => store.update(id, second, first.version, call()),
        touch: () => store.touch(id, second.expiresAt + 9, second.version, call()),
        rotate: () => store.rotate(id, to, third, second.version, call()),
        delete: () => store.delete(to, call()),
      };
      for (const [verb, run] of Object.entries(twice)) {
        await run();
        const before = changes();
        await run();
        expect(changes(), verb).toBeGreaterThan(before);
      }
    });

    test("an update whose answer was lost was saved, even when another has built on it since", async () => {
      const prefix = freshPrefix();
      const store = redisStore({ client: node.client, prefix });
      const [id, first, mine, theirs] = [freshId(), record(), record(), record()];
      await store.create(id, first, call());
      expect(await store.update(id, mine, first.version, call())).toBe("saved");
      expect(await store.update(id, theirs, mine.version, call())).toBe("saved");
      expect(await store.update(id, mine, first.version, call())).toBe("saved");
      expect(await store.read(id, call())).toEqual(theirs);
    });
  });

  test("counts and lists in short steps, however many sessions there are", async () => {
    const client = new Redis({ port: server().port });
    const sent: string[][] = [];
    const call0 = client.call.bind(client);
    client.call = ((...command: string[]) => {
      sent.push(command);
      return call0(...(command as [string]));
    }) as typeof client.call;
    const store = redisStore({ client, prefix: freshPrefix() });
    const now = Date.now();
    const created: StoreId[] = [];
    for (let n = 0; n < 50; n++) {
      const ids = Array.from({ length: 60 }, freshId);
      // Many end at the same moment, as after a login by single sign-on.
      const expiresAt = now + HOUR + (n < 40 ? 0 : n);
      await Promise.all(
        ids.map((id) => store.create(id, record({ userId: "ann", createdAt: n + 1, expiresAt }), call())),
      );
      created.push(...ids);
    }
    for (let n = 0; n < 100; n++) await store.create(freshId(), record(), call());
    sent.length = 0;
    let steps = 0;
    expect(await store.stats({ ...call(), onStep: () => void steps++ })).toMatchObject({
      live: 3100,
      authenticated: 3000,
      oldest: 1,
    });
    expect(steps).toBeGreaterThan(3);
    expect(sent.length, "commands").toBeLessThan(150);
    expect(Math.max(...sent.map(({ length }) => length)), "keys of one command").toBeLessThan(1100);
    sent.length = 0;
    const listed = await store.listUser("ann", call());
    expect(listed).toHaveLength(3000);
    expect(new Set(listed)).toEqual(new Set(created));
    expect(sent.length).toBeGreaterThan(2);
    client.disconnect();
  });

  test("both libraries on one data: what one writes the other reads, and of two that race one wins", async () => {
    const prefix = freshPrefix();
    const all = await Promise.all(Object.values(singles).map((open) => open(server())));
    const stores = all.map(({ client }) => redisStore({ client, prefix }));
    const pick = (n: number) => stores[n % stores.length] as (typeof stores)[number];
    const id = freshId();
    await pick(0).create(id, record({ data: "0" }), call());
    const raise = async (n: number) => {
      for (;;) {
        const found = await pick(n).read(id, call());
        if (found === null || found === "moved") throw new Error("it is there");
        const next = { ...found, data: String(Number(found.data) + 1), version: version() };
        if ((await pick(n).update(id, next, found.version, call())) === "saved") return;
        await sleep(Math.random() * 20);
      }
    };
    await Promise.all(Array.from({ length: 60 }, (_, n) => raise(n)));
    for (const n of stores.keys()) expect(await pick(n).read(id, call())).toMatchObject({ data: "60" });

    for (let round = 0; round < 20; round++) {
      const [from, before] = [freshId(), record()];
      await pick(round).create(from, before, call());
      const targets = stores.map(() => freshId());
      const work = stores.map((store, n) =>
        n === round % 3
          ? store.delete(from, call())
          : store.rotate(from, targets[n] as StoreId, record(), before.version, call()),
      );
      await Promise.all(work);
      const live = [];
      for (const to of [from, ...targets]) {
        const found = await pick(round + 1).read(to, call());
        if (found !== null && found !== "moved") live.push(to);
      }
      expect(live.length, "sessions that live after a logout and two key changes at once").toBeLessThan(2);
    }
    await Promise.all(all.map((connected) => connected.close()));
  });

  test("the Redis clock decides nothing: sessions of another century live, and expire by `now`", async () => {
    const client = new Redis({ port: server().port });
    const store = redisStore({ client, prefix: freshPrefix() });
    for (const now of [Date.UTC(1999, 0), Date.UTC(2100, 0)]) {
      const at = (moment: number) => ({ signal: AbortSignal.timeout(5000), now: moment });
      const [id, kept] = [freshId(), record({ createdAt: now, expiresAt: now + HOUR })];
      expect(await store.create(id, kept, at(now))).toBe(true);
      expect(await store.read(id, at(now + HOUR - 1))).toEqual(kept);
      expect(await store.read(id, at(now + HOUR))).toBe(null);
    }
    client.disconnect();
  });

  // Reports: CVE-2011-4136.
  test("a key that another program wrote is a fault, and is left alone", async () => {
    const client = new Redis({ port: server().port });
    const prefix = freshPrefix();
    const store = redisStore({ client, prefix });
    const [id, hash] = [freshId(), freshId()];
    await client.set(`${prefix}s:{${id}}`, '{"cookie":{}}');
    await client.hset(`${prefix}s:{${hash}}`, "a", "b");
    await expect(store.read(id, call())).rejects.toThrow("another program uses the same prefix");
    await expect(store.read(hash, call())).rejects.toThrow("WRONGTYPE");
    client.disconnect();
  });

  // Reports: tj/connect-redis#50.
  test("the keyPrefix of ioredis is put before the store's own, in stats too", async () => {
    const client = new Redis({ port: server().port, keyPrefix: `${freshPrefix()}[site]*` });
    const store = redisStore({ client, prefix: "sessions?" });
    const [id, kept] = [freshId(), record({ userId: "ann" })];
    expect(await store.create(id, kept, call())).toBe(true);
    expect(await store.read(id, call())).toEqual(kept);
    expect(await store.listUser("ann", call())).toEqual([id]);
    expect(await store.stats(call())).toMatchObject({ live: 1, authenticated: 1, oldest: kept.createdAt });
    const [to, moved] = [freshId(), record({ userId: "ann" })];
    expect(await store.rotate(id, to, moved, kept.version, call())).toBe("saved");
    expect([await store.read(id, call()), await store.read(to, call())]).toEqual(["moved", moved]);
    expect(await store.listUser("ann", call())).toEqual([to]);
    client.disconnect();
  });

  test("a node-redis client that nobody connected, or that was closed, is named in the fault", async () => {
    const client = createClient({ url: server().url });
    const store = redisStore({ client, prefix: freshPrefix() });
    await expect(store.read(freshId(), call())).rejects.toThrow("await client.connect()");
    await client.connect();
    expect(await store.read(freshId(), call())).toBe(null);
    await client.close();
    await expect(store.check(call())).rejects.toThrow("not open");
  });
});

test("options that cannot work are refused when the store is made", () => {
  const client = new Redis({ lazyConnect: true });
  const made = (options: object) => () => redisStore({ client, ...options } as RedisStoreOptions);
  expect(made({ client: {} })).toThrow("node-redis");
  expect(made({ client: undefined })).toThrow("ioredis");
  expect(made({ prefix: "{sessions}:" })).toThrow("prefix");
  expect(made({ wait: "always" })).toThrow("wait");
  expect(made({ wait: { for: "all", replicas: 0 } })).toThrow("wait.replicas");
  expect(made({ wait: { for: "all", timeout: 0 } })).toThrow("wait.timeout");
  client.disconnect();
});

describe("unplugged", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startNode("redis-unplugged");
  }, 900_000);
  afterAll(() => server?.stop());

  for (const [library, open] of Object.entries(singles)) {
    test(`${library}: a server that is killed, hung or restarted costs a fault in time, and no restart of ours`, async () => {
      const { client, close } = await open(server);
      const store = redisStore({ client, prefix: freshPrefix() });
      const [id, kept] = [freshId(), record()];
      await store.create(id, kept, call());

      const rejectsInTime = async (what: string) => {
        const ends = await abortUnderWay((call) => [
          store.read(id, call),
          store.update(id, kept, kept.version, call),
          store.rotate(id, freshId(), kept, kept.version, call),
          store.delete(freshId(), call),
        ]);
        for (const end of ends) expect(end, what).toBeInstanceOf(Error);
      };

      await server.pause();
      await rejectsInTime("hung");
      await server.resume();
      await expect.poll(() => store.read(id, call())).not.toBe(null);

      // A new session: the server that hung carries out, when it goes on, what it was asked before.
      const [second, record2] = [freshId(), record()];
      await store.create(second, record2, call());
      const during = Promise.allSettled(Array.from({ length: 20 }, () => store.read(second, call(3000))));
      await server.kill();
      await rejectsInTime("killed");
      await server.restart();
      for (const outcome of await during) {
        expect(outcome.status === "rejected" || outcome.value !== null, "absent is not said").toBe(true);
      }
      expect(await store.read(second, call())).toEqual(record2);
      const next = record();
      expect(await store.update(second, next, record2.version, call())).toBe("saved");
      await close();
    });
  }

  for (const [library, open] of Object.entries(singles)) {
    test(`${library}: a session that is too large for the server costs none of those that are written beside it`, async () => {
      // Redis ends the connection at such a value, and with it all that was sent behind it.
      cli(server, "config", "set", "proto-max-bulk-len", "1mb");
      const { client, close } = await open(server);
      const sessions = createSessions({ store: redisStore({ client, prefix: freshPrefix() }) });
      const cookies: string[] = [];
      for (let n = 0; n < 20; n++) {
        const session = await sessions.open(null, { secure: false });
        session.set("n", n);
        await sessions.commit(session, { status: 200 });
        cookies.push(`sessionid=${session.key}`);
      }
      const opened = await Promise.all(cookies.map((cookie) => sessions.open(cookie, { secure: false })));
      for (const [n, session] of opened.entries()) session.set("data", n === 7 ? "x".repeat(3_000_000) : "x");
      const commits = opened.map((session) => sessions.commit(session, { status: 200 }));
      const refused = (await Promise.allSettled(commits)).flatMap(({ status }, n) =>
        status === "rejected" ? [n] : [],
      );
      expect(refused).toEqual([7]);
      for (const [n, cookie] of cookies.entries()) {
        const session = await sessions.open(cookie, { secure: false });
        expect(session.toObject()).toEqual(n === 7 ? { n } : { n, data: "x" });
      }
      await close();
      cli(server, "config", "set", "proto-max-bulk-len", "512mb");
    });
  }

  test("node-redis: what could not be sent while its caller waited is not sent later", async () => {
    const line = await wire(server.port);
    const { client, close } = await (singles["node-redis"] as (typeof singles)[string])(line);
    const store = redisStore({ client, prefix: freshPrefix() });
    const [id, first, kept] = [freshId(), record(), record()];
    await store.create(id, first, call());
    await store.update(id, kept, first.version, call()); // the server knows the scripts
    line.cut();
    await sleep(50);
    await expect(store.update(id, record(), kept.version, call(150))).rejects.toThrow();
    line.mend();
    await sleep(300);
    expect(await store.read(id, call())).toEqual(kept);
    expect(await store.update(id, record(), kept.version, call())).toBe("saved");
    await close();
    line.cut();
  });

  test("check refuses a server that can remove a user's index before the sessions in it, and only that", async () => {
    const client = new Redis({ port: server.port });
    const store = redisStore({ client });
    const lossy = [
      "allkeys-lru",
      "allkeys-lfu",
      "allkeys-random",
      "volatile-lru",
      "volatile-lfu",
      "volatile-random",
    ];
    for (const policy of ["noeviction", "volatile-ttl", ...lossy]) {
      cli(server, "config", "set", "maxmemory", "100mb", "maxmemory-policy", policy);
      if (!lossy.includes(policy)) await store.check(call());
      else await expect(store.check(call())).rejects.toThrow(`maxmemory-policy ${policy}`);
    }
    cli(server, "config", "set", "maxmemory", "0");
    await store.check(call());
    cli(server, "config", "set", "maxmemory-policy", "noeviction");
    const waiting = redisStore({ client, wait: "all" });
    await expect(waiting.check(call())).rejects.toThrow("asks for 1 replicas, and a primary has 0");
    client.disconnect();
  });

  test("with volatile-ttl a full server drops sessions, and every one that it keeps is in its user's list", async () => {
    const client = new Redis({ port: server.port });
    const store = redisStore({ client, prefix: freshPrefix() });
    const used = Number(/used_memory:(\d+)/.exec(cli(server, "info", "memory"))?.[1]);
    cli(server, "config", "set", "maxmemory", String(used + 3_000_000), "maxmemory-policy", "volatile-ttl");
    const owned = new Map<string, StoreId[]>();
    for (let n = 0; n < 2000; n++) {
      const [userId, id] = [`user ${n % 20}`, freshId()];
      await store.create(
        id,
        record({ userId, data: "x".repeat(2000), expiresAt: Date.now() + HOUR + n }),
        call(),
      );
      owned.set(userId, [...(owned.get(userId) ?? []), id]);
    }
    let dropped = 0;
    for (const [userId, ids] of owned) {
      const listed = await store.listUser(userId, call());
      for (const id of ids) {
        if ((await store.read(id, call())) === null) dropped++;
        else expect(listed).toContain(id);
      }
    }
    expect(dropped).toBeGreaterThan(100);
    cli(server, "flushall");
    cli(server, "config", "set", "maxmemory", "0", "maxmemory-policy", "noeviction");
    client.disconnect();
  });

  // Reports: colinmollenhour/Cm_Cache_Backend_Redis#155, medplum/medplum#7511.
  test("a server whose memory is full refuses what is new, and still lets users out", async () => {
    const client = new Redis({ port: server.port });
    const store = redisStore({ client, prefix: freshPrefix() });
    const [id, kept] = [freshId(), record({ userId: "ann" })];
    await store.create(id, kept, call());
    cli(server, "config", "set", "maxmemory", "1");
    for (const userId of ["ann", null]) {
      const other = record({ userId });
      await expect(store.create(freshId(), other, call())).rejects.toThrow("OOM");
      await expect(store.rotate(id, freshId(), other, kept.version, call())).rejects.toThrow("OOM");
    }
    expect(await store.listUser("ann", call())).toEqual([id]);
    expect(await store.read(id, call())).toEqual(kept);
    expect(await store.delete(freshId(), call())).toBe(undefined);
    expect(await store.delete(id, call())).toBe(undefined);
    expect(await store.read(id, call())).toBe(null);
    cli(server, "config", "set", "maxmemory", "0");
    client.disconnect();
  });
});
