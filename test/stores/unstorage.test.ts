import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, type StoreCall, type StoredRecord, type StoreId } from "coatcheck";
import { testStore } from "coatcheck/testing";
import { type UnstorageStorage, unstorageStore } from "coatcheck/unstorage";
import { createStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import memoryDriver from "unstorage/drivers/memory";
import redisDriver from "unstorage/drivers/redis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from "vitest";
import { overhearWarnings } from "../instruments/overheard.ts";
import { redis } from "../servers/redis.ts";
import { cli } from "../servers/redis-nodes.ts";
import { describeWithServer } from "../servers/suite.ts";

const HOUR = 3_600_000;
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
const without = ["compareAndSet", "listUser", "elsewhere"] as const;

function folderOf(): string {
  return mkdtempSync(join(tmpdir(), "coatcheck-unstorage-"));
}
const onDisk = (base: string) => createStorage({ driver: fsDriver({ base }) });

testStore(
  "unstorage, file system",
  () => {
    const folder = folderOf();
    return {
      store: unstorageStore({ storage: onDisk(folder) }),
      peek: (id) => readFileSync(join(folder, "coatcheck", id), "utf8"),
      dispose: () => rmSync(folder, { recursive: true }),
    };
  },
  { describe, it, without },
);

testStore(
  "unstorage, memory",
  () => ({ store: unstorageStore({ storage: createStorage({ driver: memoryDriver() }) }) }),
  { describe, it, without: [...without, "peek"] },
);

describeWithServer(redis, (server) => {
  let made = 0;
  const storages = new Map<string, ReturnType<typeof createStorage>>();
  const onRedis = (name: string) => {
    const storage = createStorage({ driver: redisDriver({ url: server().url }) });
    storages.set(name, storage);
    return storage;
  };
  let here: ReturnType<typeof createStorage>;
  let elsewhere: ReturnType<typeof createStorage>;
  beforeAll(() => {
    here = onRedis("here");
    elsewhere = onRedis("elsewhere");
  });
  afterAll(async () => {
    for (const storage of storages.values()) await storage.dispose();
  });
  const freshPrefix = () => `t${process.pid}-${++made}:`;

  testStore(
    "unstorage, Redis",
    () => {
      const prefix = freshPrefix();
      return {
        store: unstorageStore({ storage: here, prefix }),
        peek: (id) => cli(server(), "get", prefix + id),
      };
    },
    { describe, it, without },
  );

  test("what one process stores another reads, changes and deletes", async () => {
    const prefix = freshPrefix();
    const [one, other] = [here, elsewhere].map((storage) => unstorageStore({ storage, prefix })) as [
      ReturnType<typeof unstorageStore>,
      ReturnType<typeof unstorageStore>,
    ];
    const [id, to, first, second] = [newId(), newId(), record(), record()];
    await one.create(id, first, call());
    expect(await other.update(id, second, first.version, call())).toBe("saved");
    expect(await one.read(id, call())).toEqual(second);
    expect(await other.rotate(id, to, first, second.version, call())).toBe("saved");
    expect(await one.read(id, call())).toBe("moved");
    expect(await one.delete(id, call())).toEqual({ movedTo: to });
    await one.delete(to, call());
    expect(await other.read(to, call())).toBe(null);
  });

  test("tells the driver how long a record has, so that Redis forgets it by itself", async () => {
    const prefix = freshPrefix();
    const store = unstorageStore({ storage: here, prefix });
    const [id, kept] = [newId(), record()];
    await store.create(id, kept, call());
    expect(Number(cli(server(), "ttl", prefix + id))).toBeGreaterThan(3590);
    await store.touch(id, kept.expiresAt + HOUR, kept.version, call());
    expect(Number(cli(server(), "ttl", prefix + id))).toBeGreaterThan(7190);
    await store.rotate(id, newId(), record(), kept.version, call());
    expect(Number(cli(server(), "ttl", prefix + id))).toBeGreaterThanOrEqual(60);
    expect(Number(cli(server(), "ttl", prefix + id))).toBeLessThan(65);
  });
});

describe("unstorage on the file system", () => {
  function fresh() {
    const folder = folderOf();
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = (id: StoreId) => join(folder, "coatcheck", id);
    return { store: unstorageStore({ storage: onDisk(folder) }), file, folder };
  }

  test("within one process nothing is lost, and what is deleted stays deleted", async () => {
    const { store } = fresh();
    const id = newId();
    await store.create(id, record({ data: "0" }), call());
    const raise = async () => {
      for (;;) {
        const found = await store.read(id, call());
        if (found === null || found === "moved") throw new Error("it is there");
        const next = { ...found, data: String(Number(found.data) + 1), version: ++versions };
        if ((await store.update(id, next, found.version, call())) === "saved") return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, raise));
    expect(await store.read(id, call())).toMatchObject({ data: "20" });

    for (let round = 0; round < 20; round++) {
      const [each, kept] = [newId(), record()];
      await store.create(each, kept, call());
      await Promise.all([
        store.touch(each, kept.expiresAt + 1, kept.version, call()),
        store.delete(each, call()),
        store.update(each, record(), kept.version, call()),
      ]);
      expect(await store.read(each, call())).toBe(null);
    }
  });

  test("a file that is written just now is read again; one that stays half is nobody's session, and is cleared", async () => {
    const { store, file } = fresh();
    const [id, kept] = [newId(), record()];
    await store.create(id, kept, call());
    const whole = readFileSync(file(id), "utf8");
    for (const half of ["", whole.slice(0, 40), "[1]", "7"]) {
      writeFileSync(file(id), half);
      setTimeout(() => writeFileSync(file(id), whole), 15);
      expect(await store.read(id, call()), half).toEqual(kept);
      writeFileSync(file(id), half);
      expect(await store.read(id, call()), half).toBe(null);
      expect(await store.update(id, record(), kept.version, call())).toBe("gone");
    }
    expect(await store.clearExpired({ ...call(), limit: 10 })).toBe(1);
    expect(readdirSync(join(file(id), ".."))).toEqual([]);
  });

  test("a fault that the driver gives back as a value is a fault, not an absence", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    const fault = new Error("EMFILE: too many open files");
    const faulty: UnstorageStorage = { ...(storage as UnstorageStorage), getItem: async () => fault };
    await expect(unstorageStore({ storage: faulty }).read(newId(), call())).rejects.toBe(fault);
  });

  test("where the driver cannot remove, a deleted session stays deleted, and clearing says so", async () => {
    const storage = createStorage({ driver: memoryDriver() }) as UnstorageStorage;
    const store = unstorageStore({ storage: { ...storage, removeItem: async () => {} } });
    const [id, kept] = [newId(), record()];
    await store.create(id, kept, call());
    expect(await store.delete(id, call())).toBe(undefined);
    expect(await store.read(id, call())).toBe(null);
    expect(await store.update(id, record(), kept.version, call())).toBe("gone");
    await expect(store.clearExpired({ ...call(), limit: 10 })).rejects.toThrow(/did not remove an expired/);
  });

  test("a crash between the two writes of a rotation leaves the old session, and a key that nobody has", async () => {
    const storage = createStorage({ driver: memoryDriver() }) as UnstorageStorage;
    let writes = 0;
    const dying: UnstorageStorage = {
      ...storage,
      async setItem(...given) {
        if (++writes > 1) throw new Error("crashed");
        await storage.setItem(...given);
      },
    };
    const [healthy, dead] = [unstorageStore({ storage }), unstorageStore({ storage: dying })];
    const [from, to, before] = [newId(), newId(), record()];
    await healthy.create(from, before, call());
    await expect(dead.rotate(from, to, record(), before.version, call())).rejects.toThrow("crashed");
    expect(await healthy.read(from, call())).toEqual(before);
  });

  test("clearing looks at all items once for many batches", async () => {
    const storage = createStorage({ driver: memoryDriver() }) as UnstorageStorage;
    let looks = 0;
    const getKeys = async (base: string) => {
      looks++;
      return await storage.getKeys(base);
    };
    const store = unstorageStore({ storage: { ...storage, getKeys } });
    const now = Date.now();
    for (let n = 0; n < 100; n++) await store.create(newId(), record({ expiresAt: now + 1000 }), call());
    await store.create(newId(), record(), call());
    const later = { ...call(5000, now + 1000), limit: 7 };
    let cleared = 0;
    for (let batch = 7; batch === 7; cleared += batch) batch = await store.clearExpired(later);
    expect(cleared).toBe(100);
    expect(looks).toBe(2);
    expect(await store.stats(later)).toMatchObject({ live: 1, expired: 0 });
  });

  test("says what it cannot do: the core warns once, and a user's sessions are not listed", async () => {
    const warnings = await overhearWarnings();
    const sessions = createSessions({ store: fresh().store, clearExpiredEvery: 0 });
    const session = await sessions.open(null, { secure: true });
    session.login("ann");
    await sessions.commit(session, { status: 200 });
    expect((await warnings()).map(({ message }) => message)).toEqual([
      expect.stringContaining("compare and set"),
    ]);
    await expect(sessions.listUserSessions("ann")).rejects.toThrow(/a store with an index of users/);
  });

  test("refuses options that cannot work, saying what they take", () => {
    const storage = createStorage() as UnstorageStorage;
    for (const prefix of ["a/b", ":a", "a b", "../"])
      expect(() => unstorageStore({ storage, prefix })).toThrow(/prefix takes letters, digits/);
    for (const wrong of [null, {}, new Map()])
      expect(() => unstorageStore({ storage: wrong as never })).toThrow(/a storage of unstorage/);
  });
});
