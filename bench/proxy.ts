import { type AddressInfo, connect, createServer } from "node:net";

export interface Traffic {
  roundTrips: number;
  bytes: number;
  /** The commands of Redis. Those of PostgreSQL, which has another protocol, are not counted. */
  commands: number;
}

export interface CountingProxy {
  readonly port: number;
  readonly traffic: Traffic;
  close(): void;
}

/**
 * A proxy before a server on this machine that counts what goes to and fro. A round trip begins with data to the server
 * that is sent while none is waiting for an answer.
 */
export function countingProxy(target: { host: string; port: number }): Promise<CountingProxy> {
  const traffic: Traffic = { roundTrips: 0, bytes: 0, commands: 0 };
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ ...target, noDelay: true });
    let isOpen = false;
    client.on("data", (bytes) => {
      if (!isOpen) traffic.roundTrips++;
      isOpen = true;
      traffic.bytes += bytes.length;
      traffic.commands += bytes.toString("latin1").match(/\*\d+\r\n\$/g)?.length ?? 0;
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      isOpen = false;
      traffic.bytes += bytes.length;
      client.write(bytes);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
    }
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      resolve({ port, traffic, close: () => server.close() });
    });
  });
}
