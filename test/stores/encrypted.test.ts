import { createHash, hkdfSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createSessions,
  memoryStore,
  SettingsError,
  type Store,
  type StoreCall,
  type StoredRecord,
  type StoreId,
} from "coatcheck";
import { cachedStore } from "coatcheck/cached";
import { encryptedCookieStore } from "coatcheck/cookies";
import { encryptedStore } from "coatcheck/encrypted";
import { postgresStore } from "coatcheck/postgres";
import { redisStore } from "coatcheck/redis";
import { sqliteStore } from "coatcheck/sqlite";
import { testStore } from "coatcheck/testing";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { overhear, overhearWarnings } from "../instruments/overheard.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { type Connected, singles } from "../servers/redis-clients.ts";
import { describeWithServer } from "../servers/suite.ts";
import { newTable } from "./suites/sql.ts";

const SECRET = "a secret of at least thirty-two characters";
const OTHER = "another secret, of thirty-two and more characters";
const secrets = [SECRET];

/** Two servers over one store. */
function both(here: Store, there: Store = here) {
  return {
    store: encryptedStore({ store: here, secrets }),
    elsewhere: encryptedStore({ store: there, secrets }),
  };
}

testStore("encrypted, memory", () => both(memoryStore()), { describe, it, without: ["check", "peek"] });

testStore(
  "encrypted, SQLite",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-encrypted-"));
    const made = both(sqliteStore(join(folder, "site.sqlite3")), sqliteStore(join(folder, "site.sqlite3")));
    return {
      ...made,
      async dispose() {
        await Promise.all([made.store.close?.(), made.elsewhere.close?.()]);
        rmSync(folder, { recursive: true });
      },
    };
  },
  { describe, it, without: ["peek"] },
);

testStore(
  "encrypted, memory cached in memory",
  () => {
    const parts = { cache: memoryStore(), store: memoryStore() };
    return both(cachedStore(parts), cachedStore(parts));
  },
  { describe, it, without: ["peek"] },
);

describeWithServer(redis, (server) => {
  let clients: Connected[] = [];
  let made = 0;
  beforeAll(async () => {
    clients = await Promise.all(
      Object.values(singles)
        .slice(0, 2)
        .map((connect) => connect(server())),
    );
  });
  afterAll(() => Promise.all(clients.map((client) => client.close())));

  testStore(
    "encrypted, Redis",
    () => {
      const prefix = `encrypted-${process.pid}-${++made}:`;
      const [here, there] = clients.map(({ client }) => redisStore({ client, prefix })) as [Store, Store];
      return both(here, there);
    },
    { describe, it, without: ["peek", "clearExpired"] },
  );
});

describeWithServer(postgres, (server) => {
  let pools: pg.Pool[] = [];
  beforeAll(() => {
    const options = { connectionString: server().url, max: 8, allowExitOnIdle: true };
    pools = [new pg.Pool(options), new pg.Pool(options)];
  });
  afterAll(() => Promise.all(pools.map((pool) => pool.end())));

  testStore(
    "encrypted, PostgreSQL",
    async () => {
      const table = newTable();
      const [here, there] = pools.map((pool) =>
        encryptedStore({ store: postgresStore({ pool, table }), secrets }),
      );
      await here?.createTable();
      return {
        store: here as Store,
        elsewhere: there as Store,
        dispose: () => pools[0]?.query(`DROP TABLE ${table}`),
      };
    },
    { describe, it, without: ["peek"] },
  );
});

const ID = "a".repeat(64) as StoreId;
const NEXT = "b".repeat(64) as StoreId;
const call = (): StoreCall => ({ signal: AbortSignal.timeout(5000), now: Date.now() });

function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: now, expiresAt: now + 3_600_000, expiry: null };
  return { data: '{"secret":"rosebud"}', version: 1, userId: "ann", ...times, format: 1, ...changes };
}

let inner: Store;
let store: Store;
beforeEach(() => {
  inner = memoryStore();
  store = encryptedStore({ store: inner, secrets });
});

