/** The drop-in over the connect stores that people use, on real servers, and beneath the packages that stand on sessions. */
import "reflect-metadata";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Controller, Get, Module, Session as NestSession, Req } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import BetterSqlite3 from "better-sqlite3";
import { memoryStore } from "coatcheck";
import session from "coatcheck/express-session";
import { session as fastifySession } from "coatcheck/fastify";
import Fastify from "fastify";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { portOf } from "../instruments/loopback.ts";
import { Visitor } from "../instruments/visitor.ts";
import { installed } from "../runtimes/install.ts";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { describeWithServer } from "../servers/suite.ts";
import { type Any, load } from "./application.ts";

const quiet = { secret: "keyboard cat", resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } };

beforeAll(() => installed(new URL(".", import.meta.url)), 300_000);

/** An application with counter, login and logout. */
function application(store: Any): Any {
  const app = load("express")();
  app.use(session({ ...quiet, store }));
  app.get("/", (req: Any, res: Any) => res.send(`n=${req.session.n} user=${req.session.user}`));
  app.get("/count", (req: Any, res: Any) => {
    req.session.n = (req.session.n ?? 0) + 1;
    res.send(`n=${req.session.n}`);
  });
  app.get("/login", (req: Any, res: Any, next: Any) => {
    req.session.regenerate((error: unknown) => {
      if (error) return next(error);
      req.session.user = "ada";
      res.redirect("/");
    });
  });
  app.get("/logout", (req: Any, res: Any, next: Any) => {
    req.session.destroy((error: unknown) => (error ? next(error) : res.send("bye")));
  });
  app.get("/kind", (req: Any, res: Any) => {
    const { Session, Cookie } = session as Any;
    res.send(`${req.session instanceof Session} ${req.session.cookie instanceof Cookie}`);
  });
  app.get("/reload", (req: Any, res: Any) => {
    req.session.n = 1000;
    req.session.reload(() => res.send(`n=${req.session.n}`));
  });
  return app;
}

const agentOf = (app: Any) => load("supertest").agent(app);

/** A session is kept, changed by a login, and ended. */
async function visit(store: Any): Promise<void> {
  const agent = agentOf(application(store));
  await agent.get("/").expect(200, "n=undefined user=undefined");
  await agent
    .get("/count")
    .expect("set-cookie", /^connect\.sid=s%3A/)
    .expect(200, "n=1");
  await agent.get("/count").expect(200, "n=2");
  await agent.get("/").expect(200, "n=2 user=undefined");
  await agent.get("/kind").expect(200, "true true");
  await agent.get("/reload").expect(200, "n=2");
  await agent.get("/login").redirects(1).expect(200, "n=undefined user=ada");
  await agent.get("/count").expect(200, "n=1");
  await agent.get("/").expect(200, "n=1 user=ada");
  await agent.get("/logout").expect(200, "bye");
  await agent.get("/").expect(200, "n=undefined user=undefined");
}

function storeTests(makeStore: () => Any): void {
  test("a session is kept, changed by a login, and ended", () => visit(makeStore()));
}

describeWithServer(redis, (server) => {
  const closing: (() => Promise<unknown>)[] = [];
  afterAll(() => Promise.all(closing.map((close) => close())));
  describe.each(["connect-redis", "connect-redis9"])("%s", (name) => {
    let client: Any;
    beforeAll(async () => {
      client = load("redis").createClient({ url: server().url });
      await client.connect();
      closing.push(() => client.close());
    });
    storeTests(() => new (load(name).RedisStore)({ client, prefix: `${name}:` }));

    test("a server that is down is an error page with failedSave error, and never a success", async () => {
      const store = new (load(name).RedisStore)({
        client: { ...client, set: () => Promise.reject(new Error("down")) },
      });
      const app = load("express")();
      app.use(session({ ...quiet, store, failedSave: "error" }));
      app.get("/", (req: Any, res: Any) => {
        req.session.a = 1;
        res.send("saved");
      });
      app.use((error: Error, _req: Any, res: Any, _next: Any) => res.status(503).send(error.message));
      await agentOf(app).get("/").expect(503);
    });
  });
});

