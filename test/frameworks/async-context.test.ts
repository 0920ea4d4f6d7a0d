/** A request's AsyncLocalStorage goes through session(): to the handler, behind waits for the store, and into the body. */
import { AsyncLocalStorage } from "node:async_hooks";
import { memoryStore, type Session } from "coatcheck";
import { session } from "coatcheck/express";
import { session as fastifySession } from "coatcheck/fastify";
import { session as koaSession } from "coatcheck/koa";
import { session as nodeSession } from "coatcheck/node";
import express from "express";
import { fastify } from "fastify";
import Koa from "koa";
import { expect, onTestFinished, test } from "vitest";
import { heldStore } from "../instruments/held-store.ts";
import { listen } from "../instruments/loopback.ts";

const context = new AsyncLocalStorage<string>();

/** Goes through all that waits for the store, and tells what the storage holds at each place. */
async function handle(own: Session): Promise<string> {
  const seen = [context.getStore()];
  own.update("visits", (n = 0) => n + 1);
  seen.push(context.getStore());
  await own.save();
  seen.push(context.getStore());
  await own.load();
  seen.push(context.getStore());
  return seen.join();
}

const store = () => {
  const held = heldStore(memoryStore());
  // Each answer comes from another turn of the event loop, as from a connection that many requests share.
  for (let call = 0; call < 200; call++)
    for (const verb of ["read", "create", "update"] as const)
      held.answer(verb, async (run) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return run();
      });
  return held.store;
};

const sites: Record<string, () => Promise<number>> = {
  Express: async () => {
    const app = express();
    app.use((req, _res, next) => context.run(req.get("X-Name") as string, next));
    app.use(session({ store: store() }));
    app.get("/", async (req, res) => void res.send(await handle(req.session)));
    return listen(app);
  },
  Koa: async () => {
    const app = new Koa();
    app.use((ctx, next) => context.run(ctx.get("X-Name"), next));
    app.use(koaSession({ store: store() }));
    app.use(async (ctx) => {
      ctx.body = await handle(ctx.session);
    });
    return listen(app.callback());
  },
  Fastify: async () => {
    const app = fastify();
    app.addHook("onRequest", (request, _reply, done) => context.run(String(request.headers["x-name"]), done));
    await app.register(fastifySession, { store: store() });
    app.get("/", (request) => handle(request.session));
    await app.listen({ port: 0, host: "127.0.0.1" });
    onTestFinished(() => app.close());
    return Number(new URL(app.listeningOrigin).port);
  },
  "node:http": async () => {
    const listener = nodeSession(
      { store: store() },
      async (req, res) => void res.end(await handle(req.session)),
    );
    return listen((req, res) => context.run(String(req.headers["x-name"]), () => listener(req, res)));
  },
};

// Reports: othiym23/node-continuation-local-storage#29.
test.each(Object.entries(sites))(
  "%s: each of twelve requests at once keeps its own",
  async (_name, start) => {
    const at = `http://127.0.0.1:${await start()}/`;
    const first = await fetch(at, { headers: { "X-Name": "first" } });
    expect(await first.text()).toBe("first,first,first,first");
    const cookie = first.headers.get("set-cookie")?.split(";")[0] as string;
    const names = Array.from({ length: 12 }, (_, n) => `request-${n}`);
    const answers = await Promise.all(
      names.map(async (name) => (await fetch(at, { headers: { "X-Name": name, cookie } })).text()),
    );
    expect(answers).toEqual(names.map((name) => [name, name, name, name].join()));
  },
);
