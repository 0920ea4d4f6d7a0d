import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { startProcess } from "./server-process.ts";

/** An OAuth endpoint that takes each refresh token once. A token used a second time is told to the test. */
async function startEndpoint() {
  let valid = 1;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const token = request.url?.slice(1) ?? "";
    asked.push(token);
    if (token !== String(valid)) {
      response.writeHead(400).end("This refresh token was used before.");
      return;
    }
    valid++;
    // An answer takes its time.
    setTimeout(() => response.end(String(valid)), 50);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const startServer = async (...parameters: string[]) =>
  (await startProcess("refreshing-server.ts", ...parameters)).port;

const visit = (port: number, path: string, cookie = "") =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });

/** Registers the tests of `once` in two processes over one store; `prepare` resolves to the URL of the store. */
export function refreshInTwoProcesses(prepare: () => Promise<string>): void {
  async function start() {
    const url = await prepare();
    const endpoint = await startEndpoint();
    const [one, two] = await Promise.all([startServer(url, endpoint.url), startServer(url, endpoint.url)]);
    const first = await visit(one, "/first");
    return { endpoint, one, two, cookie: first.headers.getSetCookie()[0]?.split(";")[0] as string };
  }

  test("20 requests at once to two processes, again and again, use each refresh token once", async () => {
    const { endpoint, one, two, cookie } = await start();
    for (let round = 0; round < 3; round++) {
      const visits = Array.from({ length: 10 }, () => [one, two]).flat();
      const answers = await Promise.all(visits.map((port) => visit(port, "/refresh", cookie)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    }
    expect(new Set(endpoint.asked).size).toBe(endpoint.asked.length);
  }, 60_000);

  test("a process killed before it asked the endpoint holds the others up for its lease, and no longer", async () => {
    const { endpoint, one, two, cookie } = await start();
    await expect(visit(one, "/die", cookie)).rejects.toThrow();
    const answers = await Promise.all(Array.from({ length: 5 }, () => visit(two, "/refresh", cookie)));
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(answers.map(() => "2"));
    expect(endpoint.asked).toEqual(["1"]);
  }, 60_000);
}
