/** `coatcheck/fastify`: what only this adapter does; what all adapters do is in every-adapter.test.ts. */
import { once } from "node:events";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import fastifyCookie from "@fastify/cookie";
import { createSessions, memoryStore } from "coatcheck";
import { session } from "coatcheck/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { gate } from "../instruments/loopback.ts";
import { Visitor } from "../instruments/visitor.ts";

async function listen(app: FastifyInstance): Promise<Visitor> {
  onTestFinished(() => app.close());
  await app.listen({ port: 0, host: "127.0.0.1" });
  return new Visitor((app.server.address() as AddressInfo).port);
}

/** A Fastify whose connections end with it. */
const fastify = (): FastifyInstance => Fastify({ forceCloseConnections: true });

test("the context that registers it has sessions, and those within; no other", async () => {
  const app = fastify();
  app.register(async (shop) => {
    shop.register(session, { store: memoryStore() });
    shop.get("/shop", async (request) => request.session.update("n", (n = 0) => n + 1));
    shop.register(async (cart) => {
      cart.get("/shop/cart", async (request) => request.session.get("n"));
    });
  });
  app.register(async (blog) => {
    blog.get("/blog", async (request) => ({ session: typeof request.session }));
  });
  app.get("/", async (request) => ({ session: typeof request.session }));
  const visitor = await listen(app);
  await visitor.visit("/shop");
  expect((await visitor.visit("/shop/cart")).body).toBe("1");
  expect((await visitor.visit("/blog")).body).toBe('{"session":"undefined"}');
  expect((await visitor.visit("/")).body).toBe('{"session":"undefined"}');
});

// Reports: fastify/session#184, #99.
test("every hook and the 404 page have the session, and what the last hook changes is stored", async () => {
  const app = fastify();
  app.register(session, { store: memoryStore() });
  app.register(async (inner) => {
    inner.addHook("onRequest", async (request) => void request.session.set("onRequest", 1));
    inner.addHook("preHandler", async (request) => void request.session.set("preHandler", 1));
    inner.addHook("onSend", async (request, _reply, payload) => {
      request.session.set("onSend", 1);
      return `${payload}!`;
    });
    inner.get("/", async () => "hello");
  });
  app.get("/look", async (request) => request.session.toObject());
  const visitor = await listen(app);
  const { headers, body } = await visitor.visit("/");
  expect([body, headers["content-length"]]).toEqual(["hello!", "6"]);
  expect(JSON.parse((await visitor.visit("/look")).body)).toEqual({ onRequest: 1, preHandler: 1, onSend: 1 });
  expect((await visitor.visit("/nowhere")).status).toBe(404);
});

test.each(["before", "after"])("beside @fastify/cookie, registered %s", async (where) => {
  const { store, breaks } = faultyStore(memoryStore());
  const app = fastify();
  if (where === "before") app.register(fastifyCookie);
  app.register(session, { store });
  if (where === "after") app.register(fastifyCookie);
  app.get("/", async (request, reply) => {
    request.session.set("a", 1);
    reply.setCookie("own", "1");
    return request.cookies;
  });
  const visitor = await listen(app);
  const { setCookie } = await visitor.visit("/");
  expect(setCookie.map((line) => line.split("=")[0]).sort()).toEqual(["own", "sessionid"]);
  expect(Object.keys(JSON.parse((await visitor.visit("/")).body)).sort()).toEqual(["own", "sessionid"]);

  breaks("update");
  const failed = await visitor.visit("/");
  expect([failed.status, failed.setCookie]).toEqual([503, []]);
});

test("a failed save reaches the error handler once, with the headers of earlier hooks and none of the handler's", async () => {
  const { store, breaks } = faultyStore(memoryStore());
  breaks("create");
  const errors: unknown[] = [];
  const app = fastify();
  app.addHook(
    "onRequest",
    async (_request, reply) => void reply.header("X-Earlier", "1").header("Set-Cookie", "earlier=1"),
  );
  app.register(session, { store });
  app.setErrorHandler((error, _request, reply) => {
    errors.push(error);
    return reply.type("text/plain").send("error page");
  });
  app.get("/", async (request, reply) => {
    request.session.set("a", 1);
    reply.code(201).header("X-Handler", "1").header("Set-Cookie", "own=1").type("text/html");
    return "secret";
  });
  const { status, headers, setCookie, body } = await (await listen(app)).visit("/");
  expect([status, body]).toEqual([503, "error page"]);
  expect([headers["x-earlier"], headers["x-handler"], setCookie]).toEqual(["1", undefined, ["earlier=1"]]);
  expect(headers["content-type"]).toBe("text/plain");
  expect(errors).toMatchObject([{ name: "StoreUnavailableError" }]);
});