describeWithServer(postgres, (server) => {
  let pool: Any;
  beforeAll(() => {
    pool = new (load("pg").Pool)({ connectionString: server().url });
  });
  afterAll(() => pool.end());
  test("connect-session-knex", async () => {
    const { ConnectSessionKnexStore } = load("connect-session-knex");
    const knex = load("knex").knex({ client: "pg", connection: server().url });
    await visit(
      new ConnectSessionKnexStore({ knex, cleanupInterval: 0, createTable: true, tableName: "by_knex" }),
    );
    await knex.destroy();
  });
  test("connect-session-sequelize", async () => {
    const { Sequelize } = load("sequelize");
    const db = new Sequelize(server().url, { logging: false });
    const store = new (load("connect-session-sequelize")(session.Store))({ db, checkExpirationInterval: -1 });
    await store.sync();
    await visit(store);
    await db.close();
  });
  describe("connect-pg-simple", () => {
    storeTests(
      () =>
        new (load("connect-pg-simple")(session))({
          pool,
          createTableIfMissing: true,
          pruneSessionInterval: false,
        }),
    );
  });
});

describeWithServer(mariadb, (server) => {
  test("express-mysql-session", async () => {
    const { hostname, port, pathname } = new URL(server().url);
    const at = { host: hostname, port: Number(port), user: "root", database: pathname.slice(1) };
    const store = new (load("express-mysql-session")(session))({ ...at, clearExpired: false });
    await store.onReady();
    await visit(store);
    await store.close();
  });
});

describeWithServer(memcached, (server) => {
  test("connect-memcached", async () => {
    const store = new (load("connect-memcached")(session))({
      hosts: [new URL(server().url).host],
    });
    await visit(store);
    store.client.end();
  });
});

test("better-sqlite3-session-store", async () => {
  const client = new BetterSqlite3(":memory:");
  const store = new (load("better-sqlite3-session-store")(session))({ client, expired: { clear: false } });
  await visit(store);
  client.close();
});

describe("memorystore", () => storeTests(() => new (load("memorystore")(session))({})));

describe("session-file-store", () => {
  const path = mkdtempSync(join(tmpdir(), "coatcheck-file-store-"));
  afterAll(() => rmSync(path, { recursive: true }));
  storeTests(() => {
    const FileStore = load("session-file-store")(session);
    return new FileStore({ path, retries: 0, logFn() {}, reapInterval: -1 });
  });
});

describe("a store of coatcheck", () => storeTests(memoryStore));

const stores: Record<string, () => Any> = {
  "the default store": () => undefined,
  "memoryStore of coatcheck": memoryStore,
};