/** The record as the store within has it. */
const within = async (id = ID) => (await inner.read(id, call())) as StoredRecord;

/** Writes to the store within, as an attacker writes to the table. */
async function edit(changes: Partial<StoredRecord>, id = ID): Promise<void> {
  const there = await within(id);
  await inner.delete(id, call());
  await inner.create(id, { ...there, ...changes }, call());
}

describe("an encryptedStore", () => {
  it("leaves nothing of the data in the store, after any write", async () => {
    await store.create(ID, record(), call());
    expect(JSON.stringify(await within())).not.toContain("rosebud");
    await store.update(ID, record({ version: 2 }), 1, call());
    expect(JSON.stringify(await within())).not.toContain("rosebud");
    await store.rotate(ID, NEXT, record({ version: 3 }), 2, call());
    expect(JSON.stringify(await within(NEXT))).not.toContain("rosebud");
    expect(await store.read(NEXT, call())).toMatchObject({ data: '{"secret":"rosebud"}', version: 3 });
  });

  it("encrypts the same data differently each time", async () => {
    await store.create(ID, record(), call());
    await store.create(NEXT, record(), call());
    expect((await within(ID)).data).not.toBe((await within(NEXT)).data);
  });

  it("keeps the data under a name of its key, which is HKDF of the secret", async () => {
    await store.create(ID, record(), call());
    const key = Buffer.from(hkdfSync("sha256", SECRET, "", "coatcheck store A256GCM", 32));
    const kid = createHash("sha256").update(key).digest("base64url").slice(0, 8);
    expect((await within()).data).toMatch(new RegExp(`^${kid}\\.[\\w-]+$`));
  });

  const edits: Partial<StoredRecord>[] = [
    { userId: "root" },
    { userId: null },
    { version: 2 },
    { createdAt: 1 },
    { authenticatedAt: Date.now() + 1000 },
    { authenticatedAt: null },
    { expiry: 1 },
    { format: 0 },
    { data: '{"secret":"mine"}' },
    { data: "" },
    { data: "." },
    { data: "x.AAAA" },
  ];
  it.each(edits)("a record that was edited in the table is corrupt and no fault: %o", async (changes) => {
    await store.create(ID, record(), call());
    await edit(changes);
    const seen = (await store.read(ID, call())) as StoredRecord;
    expect(() => JSON.parse(seen.data)).toThrow(SyntaxError);
  });

  it("the data is worth nothing under another id", async () => {
    await store.create(ID, record({ userId: "root" }), call());
    await inner.create(NEXT, await within(), call());
    expect(await store.read(NEXT, call())).toMatchObject({ data: "" });
    expect(await store.read(ID, call())).toMatchObject({ data: '{"secret":"rosebud"}' });
  });

  it("a damaged byte anywhere makes it corrupt, and so does a cut", async () => {
    await store.create(ID, record(), call());
    const { data } = await within();
    for (let at = 0; at < data.length - 1; at++) {
      const other = data[at] === "A" ? "B" : "A";
      await edit({ data: data.slice(0, at) + other + data.slice(at + 1) });
      expect(await store.read(ID, call())).toMatchObject({ data: "" });
      await edit({ data: data.slice(0, at) });
      expect(await store.read(ID, call())).toMatchObject({ data: "" });
    }
  });

  it("a touched record can be read: its end belongs to no encryption", async () => {
    await store.create(ID, record(), call());
    const later = Date.now() + 7_200_000;
    expect(await store.touch(ID, later, 1, call())).toBe(true);
    expect(await store.read(ID, call())).toMatchObject({ expiresAt: later, data: '{"secret":"rosebud"}' });
  });

  it("reads what an older secret encrypted, and writes with the first", async () => {
    await store.create(ID, record(), call());
    const [old] = (await within()).data.split(".");
    const rotated = encryptedStore({ store: inner, secrets: [OTHER, SECRET] });
    expect(await rotated.read(ID, call())).toMatchObject({ data: '{"secret":"rosebud"}' });
    await rotated.update(ID, record({ version: 2 }), 1, call());
    expect((await within()).data.split(".")[0]).not.toBe(old);
    const alone = encryptedStore({ store: inner, secrets: [OTHER] });
    expect(await alone.read(ID, call())).toMatchObject({ data: '{"secret":"rosebud"}' });
    expect(await store.read(ID, call()), "the old secret alone").toMatchObject({ data: "" });
  });

  it("a user who was written into the table is not signed in, and an event tells", async () => {
    const browser = new Browser(createSessions({ store }));
    await browser.visit((session) => session.set("a", 1).login("ann"));
    await edit({ userId: "root" }, (await browser.open()).handle as StoreId);
    const { of } = overhear();
    const session = await browser.open();
    expect([session.userId, session.authenticatedAt, session.toObject()]).toEqual([null, null, {}]);
    expect(of("corrupt")).toHaveLength(1);
    session.login("ann");
    await browser.respond(session);
    expect((await browser.open()).userId).toBe("ann");
  });

  it("a session lives on through logins, changes of key and writes, and is listed", async () => {
    const sessions = createSessions({ store });
    const browser = new Browser(sessions);
    await browser.visit((session) => session.set("a", 1));
    await browser.visit((session) => session.login("ann"));
    await browser.visit((session) => session.cycleKey());
    await browser.visit((session) => session.update("a", (n: number) => n + 1));
    expect(await browser.sees()).toEqual({ a: 2 });
    expect(await sessions.listUserSessions("ann")).toMatchObject([{ data: { a: 2 } }]);
    expect(await sessions.revokeUser("ann")).toBe(1);
    expect((await browser.open()).userId).toBeNull();
  });

  it("has every verb and ability that its store has, and no other", () => {
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-encrypted-"));
    for (const one of [
      memoryStore(),
      sqliteStore(join(folder, "site.sqlite3")),
      cachedStore({ cache: memoryStore(), store: memoryStore() }),
    ]) {
      const encrypted = encryptedStore({ store: one, secrets });
      expect(Object.keys(encrypted).sort()).toEqual(
        [...new Set([...Object.keys(one), "capabilities"])].sort(),
      );
      expect(encrypted.capabilities).toEqual({ ...one.capabilities, encryptsData: true });
    }
    rmSync(folder, { recursive: true });
  });

  it("goes outermost: a cache does not take it, neither as its store nor as its cache", () => {
    const advice = /encryptedStore\(\{ store: cachedStore/;
    expect(() => cachedStore({ cache: memoryStore(), store })).toThrow(advice);
    expect(() => cachedStore({ cache: store, store: memoryStore() })).toThrow(advice);
    expect(() => cachedStore({ cache: memoryStore(), store: { ...store } })).toThrow(SettingsError);
  });

  it("refuses a store that cannot keep records as they are, and secrets that are none", () => {
    const cookies = encryptedCookieStore({ secrets });
    const clear: Store = {
      ...inner,
      ticket: { ...(cookies.ticket as NonNullable<Store["ticket"]>), kind: "clear" },
    };
    const forgetful: Store = { ...inner, capabilities: { keepsLoginTime: false } };
    for (const store of [cookies, clear, forgetful, {} as Store, undefined as unknown as Store])
      expect(() => encryptedStore({ store, secrets })).toThrow(/^The option store takes/);
    for (const secrets of [[], [""], "secret", undefined, [1]] as string[][])
      expect(() => encryptedStore({ store: inner, secrets })).toThrow(/^The option secrets takes/);
  });

  it("rejects where the store makes the version itself, since such data could never be read", async () => {
    inner = { ...inner, create: async () => ({ saved: 7 }) };
    await expect(encryptedStore({ store: inner, secrets }).create(ID, record(), call())).rejects.toThrow(
      /version of its own/,
    );
  });

  it("warns of a short secret", async () => {
    const warnings = overhearWarnings();
    encryptedStore({ store: inner, secrets: ["short"] });
    expect(await warnings()).toEqual([
      { code: "COATCHECK_SHORT_SECRET", message: expect.stringContaining("encrypted store") },
    ]);
  });
});
