/** Stores in files: no name leads out of their folder, and no link that was planted in it shows, changes or removes what it points at. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, type Store, type StoreCall, type StoredRecord, type StoreId } from "coatcheck";
import { type FileStore, fileStore } from "coatcheck/file";
import { sqliteStore } from "coatcheck/sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Browser } from "../instruments/browser.ts";

const call = (now = Date.now()): StoreCall => ({ signal: AbortSignal.timeout(10_000), now });
const newId = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;

function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + 3_600_000, expiry: null };
  return { data: '{"n":1}', version: 1, userId: null, ...times, format: 1, ...changes };
}

let above = "";
let folder = "";
let outside = "";
let store: FileStore;

beforeEach(() => {
  above = mkdtempSync(join(tmpdir(), "coatcheck-attack-"));
  folder = join(above, "sessions");
  outside = join(above, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "canary.txt"), "a secret of another program");
  store = fileStore(folder);
});
afterEach(() => rmSync(above, { recursive: true }));

/** Everything outside of the store's folder. */
const around = () =>
  readdirSync(above, { recursive: true, encoding: "utf8" })
    .filter((path) => path !== "sessions" && !path.startsWith("sessions/"))
    .sort();

const UNTOUCHED = ["outside", "outside/canary.txt"];

function expectUntouched(): void {
  expect(around()).toEqual(UNTOUCHED);
  expect(readFileSync(join(outside, "canary.txt"), "utf8")).toBe("a secret of another program");
}

describe("names that lead elsewhere", () => {
  const ids = [
    "../outside/canary.txt",
    "..",
    ".",
    "",
    "/etc/passwd",
    "..\\outside",
    "%2e%2e%2foutside",
    `${"a".repeat(64)}/../../../outside/canary.txt`,
    `../${"a".repeat(61)}`,
    `${"a".repeat(63)}/`,
    `${"a".repeat(64)}\0`,
    `${"a".repeat(64)}\n`,
    "A".repeat(64),
    "a".repeat(65),
    "__proto__",
  ] as unknown as StoreId[];

  test.each(ids)("as the id %j are refused by every verb", async (id) => {
    const verbs: ((store: Store) => Promise<unknown>)[] = [
      (one) => one.read(id, call()),
      (one) => one.create(id, record(), call()),
      (one) => one.update(id, record(), 1, call()),
      (one) => one.rotate(id, newId(), record(), 1, call()),
      (one) => one.touch(id, Date.now(), 1, call()),
      (one) => one.delete(id, call()),
    ];
    for (const verb of verbs) await expect(verb(store)).rejects.toThrow("64 lower-case hexadecimal digits");
    const from = newId();
    await store.create(from, record(), call());
    await expect(store.rotate(from, id, record(), 1, call())).rejects.toThrow("hexadecimal");
    expectUntouched();
  });

  test.each([
    "../../outside",
    "../../../../../../etc/passwd",
    "a/b",
    "a\\b",
    ".",
    "..",
    "CON",
    "a\nb",
    "~root",
    "$(reboot)",
    "x".repeat(1200),
  ])("as the user %j are a user like any other", async (userId) => {
    const sessions = createSessions({ store });
    const browser = new Browser(sessions);
    await browser.visit((session) => session.login(userId, { label: userId }));
    expect(await sessions.listUserSessions(userId)).toMatchObject([{ label: userId.slice(0, 200) }]);
    expect(await sessions.revokeUser(userId)).toBe(1);
    expect((await browser.open()).userId).toBeNull();
    expectUntouched();
  });

  test("as keys of the data are data", async () => {
    const browser = new Browser(createSessions({ store }));
    await browser.visit((session) => session.set("../../outside/canary.txt", "../../outside").set("\0", 1));
    expect(await browser.sees()).toEqual({ "../../outside/canary.txt": "../../outside", "\0": 1 });
    expectUntouched();
  });
});

describe("a link in the folder", () => {
  const folderOf = (id: StoreId) => join(folder, "sessions", id.slice(0, 2), id);

  async function sweep(): Promise<void> {
    const long = new Date(Date.now() - 3_600_000);
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
      if (!lstatSync(join(folder, name)).isSymbolicLink()) utimesSync(join(folder, name), long, long);
    await fileStore(folder).clearExpired({ ...call(Date.now() + 1e12), limit: 100_000 });
  }

  test("in the place of a record shows nothing of the file, and is removed alone", async () => {
    const id = newId();
    await store.create(id, record(), call());
    const name = readdirSync(folderOf(id)).find((one) => one.endsWith(".json")) as string;
    rmSync(join(folderOf(id), name));
    symlinkSync(join(outside, "canary.txt"), join(folderOf(id), name));
    expect(JSON.stringify(await store.read(id, call()).catch(String))).not.toContain("secret of another");
    await store.delete(id, call()).catch(() => {});
    await sweep();
    expectUntouched();
  });

  test("in the place of a session's folder: what it points at stays as it is", async () => {
    const id = newId();
    await store.create(newId(), record(), call());
    mkdirSync(join(folder, "sessions", id.slice(0, 2)), { recursive: true });
    symlinkSync(outside, folderOf(id));
    expect(await store.read(id, call()).catch(() => null)).toBeNull();
    await store.create(id, record(), call()).catch(() => false);
    await store.update(id, record(), 1, call()).catch(() => "gone");
    await store.delete(id, call()).catch(() => {});
    await sweep();
    expectUntouched();
  });

  test.each(["sessions", "users", "ends", "unfinished"])(
    "within %s: a sweep and a count pass it over",
    async (part) => {
      await store.create(newId(), record({ userId: "ada" }), call());
      for (const name of ["link", "000000000001", "ab", `${"a".repeat(64)}_${"b".repeat(16)}`])
        symlinkSync(outside, join(folder, part, name));
      await store.stats(call()).catch(() => null);
      await sweep().catch(() => {});
      await store.stats(call()).catch(() => null);
      expectUntouched();
    },
  );

  test("to the folder is followed: a folder may be elsewhere", async () => {
    const real = join(above, "sessions-on-another-disk");
    mkdirSync(real);
    symlinkSync(real, folder);
    const browser = new Browser(createSessions({ store: fileStore(folder) }));
    await browser.visit((session) => session.set("a", 1));
    expect(await browser.sees()).toEqual({ a: 1 });
    expect(readlinkSync(folder)).toBe(real);
    expect(existsSync(join(real, "sessions"))).toBe(true);
  });
});

test("sqliteStore opens the file of its path, whatever characters it has, and no other", async () => {
  const inner = join(above, "db");
  mkdirSync(inner);
  for (const name of [
    "a'b.sqlite3",
    'a"b.sqlite3',
    "a;b.sqlite3",
    "a?mode=memory",
    "a#b",
    "file:c",
    "a%2e%2e%2fb",
  ]) {
    const one = sqliteStore(join(inner, name));
    const browser = new Browser(createSessions({ store: one }));
    await browser.visit((session) => session.set("a", 1));
    expect(await browser.sees()).toEqual({ a: 1 });
    await one.close?.();
    expect(existsSync(join(inner, name))).toBe(true);
  }
  expect(around().filter((path) => !path.startsWith("db"))).toEqual(UNTOUCHED);
});
