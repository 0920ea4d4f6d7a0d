import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createSessions,
  memoryStore,
  type Store,
  type StoreCall,
  type StoredRecord,
  type StoreId,
} from "coatcheck";
import { type CachedStoreOptions, cachedStore } from "coatcheck/cached";
import { fileStore } from "coatcheck/file";
import { sqliteStore } from "coatcheck/sqlite";
import { testStore } from "coatcheck/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";
import { spyStore } from "../instruments/spy-store.ts";
import { wrapStore } from "../instruments/wrapped-store.ts";

/** Two servers over one cache and one store. */
function both(cache: Store, store: Store) {
  return { store: cachedStore({ cache, store }), elsewhere: cachedStore({ cache, store }) };
}

testStore("cached, memory over memory", () => both(memoryStore(), memoryStore()), {
  describe,
  it,
  without: ["peek"],
});

testStore(
  "cached, memory over SQLite",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-cached-"));
    const made = both(memoryStore(), sqliteStore(join(folder, "site.sqlite3")));
    return {
      ...made,
      async dispose() {
        await made.store.close?.();
        rmSync(folder, { recursive: true });
      },
    };
  },
  { describe, it, without: ["peek"] },
);

testStore(
  "cached, a cache that evicts at any moment",
  () => {
    const inner = memoryStore();
    const cache = wrapStore(inner, async (_verb, run, id) => {
      if (Math.random() < 0.3) await inner.delete(id as StoreId, call());
      return run();
    });
    return both(cache, memoryStore());
  },
  { describe, it, without: ["peek"] },
);

const ID = "a".repeat(64) as StoreId;
const NEXT = "b".repeat(64) as StoreId;
const LIFE = 3_600_000;

const call = (now = Date.now()): StoreCall => ({ signal: AbortSignal.timeout(5000), now });

function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + LIFE, expiry: null };
  return { data: '{"n":1}', version: 1, userId: "ann", ...times, format: 1, ...changes };
}

/** A cache and a store that can be held, broken and counted, and two servers over them. */
function site(options: Partial<CachedStoreOptions> = {}) {
  const inner = { cache: memoryStore(), store: memoryStore() };
  const faulty = { cache: faultyStore(inner.cache), store: faultyStore(inner.store) };
  const held = { cache: heldStore(faulty.cache.store), store: heldStore(faulty.store.store) };
  const spied = { cache: spyStore(held.cache.store), store: spyStore(held.store.store) };
  const parts = { cache: spied.cache.store, store: spied.store.store, ...options };
  return {
    inner,
    cache: { ...faulty.cache, ...held.cache, evict: () => inner.cache.delete(ID, call()) },
    store: { ...faulty.store, ...held.store },
    took: () => ({ cache: spied.cache.took(), store: spied.store.took() }),
    here: cachedStore(parts),
    there: cachedStore(parts),
  };
}

let s: ReturnType<typeof site>;
beforeEach(async () => {
  s = site();
  await s.here.create(ID, record(), call());
  s.took();
});

describe("the round trips of a cachedStore", () => {
  it("a read asks only the cache, once the session is there: from its creation on, and after every write", async () => {
    await s.here.read(ID, call());
    expect(s.took()).toEqual({ cache: ["read"], store: [] });
    await s.here.update(ID, record({ version: 2 }), 1, call());
    expect(s.took()).toEqual({ cache: ["update", "update"], store: ["update"] });
    await s.here.touch(ID, Date.now() + 2 * LIFE, 2, call());
    expect(s.took()).toEqual({ cache: ["touch"], store: ["touch"] });
    await s.there.rotate(ID, NEXT, record({ version: 3 }), 2, call());
    expect(s.took()).toEqual({ cache: ["update", "create", "delete", "update"], store: ["rotate"] });
    expect(await s.there.read(NEXT, call())).toMatchObject({ version: 3, userId: "ann" });
    expect(s.took()).toEqual({ cache: ["read"], store: [] });
    await s.here.delete(NEXT, call());
    expect(s.took()).toEqual({ cache: ["read", "update", "delete"], store: ["delete"] });
  });

  it("what was evicted is read from the store once", async () => {
    await s.cache.evict();
    await s.here.read(ID, call());
    expect(s.took()).toEqual({ cache: ["read", "create", "update"], store: ["read"] });
    await s.there.read(ID, call());
    expect(s.took()).toEqual({ cache: ["read"], store: [] });
  });

  it("a copy is believed for cacheAge, and then the store is asked once", async () => {
    s = site({ cacheAge: 60 });
    const now = Date.now();
    await s.here.create(ID, record(), call(now));
    // An administrator deletes the row by hand.
    await s.inner.store.delete(ID, call());
    expect(await s.here.read(ID, call(now + 59_999))).not.toBeNull();
    s.took();
    expect(await s.here.read(ID, call(now + 60_000))).toBeNull();
    expect(s.took()).toEqual({ cache: ["read", "update", "delete"], store: ["read"] });
    expect(await s.inner.cache.read(ID, call(now))).toBeNull();
  });

  it("an id that nobody has leaves nothing in the cache", async () => {
    expect(await s.here.read(NEXT, call())).toBeNull();
    expect(await s.inner.cache.stats?.(call())).toMatchObject({ live: 1 });
  });
});

