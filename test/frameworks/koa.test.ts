/** `coatcheck/koa`: what only this adapter does; what all adapters do is in every-adapter.test.ts. */
import { memoryStore } from "coatcheck";
import { session } from "coatcheck/koa";
import Koa, { type Middleware } from "koa";
import { expect, test } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { listen } from "../instruments/loopback.ts";
import { Visitor } from "../instruments/visitor.ts";

async function start(...middlewares: Middleware[]): Promise<Visitor> {
  const app = new Koa();
  app.silent = true;
  for (const middleware of middlewares) app.use(middleware);
  return new Visitor(await listen(app.callback()));
}

function brokenSession(): Middleware {
  const { store, breaks } = faultyStore(memoryStore());
  breaks("create");
  return session({ store });
}

const look: Middleware = async (ctx, next) => {
  if (ctx.path === "/look") ctx.body = ctx.session.toObject();
  else await next();
};

test("a failed save can be caught further out, and nothing of the handler's is left", async () => {
  const errors: unknown[] = [];
  const visitor = await start(
    async (ctx, next) => {
      ctx.set("X-Earlier", "1");
      try {
        await next();
      } catch (error) {
        errors.push(error);
        ctx.body = "error page";
      }
    },
    brokenSession(),
    (ctx) => {
      ctx.session.set("a", 1);
      ctx.set("X-Handler", "1");
      ctx.cookies.set("own", "1");
      ctx.status = 201;
      ctx.body = { secret: true };
    },
  );
  const { status, headers, setCookie, body } = await visitor.visit();
  expect([status, body, headers["content-type"]]).toEqual([503, "error page", "text/plain; charset=utf-8"]);
  expect([headers["x-earlier"], headers["x-handler"], setCookie]).toEqual(["1", undefined, []]);
  expect(errors).toMatchObject([{ name: "StoreUnavailableError", status: 503 }]);
});

// Reports: koajs/generic-session#94.
test("an error that is answered further out is stored with the status of that answer", async () => {
  const answers: Middleware = async (ctx, next) => {
    try {
      await next();
    } catch {
      ctx.status = ctx.path === "/mend" ? 200 : 500;
      ctx.body = "answered";
    }
  };
  const fails: Middleware = (ctx) => {
    ctx.session.set(ctx.path.slice(1), 1);
    throw new Error("a bug");
  };
  const visitor = await start(answers, session({ store: memoryStore() }), look, fails);
  expect((await visitor.visit("/break")).setCookie).toEqual([]);
  expect((await visitor.visit("/mend")).setCookie).toHaveLength(1);
  expect((await visitor.visit("/look")).body).toBe('{"mend":1}');
});

test("with ctx.respond = false the response is held all the same", async () => {
  const bypasses: Middleware = (ctx) => {
    ctx.respond = false;
    ctx.session.set("a", 1);
    ctx.res.writeHead(200, { "X-Handler": "1" });
    ctx.res.end("by hand");
  };
  const visitor = await start(session({ store: memoryStore() }), look, bypasses);
  const { setCookie, body } = await visitor.visit();
  expect([setCookie.length, body]).toEqual([1, "by hand"]);
  expect((await visitor.visit("/look")).body).toBe('{"a":1}');

  const failed = await (await start(brokenSession(), bypasses)).visit();
  expect([failed.status, failed.headers["retry-after"], failed.headers["x-handler"]]).toEqual([
    503,
    "5",
    undefined,
  ]);
});

test("headers that the handler flushes are held, and a failed save is answered by Koa", async () => {
  const flushes: Middleware = (ctx) => {
    ctx.session.set("a", 1);
    ctx.set("X-Handler", "1");
    ctx.status = 200;
    ctx.flushHeaders();
    ctx.body = "flushed";
  };
  const { setCookie, body } = await (await start(session({ store: memoryStore() }), flushes)).visit();
  expect([setCookie.length, body]).toEqual([1, "flushed"]);
  const failed = await (await start(brokenSession(), flushes)).visit();
  expect([failed.status, failed.body, failed.headers["x-handler"]]).toEqual([
    503,
    "Service Unavailable",
    undefined,
  ]);
});

test("whoever is further out may still change the response", async () => {
  const visitor = await start(
    async (ctx, next) => {
      await next();
      ctx.set("X-Outer", "1");
      ctx.body = `${ctx.body}!`;
    },
    session({ store: memoryStore() }),
    (ctx) => {
      ctx.session.set("a", 1);
      ctx.body = "hello";
    },
  );
  const { headers, setCookie, body } = await visitor.visit();
  expect([headers["x-outer"], setCookie.length, body, headers["content-length"]]).toEqual([
    "1",
    1,
    "hello!",
    "6",
  ]);
});

test("where nobody answers, Koa's 404 has the session's cookie", async () => {
  const visitor = await start(session({ store: memoryStore() }), look, (ctx, next) => {
    ctx.session.set("a", 1);
    return next();
  });
  const { status, setCookie } = await visitor.visit("/nowhere");
  expect([status, setCookie.length]).toEqual([404, 1]);
  expect((await visitor.visit("/look")).body).toBe('{"a":1}');
});
