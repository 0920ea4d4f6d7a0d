import { expect, test } from "vitest";
import { startProcess } from "./server-process.ts";

const startServer = async (storeUrl: string) => (await startProcess("counting-server.ts", storeUrl)).port;

async function visit(port: number, cookie = "") {
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { cookie } });
  return { response, visits: Number(await response.text()) };
}

/** Visits until the answer is no 503: with a `storeTimeout` of a second, a busy machine alone can make one of any visit. */
async function untilServed(visiting: () => ReturnType<typeof visit>) {
  for (let tries = 1; ; tries++) {
    const { response, visits } = await visiting();
    if (response.status === 503) continue;
    expect(response.status).toBe(200);
    return { response, visits, tries };
  }
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

  // Reports: functions that a host freezes between requests.
  test("a process that was stopped for longer than storeTimeout goes on, and each visit counts once or fails", async () => {
    const url = await prepare();
    const { server, port } = await startProcess("counting-server.ts", url, "1");
    const first = (await untilServed(() => visit(port))).response;
    const cookie = first.headers.getSetCookie()[0]?.split(";")[0] as string;
    const during = Array.from({ length: 10 }, () => visit(port, cookie));
    server.kill("SIGSTOP");
    setTimeout(() => server.kill("SIGCONT"), 1500);
    const answers = await Promise.all(during);
    const counted = answers.filter(({ response }) => response.status === 200).length;
    for (const { response } of answers) expect([200, 503]).toContain(response.status);
    const next = await untilServed(() => visit(port, cookie));
    // A write whose answer came too late may have been stored.
    expect(next.visits).toBeGreaterThanOrEqual(1 + counted + 1);
    expect(next.visits).toBeLessThanOrEqual(1 + 10 + next.tries);
  }, 60_000);
}
