import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoreCall, StoredRecord, StoreId } from "coatcheck";
import { type FileStore, fileStore } from "coatcheck/file";
import { testStore } from "coatcheck/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fullAt, killedAt, slowly } from "../instruments/file-faults.ts";

const HOUR = 3_600_000;
const newFolder = () => mkdtempSync(join(tmpdir(), "coatcheck-file-"));

for (const synchronous of ["normal", "full"] as const) {
  testStore(
    `file, synchronous: ${synchronous}`,
    () => {
      const folder = newFolder();
      return {
        store: fileStore(folder, { synchronous }),
        elsewhere: fileStore(folder, { synchronous }),
        peek(id) {
          const at = join(folder, "sessions", id.slice(0, 2), id);
          return readdirSync(at)
            .map((name) => `${name} ${readFileSync(join(at, name), "utf8")}`)
            .join("\n");
        },
        dispose: () => rmSync(folder, { recursive: true }),
      };
    },
    { describe, it },
  );
}

const call = (now = Date.now()): StoreCall => ({ signal: AbortSignal.timeout(10_000), now });
const newId = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;

function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + HOUR, expiry: null };
  return { data: '{"n":1}', version: 1, userId: null, ...times, format: 1, ...changes };
}

let folder = "";
let store: FileStore;
beforeEach(() => {
  folder = newFolder();
  store = fileStore(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const everything = (at = folder) =>
  readdirSync(at, { withFileTypes: true, recursive: true }).map((entry) => ({
    path: join(entry.parentPath, entry.name),
    isFile: entry.isFile(),
  }));

const files = () =>
  everything()
    .filter(({ isFile }) => isFile)
    .map(({ path }) => relative(folder, path));
const filesOf = (id: StoreId) => readdirSync(join(folder, "sessions", id.slice(0, 2), id)).sort();

/** Clears as if years later, when everything has expired. */
async function sweepAll(): Promise<void> {
  const long = new Date(Date.now() - HOUR);
  for (const { path } of everything()) utimesSync(path, long, long);
  await fileStore(folder).clearExpired({ ...call(Date.now() + 1e12), limit: 100_000 });
}

/** Checks that no file is left, and no folder but those that many sessions share. */
function expectNothingLeft(): void {
  const left = everything().map(({ path }) => relative(folder, path));
  expect(left.filter((path) => !/^(sessions|users|ends|unfinished)(\/[0-9a-f]{2})?$/.test(path))).toEqual([]);
}

describe("fileStore", () => {
  it("keeps all for its owner's eyes only, in the layout that its header shows", async () => {
    const [id, next] = [newId(), newId()];
    await store.create(id, record({ userId: "../ann" }), call());
    await store.rotate(
      id,
      next,
      record({ userId: "../ann", version: 2, expiresAt: 1_767_225_600_000 * 2 }),
      1,
      call(),
    );
    for (const { path, isFile } of everything()) {
      expect(statSync(path).mode & 0o777, path).toBe(isFile ? 0o600 : 0o700);
    }
    expect(filesOf(id)).toEqual([expect.stringMatching(new RegExp(`^moved_${next}_\\d{13}$`))]);
    const [content, state] = filesOf(next);
    expect(content).toMatch(/^[0-9a-f]{16}\.json$/);
    expect(state).toBe(`live_2_3534451200000_${content?.replace(".json", "")}`);
    expect(
      JSON.parse(readFileSync(join(folder, "sessions", next.slice(0, 2), next, content ?? ""), "utf8")),
    ).toEqual({
      data: '{"n":1}',
      userId: "../ann",
      createdAt: expect.any(Number),
      authenticatedAt: null,
      expiry: null,
      format: 1,
    });
    const hash = (await crypto.subtle.digest("SHA-256", new TextEncoder().encode("../ann"))) as ArrayBuffer;
    const user = Buffer.from(hash).toString("hex");
    expect(files().filter((path) => path.startsWith("users"))).toEqual([
      `users/${user.slice(0, 2)}/${user}/${next}`,
    ]);
  });

  it("makes its folder at the first call, and not the one above", async () => {
    await expect(fileStore(join(folder, "no", "sessions")).read(newId(), call())).rejects.toThrow(
      /folder above it must exist/,
    );
    const late = fileStore(join(folder, "late"));
    expect(readdirSync(folder)).toEqual([]);
    expect(await late.read(newId(), call())).toBeNull();
    expect(readdirSync(join(folder, "late")).sort()).toEqual(["ends", "sessions", "unfinished", "users"]);
  });

  it("goes on where it could not begin before", async () => {
    const late = fileStore(join(folder, "no", "sessions"));
    await expect(late.read(newId(), call())).rejects.toThrow();
    mkdirSync(join(folder, "no"));
    expect(await late.create(newId(), record(), call())).toBe(true);
  });

  it("never says absent when its folder is gone, as a disk that is not mounted, and goes on when it is back", async () => {
    const id = newId();
    await store.create(id, record(), call());
    renameSync(folder, `${folder}-away`);
    mkdirSync(folder);
    for (const asked of [id, newId()]) {
      await expect(store.read(asked, call())).rejects.toThrow(/ENOENT/);
      await expect(store.update(asked, record(), 1, call())).rejects.toThrow(/ENOENT/);
      await expect(store.delete(asked, call())).rejects.toThrow(/ENOENT/);
      await expect(store.create(asked, record({ userId: "ann" }), call())).rejects.toThrow(/ENOENT/);
    }
    await expect(store.check(call())).rejects.toThrow(/cannot hold sessions now/);
    await expect(store.listUser("ann", call())).rejects.toThrow(/ENOENT/);
    await expect(store.clearExpired({ ...call(), limit: 1 })).rejects.toThrow(/ENOENT/);
    await expect(store.stats(call())).rejects.toThrow(/ENOENT/);
    expect(everything()).toEqual([]);
    rmSync(folder, { recursive: true });
    renameSync(`${folder}-away`, folder);
    expect(await store.read(id, call())).toMatchObject({ version: 1 });
  });

  // Reports: CVE-2024-3400.
  it("takes only ids: no path leads out of its folder", async () => {
    for (const id of ["", "..", "../../etc/passwd", "A".repeat(64), `${"a".repeat(63)}/`, `${newId()}\n`]) {
      await expect(store.read(id as StoreId, call())).rejects.toThrow(/64 lower-case/);
      await expect(store.rotate(newId(), id as StoreId, record(), 1, call())).rejects.toThrow(
        /64 lower-case/,
      );
    }
  });

  it("refuses options that cannot work, saying what they take", () => {
    for (const wrong of ["", undefined, 7])
      expect(() => fileStore(wrong as string)).toThrow(/path of a folder/);
    expect(() => fileStore(folder, { synchronous: "off" as "full" })).toThrow(
      /synchronous takes "normal" or "full"/,
    );
  });

  it("says at check that a folder cannot be written", async () => {
    await store.check(call());
    expect(files()).toEqual([]);
    if (process.getuid?.() === 0) return;
    chmodSync(join(folder, "users"), 0o500);
    await expect(store.check(call())).rejects.toThrow(/allowed to write/);
    chmodSync(join(folder, "users"), 0o700);
  });

  it("a damaged session counts as ended, and one warning tells of it", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (const damage of ["empty", "cut", "zeros", "missing"]) {
      const id = newId();
      await store.create(id, record(), call());
      const [content = ""] = filesOf(id);
      const path = join(folder, "sessions", id.slice(0, 2), id, content);
      const text = readFileSync(path, "utf8");
      if (damage === "missing") rmSync(path);
      else
        writeFileSync(
          path,
          damage === "empty" ? "" : damage === "cut" ? text.slice(0, -1) : "\0".repeat(text.length),
        );
      expect(await store.read(id, call()), damage).toBeNull();
      expect((await store.stats(call())).live).toBe(0);
      await store.delete(id, call());
    }
    expect(warn.mock.calls.map(([, options]) => options)).toEqual([
      { type: "CoatcheckWarning", code: "COATCHECK_FILE_STORE_DAMAGED" },
    ]);
    warn.mockRestore();
    await sweepAll();
    expectNothingLeft();
  });

  it("waits for the disk at each write when told so", async () => {
    const fs = await import("node:fs/promises");
    const handle = await fs.open(folder, "r");
    const sync = vi.spyOn(Object.getPrototypeOf(handle), "sync");
    await handle.close();
    const id = newId();
    await store.create(id, record(), call());
    expect(sync).not.toHaveBeenCalled();
    const full = fileStore(folder, { synchronous: "full" });
    const synced = async (work: Promise<unknown>) => {
      await work;
      return sync.mock.calls.splice(0).length;
    };
    // The record, and the folders above it up to the first that existed before.
    expect(await synced(full.create(newId(), record({ userId: "ann" }), call()))).toBeGreaterThanOrEqual(8);
    expect(await synced(full.update(id, record({ version: 2 }), 1, call()))).toBe(2);
    expect(await synced(full.touch(id, Date.now() + 2 * HOUR, 2, call()))).toBe(1);
    expect(await synced(full.delete(id, call()))).toBe(1);
    sync.mockRestore();
  });

  it("leaves no file of a session that was deleted, nor of one that was rotated once its minute is over", async () => {
    const [id, next] = [newId(), newId()];
    await store.create(id, record({ userId: "ann" }), call());
    for (let n = 1; n < 5; n++) await store.update(id, record({ userId: "ann", version: n + 1 }), n, call());
    expect(filesOf(id)).toHaveLength(2);
    await store.rotate(id, next, record({ userId: "ann" }), 5, call());
    await store.delete(next, call());
    expect(await store.clearExpired({ ...call(Date.now() + 60_000), limit: 10 })).toBe(1);
    await sweepAll();
    expectNothingLeft();
  });

  it("a session that is prolonged again and again is swept at its end, though its entry names an earlier one", async () => {
    const now = Date.now();
    const id = newId();
    await store.create(id, record({ expiresAt: now + HOUR }), call(now));
    await store.touch(id, now + 2 * HOUR, 1, call(now));
    await store.update(id, record({ version: 2, expiresAt: now + 3 * HOUR }), 1, call(now));
    for (const hour of [1, 2, 2.9]) {
      expect(await store.clearExpired({ ...call(now + hour * HOUR), limit: 10 })).toBe(0);
      expect(files().filter((path) => path.startsWith("ends"))).toHaveLength(1);
    }
    await store.update(id, record({ version: 3, expiresAt: now + 2.95 * HOUR }), 2, call(now));
    expect(await store.clearExpired({ ...call(now + 2.95 * HOUR), limit: 10 })).toBe(1);
    await sweepAll();
    expectNothingLeft();
  });

  it("a sweep looks at what has expired and not at what lives", async () => {
    const now = Date.now();
    for (let n = 0; n < 200; n++)
      await store.create(newId(), record({ expiresAt: now + HOUR + n }), call(now));
    for (let n = 0; n < 5; n++) await store.create(newId(), record({ expiresAt: now + 1000 }), call(now));
    const seen = new Set<string>();
    const fs = await import("node:fs/promises");
    const { syncBuiltinESMExports } = await import("node:module");
    const readdir = vi.spyOn(fs.default, "readdir").mockImplementation(((path: string) => {
      seen.add(path);
      return Promise.resolve(readdirSync(path));
    }) as never);
    syncBuiltinESMExports();
    expect(await store.clearExpired({ ...call(now + 1000), limit: 100 })).toBe(5);
    readdir.mockRestore();
    syncBuiltinESMExports();
    expect([...seen].filter((path) => path.includes("sessions"))).toHaveLength(5);
  });

  it("files and folders of other programs stop nothing, and are left alone", async () => {
    const now = Date.now();
    const ids = [newId(), newId(), newId()];
    for (const [n, id] of ids.entries())
      await store.create(id, record({ userId: "ann", expiresAt: now + HOUR * (n + 1) }), call(now));
    const folders = [
      folder,
      ...everything()
        .filter(({ isFile }) => !isFile)
        .map(({ path }) => path),
    ];
    const strays = folders.flatMap((at) => {
      const [state = "state"] = readdirSync(at).filter((name) => name.startsWith("live_"));
      const names = [".DS_Store", "._note.json", "Thumbs.db", `${state} copy`, "0000.txt"];
      for (const name of names) writeFileSync(join(at, name), "stray");
      mkdirSync(join(at, "lost+found"));
      writeFileSync(join(at, "lost+found", "note"), "stray");
      return [...names, "lost+found"].map((name) => join(at, name));
    });
    const long = new Date(Date.now() - HOUR);
    for (const path of strays) utimesSync(path, long, long);

    expect(await store.listUser("ann", call(now))).toHaveLength(3);
    expect(await store.stats(call(now))).toMatchObject({ live: 3, authenticated: 3 });
    const [first, second, third] = ids as [StoreId, StoreId, StoreId];
    expect(await store.read(first, call(now))).toMatchObject({ version: 1 });
    expect(await store.update(first, record({ userId: "ann", version: 2 }), 1, call(now))).toBe("saved");
    const moved = newId();
    expect(await store.rotate(first, moved, record({ userId: "ann", version: 3 }), 2, call(now))).toBe(
      "saved",
    );
    expect(await store.delete(second, call(now))).toBeUndefined();
    expect(await store.listUser("ann", call(now))).toEqual(expect.arrayContaining([moved, third]));
    expect(await store.clearExpired({ ...call(now + 5 * HOUR), limit: 10 })).toBe(3);
    await sweepAll();
    expect(await store.stats(call(now + 5 * HOUR))).toMatchObject({ live: 0, expired: 0 });
    expect(await store.listUser("ann", call(now))).toEqual([]);
    expect(files().filter((path) => /_[0-9a-f]{16,64}$/.test(path))).toEqual([]);
    for (const path of strays) expect(existsSync(path), path).toBe(true);
  });

  it("stops clearing when its signal aborts", async () => {
    const now = Date.now();
    for (let n = 0; n < 100; n++) await store.create(newId(), record({ expiresAt: now + 1000 }), call(now));
    const controller = new AbortController();
    const sweep = store.clearExpired({ signal: controller.signal, now: now + 1000, limit: 100 });
    setTimeout(() => controller.abort(new Error("enough")), 2);
    await expect(sweep).rejects.toThrow("enough");
    expect((await store.stats(call(now + 1000))).expired).toBeGreaterThan(0);
  });

  it("a session read while it is written all the time is always there, and whole", async () => {
    const id = newId();
    await store.create(id, record({ version: 0, data: "0".repeat(3000) }), call());
    let running = true;
    let reads = 0;
    const readers = Array.from({ length: 4 }, async () => {
      const mine = fileStore(folder);
      for (; running; reads++) {
        const seen = await mine.read(id, call());
        if (seen === null || seen === "moved") throw new Error(`read ${reads}: ${seen}`);
        expect(new Set(seen.data)).toEqual(new Set([String(seen.version % 10)]));
      }
    });
    for (let n = 0; n < 300; n++) {
      const next = record({ version: n + 1, data: String((n + 1) % 10).repeat(3000) });
      expect(await store.update(id, next, n, call())).toBe("saved");
      if (n % 3 === 0) expect(await store.touch(id, Date.now() + 2 * HOUR + n, n + 1, call())).toBe(true);
    }
    running = false;
    await Promise.all(readers);
    expect(reads).toBeGreaterThan(100);
    expect(filesOf(id)).toHaveLength(2);
  }, 60_000);
});

describe("with every file operation held up at random", () => {
  /** Writes `change` on what is there, again and again until it is saved or the session is gone. */
  async function persist(mine: FileStore, id: StoreId, change: (data: string) => string): Promise<boolean> {
    for (;;) {
      const seen = await mine.read(id, call());
      if (seen === null || seen === "moved") return false;
      const next = { ...seen, data: change(seen.data), version: Math.floor(Math.random() * 2 ** 53) };
      if ((await mine.update(id, next, seen.version, call())) === "saved") return true;
    }
  }

  it("writers, touches and sweeps lose nothing, and the reader always finds a whole record", async () => {
    const id = newId();
    await store.create(id, record({ data: "0", userId: "ann" }), call());
    let running = true;
    await slowly(async () => {
      const raise = async () => {
        for (let n = 0; n < 8; n++)
          expect(await persist(fileStore(folder), id, (data) => `${Number(data) + 1}`)).toBe(true);
      };
      const touch = async () => {
        for (let n = 1; running; n++) {
          const seen = await store.read(id, call());
          if (seen === null || seen === "moved") throw new Error(`read as ${seen}`);
          await store.touch(id, seen.expiresAt + n, seen.version, call());
        }
      };
      const sweep = async () => {
        while (running)
          expect(await store.clearExpired({ ...call(Date.now() + HOUR - 5000), limit: 10 })).toBe(0);
      };
      await Promise.all([
        Promise.all([raise(), raise(), raise(), raise()]).finally(() => {
          running = false;
        }),
        touch(),
        sweep(),
      ]);
    });
    expect(await store.read(id, call())).toMatchObject({ data: "32", userId: "ann" });
    expect(filesOf(id)).toHaveLength(2);
    expect(await store.listUser("ann", call())).toEqual([id]);
  }, 60_000);

  it("a delete or a rotation among writers: the session ends, or lives in one place, and nothing is left over", async () => {
    const warn = vi.spyOn(process, "emitWarning");
    for (let round = 0; round < 24; round++) {
      const [id, one, other] = [newId(), newId(), newId()];
      await store.create(id, record({ data: "" }), call());
      const next = record({ version: 2, userId: "ann" });
      const [rotated, rotatedToo, deleted] = await slowly(() =>
        Promise.all([
          round % 3 ? store.rotate(id, one, next, 1, call()) : "gone",
          round % 3 ? fileStore(folder).rotate(id, other, next, 1, call()) : "gone",
          round % 2 ? undefined : sleep(10).then(() => store.delete(id, call())),
          ...["a", "b", "c"].map((letter) => persist(fileStore(folder), id, (data) => `${data}${letter}`)),
        ]),
      );
      const places = [];
      for (const place of [id, one, other]) {
        const seen = await store.read(place, call());
        if (seen !== null && seen !== "moved") places.push(place);
      }
      const expected = rotated === "saved" ? [one] : rotatedToo === "saved" ? [other] : round % 2 ? [id] : [];
      expect(places, `${JSON.stringify([rotated, rotatedToo, deleted])}`).toEqual(expected);
      for (const place of places) await store.delete(place, call());
    }
    expect(warn, "of a damaged session").not.toHaveBeenCalled();
    warn.mockRestore();
    await sweepAll();
    expectNothingLeft();
  }, 60_000);
});

describe("killed before any file operation, or in the middle of it, a fileStore leaves one session or none", () => {
  const [id, next] = [newId(), newId()];
  const first = record({ userId: "ann", data: "1".repeat(5000) });
  const second = record({
    userId: "ann",
    data: "2".repeat(5000),
    version: 2,
    expiresAt: first.expiresAt + HOUR,
  });

  /** The states that a verb may leave, as they are read under the two ids. */
  const verbs: Record<string, { run(mine: FileStore): Promise<unknown>; leaves: string[] }> = {
    create: { run: (mine) => mine.create(next, second, call()), leaves: ["1-", "12"] },
    update: { run: (mine) => mine.update(id, second, 1, call()), leaves: ["1-", "2-"] },
    "update to an earlier end": {
      run: (mine) => mine.update(id, { ...second, expiresAt: first.expiresAt - 1000 }, 1, call()),
      leaves: ["1-", "2-"],
    },
    rotate: { run: (mine) => mine.rotate(id, next, second, 1, call()), leaves: ["1-", "m2"] },
    touch: { run: (mine) => mine.touch(id, first.expiresAt + 1, 1, call()), leaves: ["1-"] },
    delete: { run: (mine) => mine.delete(id, call()), leaves: ["1-", "--"] },
    clearExpired: {
      run: (mine) => mine.clearExpired({ ...call(first.expiresAt), limit: 10 }),
      leaves: ["1-", "--"],
    },
  };

  for (const [verb, { run, leaves }] of Object.entries(verbs)) {
    it(verb, async () => {
      const left = new Set<string>();
      let wasKilled = true;
      for (let at = 0; wasKilled; at++) {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
        await fileStore(folder).create(id, first, call());
        wasKilled = await killedAt(at, () => run(fileStore(folder)));

        const survivor = fileStore(folder);
        const read = async (of: StoreId) => {
          const seen = await survivor.read(of, call());
          if (seen === null || seen === "moved") return seen === null ? "-" : "m";
          expect([first.data, second.data]).toContain(seen.data);
          expect(await survivor.listUser("ann", call())).toContain(of);
          return seen.data.slice(0, 1);
        };
        const state = (await read(id)) + (await read(next));
        expect(leaves, `killed at operation ${at}`).toContain(state);
        left.add(state);

        // Nothing is locked: a session that lives can be written and ended at once.
        const [live = "", version = 0] = state.startsWith("1")
          ? [id, 1]
          : state.startsWith("2")
            ? [id, 2]
            : [next, 2];
        if (state !== "--")
          expect(await survivor.update(live as StoreId, { ...second, version: 3 }, version, call())).toBe(
            "saved",
          );
        for (const one of [id, next]) {
          const moved = await survivor.delete(one, call());
          if (moved !== undefined) expect(await survivor.delete(moved.movedTo, call())).toBeUndefined();
        }
        expect(await survivor.read(id, call())).not.toBeTypeOf("function");
        expect(["-", "m"]).toContain(await read(id));
        expect(await read(next)).toBe("-");
        await sweepAll();
        expectNothingLeft();
        if (at > 200) throw new Error("the verb has no end");
      }
      expect([...left].sort(), "all that it may leave was seen").toEqual([...leaves].sort());
    }, 60_000);
  }
});

describe("a full disk", () => {
  it("at any file operation is an error that changes nothing and leaves nothing behind", async () => {
    const [id, next] = [newId(), newId()];
    const first = record({ userId: "ann" });
    const second = record({ userId: "ann", data: "2".repeat(5000), version: 2 });
    const writes: Record<string, () => Promise<unknown>> = {
      create: () => store.create(next, second, call()),
      update: () => store.update(id, second, 1, call()),
      rotate: () => store.rotate(id, next, second, 1, call()),
    };
    for (const [verb, write] of Object.entries(writes)) {
      for (let at = 0, wasFull = true; wasFull; at++) {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
        store = fileStore(folder);
        await store.create(id, first, call());
        wasFull = await fullAt(at, write);
        const [old, fresh] = [await store.read(id, call()), await store.read(next, call())];
        if (wasFull && old !== "moved") {
          expect(old, `${verb}, operation ${at}`).toMatchObject({ data: first.data });
          expect(fresh).toBeNull();
          expect(filesOf(id)).toHaveLength(2);
        } else if (verb === "rotate") expect(fresh).toMatchObject({ data: second.data });
        for (const one of [id, next]) await store.delete(one, call());
        await sweepAll();
        expectNothingLeft();
      }
    }
  });

  it("a real one: what is there stays readable, can be deleted, and then there is room again", async (test) => {
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=400k", "tmpfs", folder]);
    if (mounted.status !== 0) test.skip("no right to mount a small disk here");
    try {
      const kept = new Map<StoreId, StoredRecord>();
      let fault: unknown;
      while (fault === undefined) {
        const [id, one] = [newId(), record({ data: "x".repeat(10_000), userId: "ann" })];
        await store.create(id, one, call()).then(
          () => kept.set(id, one),
          (error) => {
            fault = error;
          },
        );
      }
      expect(fault).toMatchObject({ code: "ENOSPC" });
      expect(kept.size).toBeGreaterThan(5);
      const [some] = [...kept.keys()];
      await expect(
        store.update(some as StoreId, record({ data: "y".repeat(50_000) }), 1, call()),
      ).rejects.toThrow(/ENOSPC/);
      await expect(
        store.rotate(some as StoreId, newId(), record({ data: "y".repeat(50_000) }), 1, call()),
      ).rejects.toThrow(/ENOSPC/);
      expect(() => {
        for (let n = 0; ; n++) writeFileSync(join(folder, `filler-${n}`), "x".repeat(4096));
      }).toThrow(/ENOSPC/);
      await expect(store.check(call())).rejects.toThrow(/must have room/);
      for (const [id, one] of kept) expect(await store.read(id, call())).toEqual(one);
      expect(await store.touch(some as StoreId, Date.now() + 2 * HOUR, 1, call())).toBe(true);
      for (const id of kept.keys()) await store.delete(id, call());
      for (const name of readdirSync(folder)) if (name.startsWith("filler")) rmSync(join(folder, name));
      await store.check(call());
      expect(await store.create(newId(), record({ data: "z".repeat(10_000) }), call())).toBe(true);
      await sweepAll();
      expectNothingLeft();
    } finally {
      spawnSync("umount", ["-l", folder]);
    }
  });
});

describe("several processes on one folder", () => {
  const children: ChildProcess[] = [];
  async function start(...args: string[]): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, "processes/file-writer.ts"), args, {
      execArgv: ["--import", "./test/runner/from-source.ts"],
    });
    children.push(child);
    await once(child, "message");
    return child;
  }
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  it("raise one counter, each 200 times: 400", async () => {
    const id = newId();
    const writers = [await start("count", folder, id, "200"), await start("count", folder, id, "200")];
    for (const child of writers) child.send("go");
    const codes = await Promise.all(writers.map(async (child) => (await once(child, "exit"))[0]));
    expect(codes).toEqual([0, 0]);
    expect(await store.read(id, call())).toMatchObject({ data: "400" });
    expect(filesOf(id)).toHaveLength(2);
  }, 60_000);

  it("killed 30 times or more in the middle of their work: every session is whole and free, and nothing is left over", async () => {
    const at = join(folder, "sessions");
    /** The ids, once there is a folder for them. */
    const ids = () =>
      (existsSync(at) ? readdirSync(at) : []).flatMap((shard) => readdirSync(join(at, shard)) as StoreId[]);
    let sessions = 0;
    let next = start("storm", folder);
    // A slow machine leaves fewer sessions behind in a round, and gets more rounds.
    for (let round = 0; round < 30 || (sessions <= 30 && round < 300); round++) {
      const child = await next;
      next = start("storm", folder);
      child.send("go");
      // It is killed when it has this many sessions: none, some, or more.
      while (ids().length < round % 5) await sleep(1);
      await sleep(Math.random() * 20);
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      for (const id of ids()) {
        const seen = await store.read(id, call());
        if (seen === null || seen === "moved") continue;
        sessions++;
        const [length, text] = seen.data.split(":");
        expect(text).toHaveLength(Number(length));
        if (seen.userId !== null) expect(await store.listUser("ann", call())).toContain(id);
        expect(await store.update(id, { ...seen, version: 5 }, seen.version, call())).toBe("saved");
        await store.delete(id, call());
      }
    }
    (await next).kill("SIGKILL");
    expect(sessions).toBeGreaterThan(30);
    await sweepAll();
    expectNothingLeft();
  }, 180_000);
});
