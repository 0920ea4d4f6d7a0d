/** The stores of a Cloudflare worker, in its runtime: the store contract, the races, and a site of two workers. */
import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Store, StoreCall, StoreCapabilities } from "coatcheck";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERBS } from "../instruments/wrapped-store.ts";
import { plainServer } from "../races/plain-server.ts";
import { raceTests } from "../races/race-tests.ts";
import { installed } from "../runtimes/install.ts";
import { type Started, start } from "../runtimes/start.ts";

const folder = new URL("cloudflare/", import.meta.url);

let server: Started | undefined;
beforeAll(async () => {
  await installed(folder);
  server = await start({
    program: process.execPath,
    args: [fileURLToPath(new URL("serve.mjs", folder))],
    folder: mkdtempSync(join(tmpdir(), "coatcheck-cloudflare-")),
  });
});
afterAll(() => server?.stop());

const ask = (path: string, request: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${server?.port}/${path}`, request);

let numbers = 1;

/** A store of a worker, called from here. */
function storeIn(place: string, capabilities: StoreCapabilities): Store {
  const number = numbers++;
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

const places: Record<string, StoreCapabilities> = { d1: {} };

describe.each(Object.entries(places))("%s", (place, capabilities) => {
  test("keeps the store contract in a worker", { timeout: 120_000 }, async () => {
    const { passed, failed } = (await (await ask(`${place}/contract`)).json()) as {
      passed: number;
      failed: string[];
    };
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(70);
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

  raceTests(place, plainServer, () => storeIn(place, capabilities));
});
