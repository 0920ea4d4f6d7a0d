/** A proxy that speaks https with the browser and http with the server, and says so, as sites have it. */
import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { selfMadeCertificate } from "../instruments/self-made-certificate.ts";

/** Starts the proxy of a port; `close` ends it. */
export async function tlsProxyOf(port: number): Promise<{ port: number; close: () => void }> {
  const server = createServer(selfMadeCertificate(), (incoming, response) => {
    const { method, url: path, headers } = incoming;
    const told = { ...headers, "x-forwarded-proto": "https" };
    const onward = request({ host: "127.0.0.1", port, method, path, headers: told, agent: false });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode as number, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
