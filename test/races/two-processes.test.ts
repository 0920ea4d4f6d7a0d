import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const program = join(import.meta.dirname, "counting-server.ts");
const fromSource = join(import.meta.dirname, "../from-source.ts");

let folder: string;
let servers: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coatcheck-processes-"));
  const file = join(folder, "sessions.sqlite3");
  servers = [1, 2].map(() => fork(program, [file], { execArgv: ["--import", fromSource] }));
});

afterEach(async () => {
  await Promise.all(
    servers.map(async (server) => {
      const gone = once(server, "exit");
      server.disconnect();
      await gone;
    }),
  );
  await rm(folder, { recursive: true });
});

test("50 visits to each of two processes at once, with one cookie and one SQLite file, count exactly 100", async () => {
  const ports = await Promise.all(
    servers.map(async (server) => (await once(server, "message"))[0] as number),
  );
  const visit = async (port: number, cookie = "") => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { cookie } });
    return { response, visits: Number(await response.text()) };
  };
  const [one = 0, two = 0] = ports;
  const first = await visit(one);
  const cookie = first.response.headers.getSetCookie()[0]?.split(";")[0] as string;
  expect(first.visits).toBe(1);

  const visits = await Promise.all(
    Array.from({ length: 50 }, () => [visit(one, cookie), visit(two, cookie)]).flat(),
  );
  expect(visits.map(({ response }) => response.status)).toEqual(visits.map(() => 200));
  expect(visits.flatMap(({ response }) => response.headers.getSetCookie())).toEqual([]);
  expect((await visit(two, cookie)).visits).toBe(1 + 100 + 1);
});