test("a reply that was hijacked, as for server-sent events, carries the cookie", async () => {
  const go = gate();
  const app = fastify();
  app.register(session, { store: memoryStore() });
  app.get("/", async (request, reply) => {
    request.session.set("a", 1);
    reply.hijack();
    reply.raw.writeHead(200, { "Content-Type": "text/event-stream" });
    reply.raw.write("data: 1\n\n");
    await go.promise;
    request.session.set("late", 1);
    await request.session.save();
    reply.raw.end("data: 2\n\n");
  });
  app.get("/look", async (request) => request.session.toObject());
  const visitor = await listen(app);
  const { incoming, head } = await visitor.begin("/");
  expect(head.setCookie).toMatchObject([expect.stringMatching(/^sessionid=/)]);
  let body = "";
  for await (const part of incoming) {
    body += part;
    go.resolve();
  }
  expect(body).toBe("data: 1\n\ndata: 2\n\n");
  expect(JSON.parse((await visitor.visit("/look")).body)).toEqual({ a: 1, late: 1 });
});

test("a hijacked reply whose session cannot be stored is a plain 503", async () => {
  const { store, breaks } = faultyStore(memoryStore());
  breaks("create");
  const app = fastify();
  app.register(session, { store });
  app.get("/", async (request, reply) => {
    request.session.set("a", 1);
    reply.hijack();
    reply.raw.writeHead(200, { "X-Handler": "1" });
    reply.raw.end("secret");
  });
  const { status, headers, body } = await (await listen(app)).visit("/");
  expect([status, headers["retry-after"], headers["x-handler"]]).toEqual([503, "5", undefined]);
  expect(body).toBe("Service Unavailable\n");
});

test("app.inject() has sessions like any request", async () => {
  const app = fastify();
  app.register(session, { store: memoryStore() });
  app.get("/", async (request) => request.session.update("n", (n = 0) => n + 1));
  const { cookies } = await app.inject("/");
  expect(cookies).toMatchObject([{ name: "sessionid", httpOnly: true, sameSite: "Lax" }]);
  const { body } = await app.inject({ url: "/", cookies: { sessionid: cookies[0]?.value as string } });
  expect(body).toBe("2");
});

test("app.close() closes the store of its options, and leaves a Sessions to whoever made it", async () => {
  const closed: string[] = [];
  const store = (name: string) => ({ ...memoryStore(), close: async () => void closed.push(name) });
  const app = fastify();
  app.register(async (one) => void one.register(session, { store: store("options") }));
  app.register(async (other) => void other.register(session, createSessions({ store: store("Sessions") })));
  await app.ready();
  await app.close();
  expect(closed).toEqual(["options"]);
});

test("over HTTP/2 it is the same", async () => {
  const app = Fastify({ http2: true });
  app.register(session, { store: memoryStore() });
  app.get("/", async (request) => request.session.update("n", (n = 0) => n + 1));
  onTestFinished(() => app.close());
  await app.listen({ port: 0, host: "127.0.0.1" });
  const client = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
  onTestFinished(() => client.destroy());

  async function visit(cookie?: string) {
    const stream = client.request({ ":path": "/", ...(cookie && { cookie }) });
    const [headers] = await once(stream, "response");
    return { cookie: headers["set-cookie"]?.[0].split(";")[0], body: await text(stream) };
  }

  const { cookie, body } = await visit();
  expect([body, cookie]).toEqual(["1", expect.stringMatching(/^sessionid=/)]);
  expect((await visit(cookie)).body).toBe("2");
});

test("other plugins can ask for it by name", async () => {
  const app = fastify();
  app.register(session, { store: memoryStore() });
  await app.ready();
  expect([app.hasPlugin("coatcheck"), app.hasRequestDecorator("session")]).toEqual([true, true]);
});
