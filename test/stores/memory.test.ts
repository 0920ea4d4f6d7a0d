import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { memoryStore, type Store, type StoredRecord, type StoreId } from "coatcheck";
import { testStore } from "coatcheck/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Rack } from "../../src/stores/memory/rack.ts";

testStore("memory", () => ({ store: memoryStore() }), {
  describe,
  it,
  without: ["elsewhere", "check", "peek"],
});

const HOUR = 3_600_000;
const start = Date.now();
const call = (now = start) => ({ signal: new AbortController().signal, now });
const newId = () => createHash("sha256").update(randomBytes(32)).digest("hex") as StoreId;

function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const times = { createdAt: start, authenticatedAt: null, expiresAt: start + HOUR, expiry: null };
  return { data: "{}", version: 1, userId: null, format: 1, ...times, ...changes };
}

async function keep(store: Store, changes: Partial<StoredRecord> = {}, now = start): Promise<StoreId> {
  const id = newId();
  await store.create(id, record(changes), call(now));
  return id;
}

/** The sessions that are stored, one letter for each. */
async function present(store: Store, ids: Record<string, StoreId>, now = start): Promise<string> {
  let letters = "";
  for (const [letter, id] of Object.entries(ids)) {
    // An update with a version that never fits answers conflict or gone, and does not count as a use of the session.
    if ((await store.update(id, record(), -1, call(now))) === "conflict") letters += letter;
  }
  return letters;
}

const counted = async (store: Store, now = start) => {
  const { live, expired } = (await store.stats?.(call(now))) ?? {};
  return { live, expired };
};

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe("memoryStore", () => {
  it("counts very many sessions in steps that let the server go on", async () => {
    const store = memoryStore();
    for (let n = 0; n < 25_000; n++) await keep(store);
    let isOtherDone = false;
    setImmediate(() => {
      isOtherDone = true;
    });
    let steps = 0;
    const stats = await store.stats?.({ ...call(), onStep: () => steps++ });
    expect(stats).toMatchObject({ live: 25_000, bytes: 50_000 });
    expect([steps, isOtherDone]).toEqual([2, true]);
  });

  it("forgets the least recently used at its bound: read, written and touched ones stay", async () => {
    vi.spyOn(process, "emitWarning").mockReturnValue();
    const store = memoryStore({ maxSessions: 4 });
    const a = await keep(store);
    const b = await keep(store);
    const c = await keep(store);
    const d = await keep(store);
    await store.read(a, call());
    await store.update(b, record(), 1, call());
    await store.touch(c, start + HOUR + 1, 1, call());
    const e = await keep(store);
    expect(await present(store, { a, b, c, d, e })).toBe("abce");
    const f = await keep(store);
    const g = await keep(store);
    expect(await present(store, { a, b, c, d, e, f, g })).toBe("cefg");
    expect(await counted(store)).toEqual({ live: 4, expired: 0 });
  });

  it("forgets what has expired first, and only then what lives", async () => {
    const store = memoryStore({ maxSessions: 40 });
    const ids = { a: await keep(store) };
    const soon = start + 1000;
    const later = start + 2000;
    for (let n = 0; n < 20; n++) await keep(store, { expiresAt: soon });
    for (let n = 0; n < 19; n++) await keep(store, { expiresAt: later });
    await keep(store, {}, soon);
    expect(await present(store, ids, soon)).toBe("a");
    expect(await counted(store, soon)).toEqual({ live: 21, expired: 0 });
    for (let n = 0; n < 19; n++) await keep(store, {}, soon);
    await keep(store, {}, later);
    expect(await present(store, ids, later)).toBe("a");
    expect(await counted(store, later)).toEqual({ live: 22, expired: 0 });
  });

  it("names no expired session in a user's list", async () => {
    const store = memoryStore();
    const id = await keep(store, { userId: "ann" });
    await keep(store, { userId: "ann", expiresAt: start + 1000 });
    expect(await store.listUser?.("ann", call(start + 1000))).toEqual([id]);
  });

  it("keeps nothing of a session that went, and uses its place again", () => {
    const rack = new Rack();
    const peg = rack.add(newId());
    rack.put(peg, record({ data: "secret", userId: "ann" }));
    rack.remove(peg);
    expect(rack.recordAt(peg)).toMatchObject({ data: "", userId: null });
    expect(rack.add(newId())).toBe(peg);
  });

  it("a rotation at the bound keeps the session that moves", async () => {
    vi.spyOn(process, "emitWarning").mockReturnValue();
    const store = memoryStore({ maxSessions: 1 });
    const a = await keep(store);
    const b = newId();
    expect(await store.rotate(a, b, record({ version: 2 }), 1, call())).toBe("saved");
    expect(await store.read(b, call())).toMatchObject({ version: 2 });
  });

  it("removes expired sessions a few at each write", async () => {
    const store = memoryStore();
    for (let n = 0; n < 100; n++) await keep(store, { expiresAt: start + 1000 });
    const later = start + 2000;
    expect(await counted(store, later)).toEqual({ live: 0, expired: 100 });
    for (let n = 0; n < 40; n++) await keep(store, { expiresAt: later + HOUR }, later);
    expect(await counted(store, later)).toEqual({ live: 40, expired: 0 });
  });

  it("works at once: an answer is there in the same turn of the event loop", async () => {
    const store = memoryStore();
    const id = newId();
    const order: string[] = [];
    setImmediate(() => order.push("next turn"));
    await store.create(id, record(), call());
    await store.update(id, record(), 1, call());
    await store.read(id, call());
    order.push("done");
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(["done", "next turn"]);
  });

  it("warns once in production, at its first use, and nowhere else", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockReturnValue();
    vi.stubEnv("NODE_ENV", "development");
    await memoryStore().read(newId(), call());
    vi.stubEnv("NODE_ENV", "production");
    const store = memoryStore();
    expect(warn).not.toHaveBeenCalled();
    for (let n = 0; n < 3; n++) await keep(store);
    expect(warn).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(/forgets every session when the process ends.*sqliteStore/),
      { type: "CoatcheckWarning", code: "COATCHECK_MEMORY_STORE" },
    );
  });

  it("warns once when it begins to forget sessions that live", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockReturnValue();
    const store = memoryStore({ maxSessions: 2 });
    await keep(store);
    await keep(store);
    expect(warn).not.toHaveBeenCalled();
    await keep(store);
    await keep(store);
    expect(warn).toHaveBeenCalledOnce();
    expect(warn.mock.calls[0]?.[0]).toMatch(/holds 2 sessions.*Raise maxSessions/);
  });

  it("works where there is no process to warn", async () => {
    vi.stubGlobal("process", undefined);
    try {
      expect(await memoryStore().read(newId(), call())).toBeNull();
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("refuses a bound that is none", () => {
    for (const maxSessions of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "9" as unknown as number]) {
      expect(() => memoryStore({ maxSessions })).toThrow(/option maxSessions takes a whole number from 1 up/);
    }
  });

  it("takes at most 250 bytes of memory for a session, beside its data", () => {
    const measure = join(import.meta.dirname, "processes/memory-measure.ts");
    const bytes = Number(
      execFileSync(process.execPath, ["--expose-gc", "--import", "./test/runner/from-source.ts", measure], {
        encoding: "utf8",
      }),
    );
    expect(bytes).toBeGreaterThan(100);
    expect(bytes).toBeLessThanOrEqual(250);
  });
});