describe("a deleted session is never served from the cache", () => {
  it("not between the mark and the row: the store is asked, and nothing is filled", async () => {
    const held = s.store.hold("delete");
    const ended = s.here.delete(ID, call());
    await held.arrived;
    expect(await s.there.read(ID, call())).toMatchObject({ version: 1 });
    expect(s.took().store).toEqual(["delete", "read"]);
    held.release();
    await ended;
    expect(await s.there.read(ID, call())).toBeNull();
  });

  // Reports: better-auth/better-auth#6893.
  it("not put back by a reader that had read the row before", async () => {
    await s.cache.evict();
    const slow = s.store.hold("read", "after");
    const reading = s.there.read(ID, call());
    await slow.arrived;
    await s.here.delete(ID, call());
    slow.release();
    expect(await reading, "the reader came first").toMatchObject({ version: 1 });
    expect(await s.there.read(ID, call())).toBeNull();
  });

  it("not put back by a reader that comes when the mark is evicted before the row goes", async () => {
    const gone = s.store.hold("delete");
    const ended = s.here.delete(ID, call());
    await gone.arrived;
    await s.cache.evict();
    const slow = s.cache.hold("update");
    const reading = s.there.read(ID, call());
    await slow.arrived;
    gone.release();
    await ended;
    slow.release();
    await reading;
    expect(await s.there.read(ID, call())).toBeNull();
  });

  it("not when the reader has filled by the time the row goes", async () => {
    const gone = s.store.hold("delete");
    const ended = s.here.delete(ID, call());
    await gone.arrived;
    await s.cache.evict();
    await s.there.read(ID, call());
    gone.release();
    await ended;
    expect(await s.there.read(ID, call())).toBeNull();
  });

  it("not put there by its own creation, when a revocation was faster", async () => {
    const slow = s.store.hold("create", "after");
    const created = s.here.create(NEXT, record(), call());
    await slow.arrived;
    expect(await s.there.listUser?.("ann", call())).toContain(NEXT);
    await s.there.delete(NEXT, call());
    slow.release();
    expect(await created).toBe(true);
    expect(await s.here.read(NEXT, call())).toBeNull();
  });

  it("not put there by its own rotation, when a revocation was faster", async () => {
    const slow = s.store.hold("rotate", "after");
    const rotated = s.here.rotate(ID, NEXT, record({ version: 2 }), 1, call());
    await slow.arrived;
    await s.there.delete(NEXT, call());
    slow.release();
    expect(await rotated).toBe("saved");
    expect(await s.here.read(NEXT, call())).toBeNull();
    expect(await s.here.read(ID, call())).toBe("moved");
  });

  it("not when the server crashes once the row is gone", async () => {
    const held = s.store.hold("delete", "after");
    void s.here.delete(ID, call());
    await held.arrived;
    expect(await s.there.read(ID, call())).toBeNull();
  });

  it("a cache that cannot be marked fails the delete, and the session is there as before", async () => {
    for (const fault of ["breaks", "hangs"] as const) {
      s.cache[fault]("update");
      const quick = { ...call(), signal: AbortSignal.timeout(50) };
      const ended = s.here.delete(ID, fault === "hangs" ? quick : call());
      if (fault === "breaks")
        await expect(ended).rejects.toThrow(/cache could not be told.*nothing was changed/);
      else
        await expect(
          Promise.race([ended, new Promise((_, reject) => setTimeout(reject, 80, new Error("late")))]),
        ).rejects.toThrow();
      s.cache.mended();
      expect(await s.inner.store.read(ID, call())).toMatchObject({ version: 1 });
      expect(await s.there.read(ID, call())).toMatchObject({ version: 1 });
    }
    await s.here.delete(ID, call());
    expect(await s.there.read(ID, call())).toBeNull();
  });

  it("a store that cannot delete fails the delete, and every server still reads the session", async () => {
    s.store.breaks("delete");
    await expect(s.here.delete(ID, call())).rejects.toThrow(/on fire/);
    expect(await s.there.read(ID, call())).toMatchObject({ version: 1 });
  });

  it("a cache that fails after the row is gone fails the delete: a copy might have come between", async () => {
    s.cache.breaks("delete");
    await expect(s.here.delete(ID, call())).rejects.toThrow(/on fire/);
    s.cache.mended();
    expect(await s.there.read(ID, call())).toBeNull();
    await s.here.delete(ID, call());
  });

  it("through the core: the logout answers 503, and the visitor stays signed in until it can be done", async () => {
    const sessions = createSessions({ store: s.here });
    const login = await sessions.open(null, { secure: false });
    login.login("bob");
    const [, cookie = ""] =
      (await sessions.commit(login, { status: 200 })).find(([name]) => name === "Set-Cookie") ?? [];
    const open = () => sessions.open(cookie.split(";")[0] ?? "", { secure: false });
    s.cache.breaks("update");
    const leaving = await open();
    leaving.logout();
    await expect(sessions.commit(leaving, { status: 200 })).rejects.toMatchObject({ status: 503 });
    expect((await open()).userId).toBe("bob");
    s.cache.mended();
    const again = await open();
    again.logout();
    await sessions.commit(again, { status: 200 });
    expect((await open()).userId).toBeNull();
  });
});

