/** The stores of a Cloudflare worker, in its runtime: the store contract, the races, and a site of two workers. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Store, StoreCall, StoreCapabilities, StoredRecord, StoreId } from "coatcheck";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Visitor } from "../instruments/visitor.ts";
import { VERBS } from "../instruments/wrapped-store.ts";
import { plainServer } from "../races/plain-server.ts";
import { raceTests } from "../races/race-tests.ts";
import { installed } from "../runtimes/install.ts";
import { type Started, start } from "../runtimes/start.ts";

const folder = new URL("cloudflare/", import.meta.url);

const newFolder = () => mkdtempSync(join(tmpdir(), "coatcheck-cloudflare-"));

let server: Started | undefined;
/** Starts a program of the folder. */
const started = (program: string, own: string) =>
  start({
    program: process.execPath,
    args: [fileURLToPath(new URL(program, folder))],
    folder: own,
    endSignal: "SIGTERM",
  });

beforeAll(async () => {
  await installed(folder);
  server = await started("serve.mjs", newFolder());
});
afterAll(() => server?.stop());

const ask = (path: string, request: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${server?.port}/${path}`, request);

let numbers = 1;

/** A store of a worker, called from here. */
function storeIn(place: string, capabilities: StoreCapabilities, number = numbers++): Store {
  const verbs = [...VERBS, "listUser"].map((verb) => [
    verb,
    async (...args: unknown[]) => {
      const { signal, now } = args.pop() as StoreCall;
      const body = JSON.stringify({ given: args, now });
      const response = await ask(`${place}/stores/${number}/${verb}`, { method: "POST", body, signal });
      if (!response.ok) throw new Error(await response.text());
      return ((await response.json()) as { answer?: unknown }).answer;
    },
  ]);
  return { capabilities, ...Object.fromEntries(verbs) };
}

test("the stores take what Cloudflare's own types describe", { timeout: 60_000 }, async () => {
  const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
  await promisify(execFile)(process.execPath, [tsc, "--noEmit", "-p", fileURLToPath(folder)]).catch(
    ({ stdout }) => {
      throw new Error(stdout);
    },
  );
});

const places: Record<string, StoreCapabilities> = {
  d1: {},
  "durable-object": { expiresNatively: true },
  "durable-objects": { expiresNatively: true },
};

describe.each(Object.entries(places))("%s", (place, capabilities) => {
  test("keeps the store contract in a worker", { timeout: 120_000 }, async () => {
    const { passed, failed } = (await (await ask(`${place}/contract`)).json()) as {
      passed: number;
      failed: string[];
    };
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(60);
  });

  test("10 visits to each of two workers at once, with one cookie, count exactly 20", async () => {
    const site = `${place}/site/${numbers++}`;
    const first = await ask(site);
    const cookie = first.headers.getSetCookie()[0]?.split(";")[0] as string;
    const visit = async (worker: string) => {
      const response = await ask(worker + site, { headers: { cookie } });
      return { status: response.status, visits: await response.json() };
    };
    expect(await visit("two/")).toEqual({ status: 200, visits: 2 });
    const visits = await Promise.all(Array.from({ length: 10 }, () => [visit(""), visit("two/")]).flat());
    expect(visits.map(({ status }) => status)).toEqual(visits.map(() => 200));
    expect(await visit("")).toEqual({ status: 200, visits: 1 + 1 + 20 + 1 });
  });

  // Each call goes to the worker and from there to its store.
  raceTests(place, plainServer, () => storeIn(place, capabilities));
});

describe("three Durable Objects", () => {
  const hour = 3_600_000;
  let number = 0;
  let store: Store;
  beforeEach(() => {
    number = numbers++;
    store = storeIn("durable-objects", { expiresNatively: true }, number);
  });

  const call = () => ({ signal: AbortSignal.timeout(10_000), now: Date.now() });
  const post = async (path: string, body: unknown) =>
    ((await (await ask(path, { method: "POST", body: JSON.stringify(body) })).json()) as { answer: unknown })
      .answer;
  /** Calls a method of the object that has the id. */
  const shard = (method: string, id: StoreId, ...given: unknown[]) =>
    post(`shard/${method}/${number}`, [id, ...given]);

  /** An id of the object `place`. */
  const idIn = (place: number) => `0000000${place}${randomBytes(28).toString("hex")}` as StoreId;

  const record = (changes: Partial<StoredRecord> = {}): StoredRecord => ({
    data: "{}",
    version: Math.floor(Math.random() * 2 ** 53),
    userId: "ann",
    createdAt: Date.now(),
    authenticatedAt: null,
    expiresAt: Date.now() + hour,
    expiry: null,
    format: 1,
    ...changes,
  });

  test("a change of the key that was cut short after its first step never was", async () => {
    const [from, to, before, after] = [idIn(0), idIn(1), record(), record()];
    await store.create(from, before, call());
    expect(await shard("prepare", to, after, from, Date.now())).toBe(true);
    expect([await store.read(from, call()), await store.read(to, call())]).toEqual([before, null]);
    expect(await store.update(to, record(), after.version, call())).toBe("gone");
    expect(await store.touch(to, Date.now() + 2 * hour, after.version, call())).toBe(false);
    expect(await store.rotate(from, idIn(2), record(), before.version, call())).toBe("saved");
    expect(await store.read(to, call())).toBe(null);
  });

  test.each(["read", "update", "touch", "delete", "rotate"] as const)(
    "one that was cut short after its second is finished by the next call, a %s",
    async (verb) => {
      const [from, to, before, after] = [idIn(0), idIn(1), record(), record()];
      await store.create(from, before, call());
      await shard("prepare", to, after, from, Date.now());
      expect(await shard("mark", from, to, "ann", before.version, Date.now())).toBe("saved");
      expect(await store.listUser?.("ann", call())).toEqual([to]);
      expect(await store.read(from, call())).toBe("moved");
      const calls: Record<typeof verb, () => Promise<unknown>> = {
        read: async () => expect(await store.read(to, call())).toEqual(after),
        update: async () => expect(await store.update(to, record(), after.version, call())).toBe("saved"),
        touch: async () =>
          expect(await store.touch(to, after.expiresAt + 1, after.version, call())).toBe(true),
        delete: async () => expect(await store.delete(to, call())).toBeUndefined(),
        rotate: async () =>
          expect(await store.rotate(to, idIn(2), record(), after.version, call())).toBe("saved"),
      };
      await calls[verb]();
      expect(await store.read(to, call())).toEqual(
        { read: after, update: expect.anything(), touch: expect.anything(), delete: null, rotate: "moved" }[
          verb
        ],
      );
    },
  );

  test("a session that moves while the user's sessions are listed is in the list", async () => {
    const [from, to] = [idIn(0), idIn(1)];
    expect(await post(`listing/_/${number}`, { from, to, record: record() })).toEqual([to]);
  });

  test("the alarm removes what has expired, and rings again while there is anything", async () => {
    const [over, live] = [idIn(0), idIn(0)];
    await store.create(over, record({ expiresAt: Date.now() - 1 }), call());
    const next = (await shard("nextAlarm", over)) as number;
    expect(next).toBeGreaterThan(Date.now());
    expect(next).toBeLessThanOrEqual(Date.now() + 24 * hour);
    await store.create(live, record(), call());
    expect(await shard("ring", over)).toBe(1);
    expect(await store.read(live, call())).not.toBe(null);
    await store.delete(live, call());
    expect(await shard("ring", over)).toBe(0);
  });
});

/** The worker that a page of the docs shows, on bindings of its own. */
test.each(["d1", "durable-object"])("the worker of docs/stores/%s.md counts visits", async (page) => {
  const docs = readFileSync(new URL(`../../docs/stores/${page}.md`, import.meta.url), "utf8");
  const [, code = ""] = /```ts worker\.ts\n(.*?)```/s.exec(docs) ?? [];
  const [, table = ""] = /```sql\n(.*?)```/s.exec(docs) ?? [];
  const own = newFolder();
  writeFileSync(join(own, "worker.ts"), code);
  writeFileSync(join(own, "table.sql"), table);
  const shown = await started("serve-docs.mjs", own);
  onTestFinished(() => shown.stop());
  const visitor = new Visitor(shown.port);
  expect((await visitor.visit()).body).toBe("visit 1");
  expect((await visitor.visit()).body).toBe("visit 2");
  await shown.stop();
  await expect(visitor.visit(), "the runtime has ended with its test").rejects.toThrow();
});
