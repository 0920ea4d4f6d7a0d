/** `http2.createSecureServer` with the adapters of Node, as browsers reach it: over TLS, and with HTTP/1 beside HTTP/2. */
import {
  type ClientHttp2Session,
  connect as connectTo,
  createSecureServer,
  type Http2SecureServer,
} from "node:http2";
import { text } from "node:stream/consumers";
import { createSessions, memoryStore, type Session, type Sessions } from "coatcheck";
import { session as express } from "coatcheck/express";
import { session as fastify } from "coatcheck/fastify";
import { session as koa } from "coatcheck/koa";
import { session as node } from "coatcheck/node";
import connect from "connect";
import Fastify from "fastify";
import Koa from "koa";
import { describe, expect, onTestFinished, test } from "vitest";
import { portOf } from "../instruments/loopback.ts";
import { selfMadeCertificate } from "../instruments/self-made-certificate.ts";
import { Visitor } from "../instruments/visitor.ts";

const tls = { ...selfMadeCertificate(), allowHTTP1: true };

/** What every server does with a request. */
function answer(session: Session, path: string | undefined): string {
  if (path === "/login") session.login("ann");
  if (path === "/logout") session.logout();
  return `${session.userId}, visit ${session.update("visits", (n = 0) => n + 1)}`;
}

const servers: Record<string, (sessions: Sessions) => Promise<Http2SecureServer>> = {
  async "a request listener of coatcheck/node"(sessions) {
    return createSecureServer(
      tls,
      node(sessions, (req, res) => res.end(answer(req.session, req.url))),
    );
  },
  async "middleware that is called by hand"(sessions) {
    const middleware = express(sessions);
    return createSecureServer(tls, (req, res) => {
      middleware(req, res, (error) => {
        if (error) throw error;
        res.end(answer((req as unknown as { session: Session }).session, req.url));
      });
    });
  },
  async connect(sessions) {
    const app = connect();
    app.use(express(sessions));
    app.use((req, res) => res.end(answer((req as unknown as { session: Session }).session, req.url)));
    return createSecureServer(tls, app as never);
  },
  async Koa(sessions) {
    const app = new Koa();
    app.use(koa(sessions));
    app.use((ctx) => {
      ctx.body = answer(ctx.session, ctx.path);
    });
    return createSecureServer(tls, app.callback());
  },
  async Fastify(sessions) {
    const app = Fastify({ http2: true, https: tls });
    app.register(fastify, sessions);
    app.get("*", (request) => answer(request.session, request.url));
    await app.ready();
    onTestFinished(() => app.close());
    return app.server;
  },
};

/** A browser on one connection of HTTP/2, with its cookie. */
class Client {
  readonly #connection: ClientHttp2Session;
  cookie: string | undefined;
  setCookie: readonly string[] = [];

  constructor(port: number) {
    this.#connection = connectTo(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    onTestFinished(() => this.#connection.destroy());
  }

  async get(path: string): Promise<string> {
    const stream = this.#connection.request({
      ":path": path,
      ...(this.cookie ? { cookie: this.cookie } : {}),
    });
    stream.on("response", (headers) => {
      this.setCookie = headers["set-cookie"] ?? [];
      for (const line of this.setCookie) this.cookie = /^[^;]*=[^;]+/.exec(line)?.[0];
    });
    return text(stream);
  }
}

describe.each(Object.entries(servers))("%s", (_name, start) => {
  async function started(): Promise<number> {
    return portOf((await start(createSessions({ store: memoryStore() }))) as never);
  }

  test("a visitor is known by a Secure cookie, over HTTP/2 and HTTP/1", async () => {
    const port = await started();
    const client = new Client(port);
    expect([await client.get("/"), await client.get("/")]).toEqual(["null, visit 1", "null, visit 2"]);
    expect(client.cookie).toMatch(/^__Host-sessionid=/);
    expect([await client.get("/login"), client.setCookie.length]).toEqual(["ann, visit 3", 1]);
    const old = new Visitor(port, { secure: true });
    old.cookie = client.cookie;
    expect((await old.visit("/")).body).toBe("ann, visit 4");
    await client.get("/logout");
    expect((await old.visit("/")).body).toBe("null, visit 1");
  });

  test("requests of one connection at the same time are all counted", async () => {
    const client = new Client(await started());
    await client.get("/");
    await Promise.all(Array.from({ length: 20 }, () => client.get("/")));
    expect(await client.get("/")).toBe("null, visit 22");
  });
});
