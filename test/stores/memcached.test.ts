import type { StoreCall, StoredRecord, StoreId } from "coatcheck";
import { type MemcachedClient, memcachedStore } from "coatcheck/memcached";
import { testStore } from "coatcheck/testing";
import { MemcacheClient } from "memcache-client";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { abortUnderWay } from "../instruments/abort-under-way.ts";
import { overhearWarnings } from "../instruments/overheard.ts";
import { ask } from "../servers/ask.ts";
import { memcached } from "../servers/memcached.ts";
import { describeWithServer } from "../servers/suite.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let made = 0;
const freshPrefix = () => `t${process.pid}-${++made}:`;
const newId = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;
const call = (milliseconds = 5000, now = Date.now()): StoreCall => ({
  signal: AbortSignal.timeout(milliseconds),
  now,
});
let versions = 0;
function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + HOUR, expiry: null };
  return { data: '{"n":1}', version: ++versions, userId: null, ...times, format: 1, ...changes };
}

describeWithServer(memcached, (server) => {
  const clients: MemcacheClient[] = [];
  const connect = () => {
    const client = new MemcacheClient({ server: `127.0.0.1:${server().port}`, cmdTimeout: 20_000 });
    clients.push(client);
    return client;
  };
  let here: MemcacheClient;
  let elsewhere: MemcacheClient;
  beforeAll(() => {
    here = connect();
    elsewhere = connect();
  });
  afterAll(() => {
    for (const client of clients) client.shutdown();
  });

  testStore(
    "memcached",
    () => {
      const prefix = freshPrefix();
      return {
        store: memcachedStore({ client: here, prefix }),
        elsewhere: memcachedStore({ client: elsewhere, prefix }),
        peek: async (id) => String((await here.get<string>(prefix + id))?.value ?? ""),
      };
    },
    { describe, it, without: ["clearExpired", "listUser", "stats"] },
  );

  /** The seconds until a key expires, by the server; -1 if it never does. */
  async function secondsLeft(key: string): Promise<number> {
    const said = (await ask(server().port, `mg ${key} t\r\n`, 30_000)).toString();
    return Number(/^HD t(-?\d+)/.exec(said)?.[1]);
  }

  test("tells the server how long each record has, in the unit that it takes", async () => {
    const prefix = freshPrefix();
    const store = memcachedStore({ client: here, prefix });
    const now = Date.now();
    for (const [life, least, most] of [
      [90_500, 91, 93],
      [29 * DAY, 29 * 86_400, 29 * 86_400 + 3],
      [31 * DAY, 31 * 86_400 - 2, 31 * 86_400 + 3],
      [365 * DAY, 365 * 86_400 - 2, 365 * 86_400 + 3],
      [Date.UTC(2200, 0) - now, -1, -1],
    ] as const) {
      const id = newId();
      await store.create(id, record({ expiresAt: now + life }), call(5000, now));
      const left = await secondsLeft(prefix + id);
      const passed = Math.ceil((Date.now() - now) / 1000);
      expect(left, `${life} ms`).toBeGreaterThanOrEqual(least < 0 ? least : least - passed);
      expect(left, `${life} ms`).toBeLessThanOrEqual(most);
      expect(await store.read(id, call(5000, now + life - 1))).toMatchObject({ expiresAt: now + life });
      expect(await store.read(id, call(5000, now + life))).toBe(null);
    }
    const [from, to, before] = [newId(), newId(), record()];
    await store.create(from, before, call());
    await store.rotate(from, to, record(), before.version, call());
    expect(await secondsLeft(prefix + from)).toBeGreaterThan(30);
    expect(await secondsLeft(prefix + to)).toBeGreaterThan(3500);
  });

  test("is really rid of what has expired, and of what was deleted", async () => {
    const prefix = freshPrefix();
    const store = memcachedStore({ client: here, prefix });
    const [short, long] = [newId(), newId()];
    await store.create(short, record({ expiresAt: Date.now() + 100 }), call());
    await store.create(long, record(), call());
    await store.delete(long, call());
    expect((await ask(server().port, `mg ${prefix}${long} t\r\n`, 30_000)).toString()).toBe("EN\r\n");
    const gone = async () => (await ask(server().port, `mg ${prefix}${short} t\r\n`, 30_000)).toString();
    await expect.poll(gone).toBe("EN\r\n");
  });

  // Reports: the limits of memcached: 1 MB for a value.
  test("refuses a session that is too large, by a sentence that says so, and keeps the one before", async () => {
    const store = memcachedStore({ client: here, prefix: freshPrefix() });
    const [id, kept] = [newId(), record()];
    const large = record({ data: JSON.stringify("x".repeat(1_100_000)) });
    await expect(store.create(newId(), large, call())).rejects.toThrow(
      /11000\d\d bytes is too large for memcached.*-I/s,
    );
    await store.create(id, kept, call());
    await expect(store.update(id, large, kept.version, call())).rejects.toThrow(/too large/);
    expect(await store.read(id, call())).toEqual(kept);
    await expect(store.rotate(id, newId(), large, kept.version, call())).rejects.toThrow(/too large/);
    expect(await store.read(id, call())).toEqual(kept);
    const most = record({ data: "x".repeat(1_000_000) });
    expect(await store.update(id, most, kept.version, call())).toBe("saved");
    expect(await store.read(id, call())).toEqual(most);
  });

  test("a session that is too large costs none of those that are written beside it", async () => {
    const store = memcachedStore({ client: here, prefix: freshPrefix() });
    const sessions = Array.from({ length: 20 }, () => [newId(), record()] as const);
    for (const [id, kept] of sessions) await store.create(id, kept, call());
    const large = JSON.stringify("x".repeat(1_100_000));
    const writes = sessions.map(([id, { version }], n) =>
      store.update(id, record(n === 7 ? { data: large } : {}), version, call()),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.map(({ status }) => status)).toEqual(
      sessions.map((_, n) => (n === 7 ? "rejected" : "fulfilled")),
    );
  });

  /** Wraps the client: calls `before` with each command that is sent, and `after` when its answer has come. */
  function watched(before: (word: string, key: string) => unknown, after: () => void = () => {}) {
    const watch =
      (word: "gets" | "add" | "cas") =>
      async (key: string, ...rest: unknown[]) => {
        await before(word, key);
        try {
          return await (here[word] as (...given: unknown[]) => Promise<unknown>)(key, ...rest);
        } finally {
          after();
        }
      };
    const client = {
      gets: watch("gets"),
      add: watch("add"),
      cas: watch("cas"),
      cmd: (line: string) => here.cmd(line),
    };
    return client as MemcachedClient;
  }

  test("a read is one command, and a write two", async () => {
    const sent: string[] = [];
    const store = memcachedStore({ client: watched((word) => sent.push(word)), prefix: freshPrefix() });
    const [id, first, next] = [newId(), record(), record()];
    const words = async (work: Promise<unknown>) => {
      await work;
      return sent.splice(0).join(" ");
    };
    expect(await words(store.create(id, first, call()))).toBe("add");
    expect(await words(store.read(id, call()))).toBe("gets");
    expect(await words(store.update(id, next, first.version, call()))).toBe("gets cas");
    expect(await words(store.touch(id, next.expiresAt + 1, next.version, call()))).toBe("gets cas");
    expect(await words(store.rotate(id, newId(), record(), next.version, call()))).toBe(
      "add gets cas gets cas",
    );
  });

  for (const lost of [false, true]) {
    test(`a rotation cut short after any command${lost ? ", its answer lost," : ""} leaves one session, and a logout ends it`, async () => {
      const left = { old: 0, new: 0 };
      for (let commands = 0; commands <= 5; commands++) {
        const prefix = freshPrefix();
        const healthy = memcachedStore({ client: here, prefix });
        const [from, to, before] = [newId(), newId(), record()];
        const after = record({ userId: "ann", data: '{"n":2}' });
        await healthy.create(from, before, call());
        let sent = 0;
        const cut = () => {
          if (sent >= commands) throw new Error("crashed");
        };
        const dying = watched(
          () => {
            cut();
            sent++;
          },
          lost ? cut : undefined,
        );
        await memcachedStore({ client: dying, prefix })
          .rotate(from, to, after, before.version, call())
          .catch(() => {});
        const found = [await healthy.read(from, call()), await healthy.read(to, call())];
        const isOld = typeof found[0] === "object" && found[0] !== null;
        expect(found, `after ${commands} commands`).toEqual(isOld ? [before, null] : ["moved", after]);
        left[isOld ? "old" : "new"]++;

        const moved = await healthy.delete(from, call());
        if (moved) await healthy.delete(moved.movedTo, call());
        for (const id of [from, to]) {
          expect([null, "moved"], `deleted after ${commands} commands`).toContainEqual(
            await healthy.read(id, call()),
          );
          expect(await healthy.update(id, record(), after.version, call())).not.toBe("saved");
          expect(await healthy.touch(id, Date.now() + 2 * HOUR, after.version, call())).toBe(false);
        }
      }
      expect(Math.min(left.old, left.new)).toBeGreaterThan(1);
    });
  }

  test("a rotation that is asked for again, its answer lost, says where the session is", async () => {
    const store = memcachedStore({ client: here, prefix: freshPrefix() });
    const [from, to, before, after] = [newId(), newId(), record(), record()];
    await store.create(from, before, call());
    expect(await store.rotate(from, to, after, before.version, call())).toBe("saved");
    expect(await store.rotate(from, to, after, before.version, call())).toEqual({ movedTo: to });
    expect(await store.read(to, call())).toEqual(after);
    const [other, kept] = [newId(), record()];
    await store.create(other, kept, call());
    await expect(store.rotate(other, to, record(), kept.version, call())).rejects.toThrow(
      /an id that is taken/,
    );
    expect(await store.read(other, call())).toEqual(kept);
    expect(await store.read(to, call())).toEqual(after);
  });

  test("a pending record is nothing, to nobody, and goes by itself", async () => {
    const prefix = freshPrefix();
    const healthy = memcachedStore({ client: here, prefix });
    const [from, to, before, after] = [newId(), newId(), record(), record()];
    await healthy.create(from, before, call());
    const dying = watched((word) => {
      if (word === "cas") throw new Error("crashed");
    });
    await memcachedStore({ client: dying, prefix })
      .rotate(from, to, after, before.version, call())
      .catch(() => {});
    expect(await secondsLeft(prefix + to)).toBeLessThanOrEqual(121);
    expect(await healthy.read(to, call())).toBe(null);
    expect(await healthy.update(to, record(), after.version, call())).toBe("gone");
    expect(await healthy.touch(to, Date.now() + 2 * HOUR, after.version, call())).toBe(false);
    expect(await healthy.rotate(to, newId(), record(), after.version, call())).toBe("gone");
    expect(await healthy.delete(to, call())).toBe(undefined);
    expect(await healthy.read(from, call())).toEqual(before);
  });

  test("a rotation that comes between the two commands of a logout does not outlive it", async () => {
    const prefix = freshPrefix();
    const healthy = memcachedStore({ client: here, prefix });
    const [from, to, before] = [newId(), newId(), record()];
    await healthy.create(from, before, call());
    let once = true;
    const slow = watched(async (word) => {
      if (word !== "cas" || !once) return;
      once = false;
      expect(await healthy.rotate(from, to, record(), before.version, call())).toBe("saved");
    });
    expect(await memcachedStore({ client: slow, prefix }).delete(from, call())).toEqual({ movedTo: to });
    expect(await healthy.read(from, call())).toBe("moved");
  });

  // Reports: CVE-2011-4136.
  test("a key that another program wrote is a fault, and is left alone", async () => {
    const prefix = freshPrefix();
    const store = memcachedStore({ client: here, prefix });
    for (const value of ['{"cookie":{}}', "r", "m 1 2", "x [1]\ny", ""]) {
      const id = newId();
      await here.set(prefix + id, value, { lifetime: 60 });
      await expect(store.read(id, call()), value).rejects.toThrow("another program uses the same prefix");
      await expect(store.delete(id, call()), value).rejects.toThrow("another program uses the same prefix");
    }
  });

  test("refuses options that cannot work, saying what they take", () => {
    for (const prefix of ["a b", "ü", "x".repeat(187), "\n"])
      expect(() => memcachedStore({ client: here, prefix })).toThrow(
        /prefix takes at most 186 visible ASCII/,
      );
    for (const client of [null, {}, { get() {} }])
      expect(() => memcachedStore({ client: client as never })).toThrow(
        /a MemcacheClient of memcache-client/,
      );
  });

  test("warns at check when the server has thrown sessions out", async () => {
    const store = memcachedStore({ client: here, prefix: freshPrefix() });
    const warnings = await overhearWarnings();
    await store.check(call());
    expect(await warnings()).toEqual([]);
    const full = { ...watched(() => {}), cmd: async () => ({ STAT: [["evictions", "12"]] }) };
    await memcachedStore({ client: full }).check(call());
    expect(await warnings()).toHaveLength(1);
  });

  describe("unplugged", () => {
    test("hangs: calls keep their deadline, and it works again", async () => {
      const store = memcachedStore({ client: connect(), prefix: freshPrefix() });
      const [id, kept] = [newId(), record()];
      await store.create(id, kept, call());
      await server().pause();
      const ends = await abortUnderWay((call) => [
        store.read(id, call),
        store.update(id, record(), kept.version, call),
      ]);
      for (const end of ends) expect(end).toBeInstanceOf(Error);
      await server().resume();
      const found = () => store.read(id, call()).catch(String);
      await expect.poll(found).toEqual(kept);
    });

    test("is down: calls reject, none says absent, and it works again", async () => {
      const store = memcachedStore({ client: connect(), prefix: freshPrefix() });
      const id = newId();
      await store.create(id, record({ data: "x".repeat(500_000) }), call());
      const busy = Promise.allSettled(Array.from({ length: 20 }, () => store.read(id, call())));
      await server().kill();
      for (const { status, value } of (await busy) as { status: string; value?: StoredRecord | null }[])
        if (status === "fulfilled") expect(value?.data).toHaveLength(500_000);
      await expect(store.read(id, call(500))).rejects.toThrow();
      await expect(store.delete(id, call(500))).rejects.toThrow();
      await server().restart();
      const next = newId();
      await expect.poll(() => store.create(next, record(), call()).catch(String)).toBe(true);
      expect(await store.read(next, call())).toMatchObject({ data: '{"n":1}' });
      expect(await store.read(id, call()), "memcached forgets all when it restarts").toBe(null);
    });
  });
});
