import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";

test("no fetch of a test takes a connection that another has left open", async () => {
  const ports: unknown[] = [];
  const server = createServer((request, response) => {
    ports.push(request.socket.remotePort);
    request.pipe(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const visits = 20;
  for (let visit = 0; visit < visits; visit++) {
    const body = new URLSearchParams({ visit: String(visit) });
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
    expect(await response.text()).toBe(String(body));
  }
  expect(new Set(ports).size).toBe(visits);
});
