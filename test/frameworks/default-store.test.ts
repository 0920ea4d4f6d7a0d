/** With no store given, the Node adapters keep sessions in ./sessions.sqlite3. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { memoryStore, type Store } from "coatcheck";
import { expect, onTestFinished, test } from "vitest";
import { storeOpenedLater } from "../../src/stores/calls/opened-later.ts";

/** The store as SQLite has it: with every verb. */
const later = (open: () => Promise<Store>) =>
  storeOpenedLater(open, { name: "memory", verbs: ["clearExpired", "listUser", "stats"] });
const call = () => ({ signal: new AbortController().signal, now: Date.now() });
const id = "0".repeat(64) as never;

test("the store is opened at the first need, once", async () => {
  let opened = 0;
  const store = later(async () => {
    opened += 1;
    return memoryStore();
  });
  expect(opened).toBe(0);
  await Promise.all([store.read(id, call()), store.read(id, call())]);
  expect(await store.delete(id, call())).toBeUndefined();
  expect(opened).toBe(1);
});

test("what could not be opened is tried again at the next need", async () => {
  let fails = true;
  const store = later(async () => {
    if (fails) throw new Error("no such folder");
    return memoryStore();
  });
  await expect(store.read(id, call())).rejects.toThrow("no such folder");
  fails = false;
  expect(await store.read(id, call())).toBeNull();
});

test("closing what was never opened opens nothing, and closing what was, closes it", async () => {
  let opened = 0;
  let closed = 0;
  const open = async () => {
    opened += 1;
    const close = async () => {
      closed += 1;
    };
    return { ...memoryStore(), close };
  };
  await later(open).close();
  expect([opened, closed]).toEqual([0, 0]);
  const store = later(open);
  await store.read(id, call());
  await store.close();
  expect([opened, closed]).toEqual([1, 1]);
});

test("it has the verbs that were foreseen, and serves nothing after close", async () => {
  const store = later(async () => memoryStore());
  expect([typeof store.listUser, typeof store.stats, typeof store.check]).toEqual([
    "function",
    "function",
    "undefined",
  ]);
  expect(await store.listUser?.("ann", call())).toEqual([]);
  await store.close();
  await expect(store.read(id, call())).rejects.toThrow(/was closed/);
});

test("session() alone uses ./sessions.sqlite3, and a second process finds what the first stored", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = `
    import { createServer } from "node:http";
    import { existsSync } from "node:fs";
    import { session } from "coatcheck/node";
    const server = createServer(session({}, (req, res) => {
      res.end(String(req.session.update("visits", (n = 0) => n + 1)));
    }));
    server.listen(0, "127.0.0.1", async () => {
      const before = existsSync("sessions.sqlite3");
      process.chdir("/"); // The path was taken when the site began.
      const headers = process.env.COOKIE ? { cookie: process.env.COOKIE } : {};
      const response = await fetch("http://127.0.0.1:" + server.address().port, { headers });
      const cookie = (response.headers.get("set-cookie") ?? "").split(";")[0];
      console.log(JSON.stringify({ before, visits: await response.text(), cookie }));
      process.exit();
    });`;
  const run = async (cookie: string) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        "--import",
        join(process.cwd(), "test/runner/from-source.ts"),
        "--input-type=module",
        "--eval",
        program,
      ],
      { cwd: folder, env: { ...process.env, COOKIE: cookie } },
    );
    return JSON.parse(stdout);
  };
  const first = await run("");
  expect(first).toMatchObject({ before: false, visits: "1" });
  expect(existsSync(join(folder, "sessions.sqlite3"))).toBe(true);
  expect(await run(first.cookie)).toMatchObject({ before: true, visits: "2" });
});