describe.each(Object.entries(stores))("over %s", (_name, makeStore) => {
  /** passport with a password form, remembered pages and flash messages. */
  function withPassport(): Any {
    const passport = new (load("passport").Passport)();
    const { Strategy } = load("passport-local");
    passport.use(
      new Strategy((name: string, password: string, done: Any) =>
        done(null, password === "lovelace" ? { id: name } : false, { message: "wrong" }),
      ),
    );
    passport.serializeUser((user: Any, done: Any) => done(null, user.id));
    passport.deserializeUser((id: string, done: Any) => done(null, { id }));
    const express = load("express");
    const app = express();
    app.use(express.urlencoded({ extended: false }));
    app.use(session({ ...quiet, store: makeStore() }));
    app.use(load("connect-flash")());
    app.use(passport.initialize());
    app.use(passport.session());
    app.get("/", (req: Any, res: Any) => res.send(`${req.user?.id} ${req.flash("error").join()}`));
    app.get("/keep", (req: Any, res: Any) => {
      req.session.cart = [1];
      res.send(req.sessionID);
    });
    app.get("/cart", (req: Any, res: Any) => res.send(JSON.stringify(req.session.cart ?? null)));
    const { ensureLoggedIn } = load("connect-ensure-login");
    app.get("/private", ensureLoggedIn("/login"), (req: Any, res: Any) =>
      res.send(`secret of ${req.user.id}`),
    );
    const options = { failureRedirect: "/", failureFlash: true, keepSessionInfo: true };
    app.post("/login", passport.authenticate("local", { ...options, successReturnToOrRedirect: "/" }));
    app.post("/logout", (req: Any, res: Any, next: Any) =>
      req.logout((error: unknown) => (error ? next(error) : res.redirect("/"))),
    );
    return app;
  }

  test("passport signs in with a changed id and kept data, and out; flash and returnTo work", async () => {
    const agent = agentOf(withPassport());
    const { text: before } = await agent.get("/keep").expect(200);
    await agent
      .post("/login")
      .type("form")
      .send({ username: "ada", password: "no" })
      .redirects(1)
      .expect(/wrong/);
    await agent.get("/").expect("undefined ");
    await agent.get("/private").expect(302).expect("location", "/login");
    const login = await agent
      .post("/login")
      .type("form")
      .send({ username: "ada", password: "lovelace" })
      .expect(302);
    expect(login.headers.location).toBe("/private");
    await agent.get("/private").expect(200, "secret of ada");
    await agent.get("/cart").expect(200, "[1]");
    const { text: after } = await agent.get("/keep").expect(200);
    expect(after).not.toBe(before);
    await agent
      .post("/logout")
      .redirects(1)
      .expect(/^undefined/);
    await agent.get("/private").expect(302);
  });

  test("csrf-sync gives a token and checks it", async () => {
    const { csrfSync } = load("csrf-sync");
    const { csrfSynchronisedProtection } = csrfSync();
    const app = load("express")();
    app.use(session({ ...quiet, store: makeStore() }));
    app.use(csrfSynchronisedProtection);
    app.get("/", (req: Any, res: Any) => res.send(req.csrfToken()));
    app.post("/", (_req: Any, res: Any) => res.send("done"));
    app.use((error: Any, _req: Any, res: Any, _next: Any) => res.status(error.status ?? 500).send("refused"));
    const agent = agentOf(app);
    const { text: token } = await agent.get("/").expect(200);
    await agent.post("/").expect(403);
    await agent.post("/").set("x-csrf-token", token).expect(200, "done");
  });

  test("csrf-csrf gives a token once something is stored, and checks it", async () => {
    const { doubleCsrf } = load("csrf-csrf");
    const { generateCsrfToken, doubleCsrfProtection } = doubleCsrf({
      getSecret: () => "another secret",
      getSessionIdentifier: (req: Any) => req.session.id,
      cookieName: "csrf",
      cookieOptions: { secure: false },
    });
    const app = load("express")();
    app.use(load("cookie-parser")());
    app.use(session({ ...quiet, store: makeStore() }));
    app.use(doubleCsrfProtection);
    app.get("/", (req: Any, res: Any) => res.send(generateCsrfToken(req, res)));
    app.get("/stored", (req: Any, res: Any) => {
      req.session.isKnown = true;
      res.send(generateCsrfToken(req, res));
    });
    app.post("/", (_req: Any, res: Any) => res.send("done"));
    app.use((error: Any, _req: Any, res: Any, _next: Any) => res.status(error.status ?? 500).send("refused"));
    const unknown = agentOf(app);
    const { text: early } = await unknown.get("/").expect(200);
    await unknown.post("/").set("x-csrf-token", early).expect(403);
    const known = agentOf(app);
    const { text: token } = await known.get("/stored").expect(200);
    await known.post("/").expect(403);
    await known.post("/").set("x-csrf-token", token).expect(200, "done");
    await unknown.post("/").set("x-csrf-token", token).expect(403);
  });

  test("ws reads the session of an upgrade, and saves what its messages change", async () => {
    const { WebSocket, WebSocketServer } = load("ws");
    const middleware = session({ ...quiet, store: makeStore() });
    const app = load("express")();
    app.use(middleware);
    app.get("/", (req: Any, res: Any) => {
      req.session.n ??= 1;
      res.send(`n=${req.session.n}`);
    });
    const server = createServer(app);
    const sockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (req: Any, socket, head) => {
      middleware(req, {} as Any, () => {
        if (req.session.n === undefined) {
          socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
          return;
        }
        sockets.handleUpgrade(req, socket, head, (client: Any) => {
          client.on("message", () => {
            req.session.reload(() => {
              req.session.n++;
              req.session.save(() => client.send(`n=${req.session.n}`));
            });
          });
        });
      });
    });
    const port = await portOf(server);
    const opened = (cookie?: string) =>
      new Promise<Any>((resolve, reject) => {
        const headers = cookie === undefined ? {} : { cookie };
        const client = new WebSocket(`ws://127.0.0.1:${port}`, { headers });
        client.once("open", () => resolve(client));
        client.once("error", reject);
      });
    await expect(opened()).rejects.toThrow("401");
    const visitor = new Visitor(port);
    await visitor.visit("/");
    const client = await opened(visitor.cookie);
    for (const n of [2, 3]) {
      client.send("count");
      expect(String((await once(client, "message"))[0])).toBe(`n=${n}`);
    }
    expect((await visitor.visit("/")).body).toBe("n=3");
    client.close();
    await once(client, "close");
  });

  test("NestJS: the session guide's application counts, and @Session() is the session", async () => {
    class Visits {
      count(request: Any): string {
        request.session.visits = request.session.visits ? request.session.visits + 1 : 1;
        return `visits=${request.session.visits}`;
      }
      show(keys: Any): string[] {
        return Object.keys(keys);
      }
    }
    const member = (name: keyof Visits) => Object.getOwnPropertyDescriptor(Visits.prototype, name) as Any;
    Get()(Visits.prototype, "count", member("count"));
    Req()(Visits.prototype, "count", 0);
    Get("keys")(Visits.prototype, "show", member("show"));
    NestSession()(Visits.prototype, "show", 0);
    Controller()(Visits);
    class Site {}
    Module({ controllers: [Visits] })(Site);
    const app = await NestFactory.create(Site, { logger: ["error"] });
    app.use(session({ ...quiet, store: makeStore() }));
    await app.listen(0, "127.0.0.1");
    onTestFinished(() => app.close());
    const visitor = new Visitor(app.getHttpServer().address().port);
    for (const n of [1, 2]) expect((await visitor.visit("/")).body).toBe(`visits=${n}`);
    expect((await visitor.visit("/keys")).body).toBe('["cookie","visits"]');
  });
});