describe("an answered write is what the next read finds", () => {
  it("also when a reader read the row before and fills after", async () => {
    await s.cache.evict();
    const slow = s.store.hold("read", "after");
    const reading = s.there.read(ID, call());
    await slow.arrived;
    expect(await s.here.update(ID, record({ version: 2 }), 1, call())).toBe("saved");
    slow.release();
    await reading;
    expect(await s.there.read(ID, call())).toMatchObject({ version: 2 });
  });

  it("also when the writer's blank is evicted and a reader fills with the row as it was", async () => {
    const slow = s.store.hold("update");
    const saved = s.here.update(ID, record({ version: 2 }), 1, call());
    await slow.arrived;
    await s.cache.evict();
    await s.there.read(ID, call());
    slow.release();
    expect(await saved).toBe("saved");
    expect(await s.there.read(ID, call())).toMatchObject({ version: 2 });
  });

  it("also when the server crashes between the two writes", async () => {
    const held = s.store.hold("update", "after");
    void s.here.update(ID, record({ version: 2 }), 1, call());
    await held.arrived;
    expect(await s.there.read(ID, call())).toMatchObject({ version: 2 });
    // The blank that it left has expired after a minute, and the session is copied again.
    const later = call(Date.now() + 60_001);
    await s.there.read(ID, later);
    s.took();
    expect(await s.there.read(ID, later)).toMatchObject({ version: 2 });
    expect(s.took().store).toEqual([]);
  });

  it("a conflict drops the copy first, so that reading again finds what is newer", async () => {
    // Another program writes past the cache.
    await s.inner.store.update(ID, record({ version: 7 }), 1, call());
    expect(await s.here.read(ID, call())).toMatchObject({ version: 1 });
    expect(await s.here.update(ID, record({ version: 2 }), 1, call())).toBe("conflict");
    expect(await s.here.read(ID, call())).toMatchObject({ version: 7 });
  });

  it("a touch that finds another version, or no session, drops the copy", async () => {
    await s.inner.store.update(ID, record({ version: 7 }), 1, call());
    expect(await s.here.touch(ID, Date.now() + 2 * LIFE, 1, call())).toBe(false);
    expect(await s.here.read(ID, call())).toMatchObject({ version: 7 });
  });

  it("of an old key none is served once the rotation is answered, and a crash before leaves the mark", async () => {
    const held = s.store.hold("rotate", "after");
    const rotated = s.here.rotate(ID, NEXT, record({ version: 2 }), 1, call());
    await held.arrived;
    expect(await s.there.read(ID, call())).toBe("moved");
    held.release();
    await rotated;
    expect(await s.there.read(ID, call())).toBe("moved");
  });
});

