/** Sockets that know their visitor, as their users mount `session()`: socket.io's `engine.use`, and `session(req, {}, next)` with ws. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createSessions, memoryStore, type Options, type Session, type Store } from "coatcheck";
import { session } from "coatcheck/express";
import express from "express";
import { Server as SocketServer } from "socket.io";
import { io, type Socket } from "socket.io-client";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { faultyStore } from "../instruments/faulty-store.ts";
import { spyStore } from "../instruments/spy-store.ts";
import { Visitor } from "../instruments/visitor.ts";

/** A site whose sockets answer each message with what `answer` makes of it. */
interface Site {
  readonly visitor: Visitor;
  /** Opens a socket with the visitor's cookie, and resolves to its answer to one message; rejects when it was refused. */
  ask(message: string): Promise<string>;
}

type Answer = (session: Session, message: string) => Promise<string>;

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

function pages(serve: ReturnType<typeof session>) {
  const app = express();
  app.use(serve);
  app.get("/login", (req, res) => {
    req.session.login("ann");
    res.send("signed in");
  });
  app.get("/", (req, res) => void res.json([req.session.userId, req.session.toObject()]));
  return app;
}

const bySocketIo =
  (transport: "polling" | "websocket") => async (options: Options & { store: Store }, answer: Answer) => {
    const serve = session(createSessions(options));
    const server = createServer(pages(serve));
    const sockets = new SocketServer(server);
    onTestFinished(() => void sockets.close());
    sockets.engine.use(serve);
    sockets.on("connection", (socket) => {
      const { session } = socket.request as IncomingMessage & { session: Session };
      socket.on("message", async (message: string, reply: (text: string) => void) => {
        reply(await answer(session, message));
      });
    });
    const port = await listen(server);
    const visitor = new Visitor(port);
    async function ask(message: string): Promise<string> {
      const headers = visitor.cookie === undefined ? {} : { cookie: visitor.cookie };
      const socket: Socket = io(`http://127.0.0.1:${port}`, {
        transports: [transport],
        extraHeaders: headers,
        reconnection: false,
        forceNew: true,
      });
      onTestFinished(() => void socket.close());
      await new Promise<void>((resolve, reject) => {
        socket.on("connect", resolve);
        socket.on("connect_error", reject);
      });
      return socket.emitWithAck("message", message);
    }
    return { visitor, ask };
  };

async function byWs(options: Options & { store: Store }, answer: Answer): Promise<Site> {
  const serve = session(createSessions(options));
  const server = createServer(pages(serve));
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request: IncomingMessage & { session: Session }, socket, head) => {
    serve(request, {} as never, (error) => {
      if (error) {
        socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
        return;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on("message", async (message) =>
          webSocket.send(await answer(request.session, String(message))),
        );
      });
    });
  });
  const port = await listen(server);
  const visitor = new Visitor(port);
  async function ask(message: string): Promise<string> {
    const headers = visitor.cookie === undefined ? {} : { cookie: visitor.cookie };
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers });
    onTestFinished(() => socket.terminate());
    await once(socket, "open");
    socket.send(message);
    const [reply] = await once(socket, "message");
    return String(reply);
  }
  return { visitor, ask };
}

describe.each([
  ["socket.io by polling", bySocketIo("polling")],
  ["socket.io by websocket", bySocketIo("websocket")],
  ["ws", byWs],
])("%s", (_name, start) => {
  test("a socket knows who is signed in, and save() stores what it changes", async () => {
    const { visitor, ask } = await start({ store: memoryStore() }, async (session, message) => {
      session.update("messages", (n = 0) => n + 1);
      return `${session.userId}: ${message}, saved ${await session.save()}`;
    });
    await visitor.visit("/login");
    expect(await ask("hello")).toBe("ann: hello, saved true");
    expect(await ask("again")).toBe("ann: again, saved true");
    expect((await visitor.visit()).body).toBe('["ann",{"messages":2}]');
  });

  test("what would need a new cookie is refused at the call", async () => {
    const { visitor, ask } = await start({ store: memoryStore() }, async (session) => {
      const calls = [() => session.login("bob"), () => session.cycleKey(), () => session.setExpiry(60)];
      return calls
        .map((call) => {
          try {
            call();
            return "allowed";
          } catch (error) {
            return (error as Error).name;
          }
        })
        .join(" ");
    });
    await visitor.visit("/login");
    const refused = "SessionCommittedError";
    expect(await ask("hello")).toBe(`${refused} ${refused} ${refused}`);
  });

  test("a visitor without a session gets none, and nothing is stored", async () => {
    const { store, took } = spyStore(memoryStore());
    const { ask } = await start({ store }, async (session) => {
      try {
        session.set("a", 1);
        return "allowed";
      } catch (error) {
        return `${session.key} ${(error as Error).name}`;
      }
    });
    expect(await ask("hello")).toBe("null SessionCommittedError");
    expect(took()).toEqual([]);
  });

  test("with an idle time the socket opens, and a renewal is left to the next page", async () => {
    let now = Date.now();
    const store = memoryStore();
    const options = { store, idleTimeout: 3600, clock: () => now };
    const { visitor, ask } = await start(options, async (session) => `${session.userId}`);
    await visitor.visit("/login");
    now += 1_800_000;
    expect(await ask("hello")).toBe("ann");
    expect((await visitor.visit()).body).toBe('["ann",{}]');
  });

  test("a store that is away refuses the socket, and the server lives on", async () => {
    const { store, breaks, mended } = faultyStore(memoryStore());
    const { visitor, ask } = await start({ store }, async (session) => `${session.userId}`);
    await visitor.visit("/login");
    breaks("read");
    await expect(ask("hello")).rejects.toThrow();
    mended();
    expect(await ask("hello")).toBe("ann");
  });
});