test("@fastify/passport signs in on coatcheck/fastify without its own session, in the three lines of docs/passport.md", async () => {
  const { Authenticator } = load("@fastify/passport");
  const { Strategy } = load("passport-local");
  const passport = new Authenticator();
  passport.use(
    new Strategy((name: string, password: string, done: Any) =>
      done(null, password === "lovelace" ? { id: name } : false),
    ),
  );
  const app = Fastify();
  onTestFinished(() => app.close());
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );
  await app.register(fastifySession, { store: memoryStore() });
  await app.register(passport.initialize());
  const preValidation = passport.authenticate("local", { session: false });
  app.post("/login", { preValidation }, (request, reply) => {
    request.session.login((request as Any).user.id);
    return reply.redirect("/");
  });
  app.get("/", (request) => `user=${request.session.userId} cart=${request.session.get("cart")}`);
  app.get("/cart", (request) => {
    request.session.set("cart", 1);
    return "kept";
  });
  app.get("/logout", (request) => {
    request.session.logout();
    return "bye";
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const visitor = new Visitor((app.server.address() as Any).port);
  const login = (password: string) =>
    visitor.visit("/login", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: `username=ada&password=${password}`,
    });
  await visitor.visit("/cart");
  const before = visitor.cookie;
  expect((await login("no")).status).toBe(401);
  expect((await login("lovelace")).status).toBe(302);
  expect(visitor.cookie).not.toBe(before);
  expect((await visitor.visit("/")).body).toBe("user=ada cart=1");
  await visitor.visit("/logout");
  expect((await visitor.visit("/")).body).toBe("user=null cart=undefined");
});
