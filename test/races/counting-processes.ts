import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const program = join(import.meta.dirname, "counting-server.ts");
const fromSource = join(import.meta.dirname, "../runner/from-source.ts");

/** Starts a server process on the store of a URL, for one test; resolves to its port. */
async function startServer(storeUrl: string): Promise<number> {
  const server = fork(program, [storeUrl], { execArgv: ["--import", fromSource] });
  onTestFinished(async () => {
    const gone = once(server, "exit");
    server.disconnect();
    await gone;
  });
  return (await once(server, "message"))[0] as number;
}

async function visit(port: number, cookie = "") {
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { cookie } });
  return { response, visits: Number(await response.text()) };
}

/** Registers the test that two processes over one store count exactly; `prepare` resolves to the URL of the store. */
export function countInTwoProcesses(prepare: () => Promise<string>): void {
  test("50 visits to each of two server processes at once, with one cookie, count exactly 100", async () => {
    const url = await prepare();
    const [one, two] = await Promise.all([startServer(url), startServer(url)]);
    const first = await visit(one);
    const cookie = first.response.headers.getSetCookie()[0]?.split(";")[0] as string;
    expect(first.visits).toBe(1);

    const visits = await Promise.all(
      Array.from({ length: 50 }, () => [visit(one, cookie), visit(two, cookie)]).flat(),
    );
    expect(visits.map(({ response }) => response.status)).toEqual(visits.map(() => 200));
    expect(visits.flatMap(({ response }) => response.headers.getSetCookie())).toEqual([]);
    expect((await visit(two, cookie)).visits).toBe(1 + 100 + 1);
  }, 60_000);
}