describe("a cache that is down", () => {
  const down = () => {
    for (const verb of ["read", "create", "update", "rotate", "touch", "delete"] as const)
      s.cache.breaks(verb);
  };

  it("lets sessions be read and created and touched, and refuses the writes that it must hear of before the store does", async () => {
    down();
    expect(await s.here.read(ID, call())).toMatchObject({ version: 1 });
    expect(await s.here.create(NEXT, record(), call())).toBe(true);
    expect(await s.here.touch(ID, Date.now() + 2 * LIFE, 1, call())).toBe(true);
    const refused = /cache could not be told/;
    await expect(s.here.update(ID, record({ version: 2 }), 1, call())).rejects.toThrow(refused);
    await expect(s.here.rotate(ID, NEXT, record({ version: 2 }), 1, call())).rejects.toThrow(refused);
    await expect(s.here.delete(ID, call())).rejects.toThrow(refused);
    s.cache.mended();
    expect(await s.here.read(ID, call())).toMatchObject({ version: 1 });
    expect(await s.here.update(ID, record({ version: 2 }), 1, call())).toBe("saved");
    expect(await s.there.read(ID, call())).toMatchObject({ version: 2 });
  });

  it("costs a read cacheTimeout when it hangs, not the whole patience of the call", async () => {
    s = site({ cacheTimeout: 0.05 });
    await s.here.create(ID, record(), call());
    s.cache.hangs("read");
    const given = call();
    expect(await s.here.read(ID, given)).toMatchObject({ version: 1 });
    expect(given.signal.aborted).toBe(false);
    s.cache.mended();
    s.cache.hangs("create");
    expect(await s.here.create(NEXT, record(), call())).toBe(true);
  });

  it("forgets everything: nothing is lost", async () => {
    for (let n = 1; n < 20; n++) {
      await s.cache.evict();
      expect(await (n % 2 ? s.here : s.there).update(ID, record({ version: n + 1 }), n, call())).toBe(
        "saved",
      );
      if (n % 3) await s.cache.evict();
      expect(await s.there.read(ID, call())).toMatchObject({ version: n + 1 });
    }
  });

  it("that answers nonsense is asked no more than one that has nothing", async () => {
    await s.inner.cache.delete(ID, call());
    await s.inner.cache.create(ID, record({ data: "nonsense\n!" }), call());
    expect(await s.here.read(ID, call())).toMatchObject({ version: 1, data: '{"n":1}' });
  });
});

describe("a cachedStore", () => {
  it("leaves no user in the cache, whose index nobody asks", async () => {
    expect(await s.inner.cache.listUser?.("ann", call())).toEqual([]);
    expect(await s.here.listUser?.("ann", call())).toEqual([ID]);
  });

  it("clears both, and counts the store's", async () => {
    for (let n = 0; n < 25; n++)
      await s.here.create(String(n).padStart(64, "0") as StoreId, record(), call());
    const later = call(Date.now() + LIFE);
    expect(await s.here.clearExpired?.({ ...later, limit: 10 })).toBe(10);
    expect(await s.here.clearExpired?.({ ...later, limit: 100 })).toBe(16);
    expect(await s.inner.cache.stats?.(later)).toMatchObject({ live: 0, expired: 0 });
    expect(await s.inner.store.stats?.(later)).toMatchObject({ live: 0, expired: 0 });
  });

  it("can do what the store can, and expires natively only where both do", () => {
    const native = (store: Store): Store => {
      const { clearExpired, ...rest } = store;
      return { ...rest, capabilities: { expiresNatively: true } };
    };
    const made = (cache: Store, store: Store) => cachedStore({ cache, store });
    expect(made(native(memoryStore()), memoryStore()).capabilities?.expiresNatively).toBe(false);
    expect(made(memoryStore(), native(memoryStore())).clearExpired).toBeTypeOf("function");
    const both = made(native(memoryStore()), native(memoryStore()));
    expect([both.capabilities?.expiresNatively, both.clearExpired]).toEqual([true, undefined]);
    const { listUser, stats, ...bare } = memoryStore();
    expect(Object.keys(made(memoryStore(), bare))).not.toContain("listUser");
    expect(Object.keys(made(memoryStore(), bare))).not.toContain("createTable");
    expect(Object.keys(made(memoryStore(), sqliteStore(":memory:")))).toContain("createTable");
    expect(Object.keys(made(sqliteStore(":memory:"), memoryStore()))).toContain("createTable");
    const weak = { ...memoryStore(), capabilities: { compareAndSet: false } };
    expect(made(memoryStore(), weak).capabilities?.compareAndSet).toBe(false);
  });

  it("says at check which of the two cannot serve", async () => {
    const bad = fileStore("/proc/nowhere");
    await expect(cachedStore({ cache: bad, store: memoryStore() }).check?.(call())).rejects.toThrow(
      /\/proc\/nowhere/,
    );
    await expect(cachedStore({ cache: memoryStore(), store: bad }).check?.(call())).rejects.toThrow(
      /\/proc\/nowhere/,
    );
  });

  it("refuses options that cannot work, saying what they take", () => {
    const store = memoryStore();
    const refuses = (options: object) => expect(() => cachedStore(options as CachedStoreOptions));
    refuses({ store }).toThrow(/option cache takes a store/);
    refuses({ cache: store }).toThrow(/option store takes a store/);
    refuses({ cache: store, store }).toThrow(/another store/);
    refuses({ cache: { ...memoryStore(), capabilities: { compareAndSet: false } }, store }).toThrow(
      /compares and sets/,
    );
    refuses({ cache: { ...memoryStore(), ticket: { kind: "carried" } }, store }).toThrow(/option cache/);
    refuses({ cache: memoryStore(), store, cacheAge: 0 }).toThrow(
      /cacheAge takes a number of seconds above 0, and got 0/,
    );
    refuses({ cache: memoryStore(), store, cacheTimeout: "1" }).toThrow(/cacheTimeout/);
  });
});
