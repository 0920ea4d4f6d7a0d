/** Real sockets for the tests of frameworks: a server on a free port, and a client that sees every byte. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { onTestFinished } from "vitest";

/** Listens until the test has ended; resolves to the port. */
export async function listen(listener: RequestListener): Promise<number> {
  return portOf(createServer(listener));
}

export async function portOf(server: Pick<Server, "listen" | "address" | "close" | "once">): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server as Server, "listening");
  onTestFinished(() => {
    server.close();
    (server as Partial<Server>).closeAllConnections?.();
  });
  return (server.address() as AddressInfo).port;
}

/** What came back over one connection, byte for byte. */
export interface Wire {
  readonly received: string;
  send(text: string): void;
  /** Resolves when the text has been received. */
  until(text: string): Promise<void>;
  /** Resolves to all that was received, when the server has closed the connection. */
  readonly closed: Promise<string>;
  /** Reads nothing more. */
  pause(): void;
  hangUp(): void;
}

export function dial(port: number): Wire {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("latin1");
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  let received = "";
  const waiting: { text: string; resolve(): void }[] = [];
  socket.on("data", (data) => {
    received += data;
    for (const { text, resolve } of waiting) if (received.includes(text)) resolve();
  });
  const closed = new Promise<string>((resolve) => socket.on("close", () => resolve(received)));
  return {
    get received() {
      return received;
    },
    closed,
    send: (text) => void socket.write(text),
    until: (text) =>
      new Promise((resolve, reject) => {
        if (received.includes(text)) return resolve();
        waiting.push({ text, resolve });
        void closed.then(() =>
          reject(new Error(`The connection closed before ${JSON.stringify(text)} came.`)),
        );
      }),
    pause: () => void socket.pause(),
    hangUp: () => void socket.destroy(),
  };
}

/** One request on a connection of its own; resolves to the whole answer as it came, without its Date. */
export async function ask(port: number, request = "GET / HTTP/1.1", headers = ""): Promise<string> {
  const wire = dial(port);
  wire.send(`${request}\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`);
  return (await wire.closed).replace(/^Date: .*\r\n/m, "");
}

/** A promise to be settled by hand: it forces the order of things. */
export interface Gate<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function gate<T = void>(): Gate<T> {
  let settle!: Omit<Gate<T>, "promise">;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => {}); // It may be rejected before anybody waits for it.
  return { promise, ...settle };
}

/** Waits some turns of the event loop, so that all that needs no further event has happened. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
}
