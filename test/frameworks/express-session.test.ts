/** `coatcheck/express-session` on its own store, on connect stores and on those of coatcheck: the promises that express-session does not make. */
import { EventEmitter } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createSessions, memoryStore, type Store as OurStore } from "coatcheck";
import session, { Cookie, MemoryStore, Session, type SessionOptions, Store } from "coatcheck/express-session";
import { sqliteStore } from "coatcheck/sqlite";
import { storeFromUrl, type UrlStore } from "coatcheck/store-url";
import express from "express";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";
import { dial, gate, listen, portOf } from "../instruments/loopback.ts";
import { overhear } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";
import { Visitor } from "../instruments/visitor.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { describeWithServer } from "../servers/suite.ts";

// biome-ignore lint/suspicious/noExplicitAny: req.session is written as JavaScript writes it.
type Any = any;
type Handler = (req: Any, res: ServerResponse, next: (error?: unknown) => void) => void;

const quiet = { secret: "keyboard cat", resave: false, saveUninitialized: false };

/** An application whose handlers stand at paths; the error handler answers with the message. */
function application(options: SessionOptions, handlers: Record<string, Handler>, late: unknown[] = []) {
  const app = express();
  app.use(session({ ...quiet, ...options }) as Any);
  for (const [path, handler] of Object.entries(handlers)) app.get(path, handler as Any);
  app.use((error: Any, _req: unknown, res: Any, _next: unknown) => {
    if (res.headersSent) late.push(error);
    else res.status(error.status ?? 500).send(`failed: ${error.name}`);
  });
  return app as RequestListener;
}

async function visitorOf(app: RequestListener) {
  const port = await listen(app);
  const newVisitor = () => new Visitor(port);
  return { visitor: newVisitor(), newVisitor, port };
}

/** A handler that waits in the middle: `arrived` when it has looked at the session, on its way when `release` is called. */
function slow(change: (session: Any) => void) {
  const arrived = gate();
  const released = gate();
  const handler: Handler = async (req, res) => {
    void req.session.views;
    arrived.resolve();
    await released.promise;
    change(req.session);
    res.end("slow");
  };
  return { handler, arrived: arrived.promise, release: () => released.resolve() };
}

const show: Handler = (req, res) => {
  const { cookie: _, ...data } = req.session;
  res.end(JSON.stringify(data));
};
const set =
  (change: (session: Any) => void): Handler =>
  (req, res) => {
    change(req.session);
    res.end("set");
  };
const logout: Handler = (req, res) => req.session.destroy(() => res.end("bye"));
const login: Handler = (req, res) =>
  req.session.regenerate(() => {
    req.session.user = "ada";
    res.end("hello");
  });

/** Lets `during` happen while a slow request is in its handler; answers what the session holds after both. */
async function race(
  store: OurStore,
  { first = () => {}, slowly, during, resave = false }: RaceProgram,
): Promise<{ data: Any; status: number; visitor: Visitor; stranger: Visitor }> {
  const held = slow(slowly);
  const { visitor, newVisitor } = await visitorOf(
    application(
      { store, resave },
      {
        "/first": set((s) => {
          s.began = true;
          first(s);
        }),
        "/slow": held.handler,
        "/during": during,
        "/": show,
      },
    ),
  );
  expect((await visitor.visit("/first")).status).toBe(200);
  const stranger = newVisitor();
  stranger.cookie = visitor.cookie;
  const slowVisitor = newVisitor();
  slowVisitor.cookie = visitor.cookie;
  const answer = slowVisitor.visit("/slow");
  await held.arrived;
  await visitor.visit("/during");
  held.release();
  const { status } = await answer;
  const data = JSON.parse((await visitor.visit("/")).body);
  return { data, status, visitor, stranger };
}

interface RaceProgram {
  readonly first?: (session: Any) => void;
  readonly slowly: (session: Any) => void;
  readonly during: Handler;
  readonly resave?: boolean;
}

function raceTests(makeStore: () => OurStore): void {
  test("requests that change different keys keep both", async () => {
    const { data } = await race(makeStore(), {
      slowly: (s) => (s.a = 1),
      during: set((s) => (s.b = 2)),
    });
    expect(data).toEqual({ began: true, a: 1, b: 2 });
  });

  test("flashes of two requests are both shown, and a flash that was shown does not come again", async () => {
    const flash = (text: string) => (s: Any) => {
      s.flash ??= {};
      s.flash.info ??= [];
      s.flash.info.push(text);
    };
    const store = makeStore();
    const both = await race(store, { slowly: flash("slow"), during: set(flash("fast")) });
    expect(both.data.flash).toEqual({ info: ["fast", "slow"] });
    const shown = await race(store, {
      first: flash("old"),
      slowly: (s) => delete s.flash.info,
      during: set(flash("new")),
    });
    expect(shown.data.flash).toEqual({ info: ["new"] });
  });

  test("messages appended by two requests are both kept, and those taken off stay off", async () => {
    const store = makeStore();
    const appended = await race(store, {
      first: (s) => (s.messages = ["old"]),
      slowly: (s) => s.messages.push("slow"),
      during: set((s) => s.messages.push("fast")),
    });
    expect(appended.data.messages).toEqual(["old", "fast", "slow"]);
    const taken = await race(store, {
      first: (s) => (s.messages = ["old"]),
      slowly: (s) => (s.messages = []),
      during: set((s) => s.messages.push("fast")),
    });
    expect(taken.data.messages).toEqual(["fast"]);
  });

  test("a message is kept that came after another request had taken the earlier ones off", async () => {
    const takenAndAppended = set((s) => (s.messages = ["new"]));
    const taken = await race(makeStore(), {
      first: (s) => (s.messages = ["old"]),
      slowly: (s) => (s.messages = []),
      during: takenAndAppended,
    });
    expect(taken.data.messages).toEqual(["new"]);
    const appended = await race(makeStore(), {
      first: (s) => (s.messages = ["old"]),
      slowly: (s) => s.messages.push("slow"),
      during: takenAndAppended,
    });
    expect(appended.data.messages).toEqual(["new", "slow"]);
    const replaced = await race(makeStore(), {
      first: (s) => (s.messages = ["old"]),
      slowly: (s) => (s.messages = ["later"]),
      during: takenAndAppended,
    });
    expect(replaced.data.messages).toEqual(["later"]);
  });

  test.each([false, true])(
    "a response does not bring the cookie of an ended session back after a login's, rolling %s",
    async (rolling) => {
      const held = slow((s) => {
        if (!rolling) s.a = 1;
      });
      const handlers = { "/first": set((s) => (s.n = 1)), "/slow": held.handler, "/login": login, "/": show };
      const { visitor, newVisitor } = await visitorOf(
        application({ store: makeStore(), rolling, cookie: { maxAge: 60_000 } }, handlers),
      );
      await visitor.visit("/first");
      const slowly = newVisitor();
      slowly.cookie = visitor.cookie;
      const answer = slowly.visit("/slow");
      await held.arrived;
      expect((await visitor.visit("/login")).setCookie).toHaveLength(1);
      held.release();
      expect(await answer).toMatchObject({ status: 200, setCookie: [] });
      expect(JSON.parse((await visitor.visit("/")).body)).toEqual({ user: "ada" });
    },
  );

  test("of two values for one key the later save wins, so n++ counts once", async () => {
    const { data } = await race(makeStore(), {
      first: (s) => (s.n = 1),
      slowly: (s) => s.n++,
      during: set((s) => s.n++),
    });
    expect(data.n).toBe(2);
  });

  test.each([true, false])("a logged-out session stays gone, with resave %s", async (resave) => {
    const { heard } = overhear();
    const { status, stranger } = await race(makeStore(), {
      slowly: (s) => (s.a = 1),
      during: logout,
      resave,
    });
    expect(status).toBe(200);
    expect(JSON.parse((await stranger.visit("/")).body)).toEqual({});
    expect(heard.filter(({ event }) => event === "interrupted")).toHaveLength(1);
  });

  test("a slow request does not write into the session that a login has made, nor bring the old one back", async () => {
    const { data, stranger } = await race(makeStore(), { slowly: (s) => (s.a = 1), during: login });
    expect(data).toEqual({ user: "ada" });
    expect(JSON.parse((await stranger.visit("/")).body)).toEqual({});
  });

  test("the later end of two requests stands", async () => {
    const { visitor } = await race(makeStore(), {
      first: (s) => (s.cookie.maxAge = 60_000),
      slowly: (s) => {
        s.cookie.maxAge = 1000;
        s.a = 1;
      },
      during: set((s) => {
        s.cookie.maxAge = 600_000;
        s.b = 1;
      }),
    });
    expect(JSON.parse((await visitor.visit("/")).body)).toEqual({ began: true, a: 1, b: 1 });
  });

  test("the user of passport is the user of the record, so the session is listed and revoked", async () => {
    const store = makeStore();
    const handlers = { "/login": set((s) => (s.passport = { user: 7 })), "/": show };
    const { visitor } = await visitorOf(application({ store }, handlers));
    await visitor.visit("/login");
    const sessions = createSessions({ store, clearExpiredEvery: 0 });
    expect(await sessions.listUserSessions(7)).toHaveLength(1);
    expect(await sessions.revokeUser(7)).toBe(1);
    expect((await visitor.visit("/")).body).toBe("{}");
  });

  test("data, cookie and end come back as they were stored", async () => {
    const end = new Date(Date.now() + 3_600_000);
    const change = (s: Any) => {
      s.list = [1, { two: "2" }];
      s.cookie.expires = end;
      s.cookie.sameSite = "lax";
    };
    const { visitor } = await visitorOf(
      application(
        { store: makeStore(), cookie: { maxAge: 60_000 } },
        {
          "/set": set(change),
          "/": (req, res) => res.end(JSON.stringify([req.session.list, req.session.cookie])),
        },
      ),
    );
    await visitor.visit("/set");
    const [list, cookie] = JSON.parse((await visitor.visit("/")).body);
    expect(list).toEqual([1, { two: "2" }]);
    expect(cookie).toMatchObject({ sameSite: "lax", httpOnly: true, path: "/" });
    expect(Math.abs(new Date(cookie.expires).valueOf() - end.valueOf())).toBeLessThan(60_000);
  });
}

describe("on memoryStore", () => raceTests(memoryStore));
describe("on sqliteStore", () => raceTests(() => sqliteStore(":memory:")));
for (const kind of [redis, postgres]) {
  describeWithServer(kind, (server) => {
    const make = () => {
      const store = storeFromUrl(server().url);
      onTestFinished(() => store.close());
      return store;
    };
    beforeAll(async () => {
      const store: UrlStore = storeFromUrl(server().url);
      await store.createTable?.();
      await store.close();
    });
    raceTests(make);
  });
}

describe("the response waits for the store", () => {
  test("nothing leaves before the session is stored, and the answer to a redirect finds it", async () => {
    const held = heldStore(memoryStore());
    const app = application(
      { store: held.store },
      {
        "/go": (req, res) => {
          req.session.a = 1;
          res.writeHead(302, { Location: "/" }).end("moved, with a body");
        },
        "/": show,
      },
    );
    const { port } = await visitorOf(app);
    const creating = held.hold("create");
    const wire = dial(port);
    wire.send("GET /go HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await creating.arrived;
    expect(wire.received).toBe("");
    creating.release();
    expect(await wire.closed).toContain("302 Found");
  });

  test("a save that fails on a store of coatcheck is an error page in place of the response", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    breaks("create");
    const { visitor } = await visitorOf(application({ store }, { "/": set((s) => (s.a = 1)) }));
    const { status, body, setCookie } = await visitor.visit("/");
    expect([status, body, setCookie]).toEqual([503, "failed: StoreUnavailableError", []]);
  });

  const failing = () => {
    const store = new MemoryStore();
    store.set = (_id, _session, done) => void setImmediate(() => done?.(new TypeError("no room")));
    return store;
  };

  test("a save that fails on a connect store lets the response go, and tells the error after it", async () => {
    const late: unknown[] = [];
    const { visitor } = await visitorOf(
      application({ store: failing() }, { "/": set((s) => (s.a = 1)) }, late),
    );
    expect(await visitor.visit("/")).toMatchObject({ status: 200, body: "set" });
    await expect.poll(() => late).toMatchObject([{ message: "no room" }]);
  });

  test("so does a method that the application has put in place of ours, as its own error tells", async () => {
    const store = Object.assign(storeBehind(memoryStore()), {
      set: (_id: string, _session: Any, done: Any) => done(new Error("mine")),
    });
    const late: unknown[] = [];
    const { visitor } = await visitorOf(application({ store }, { "/": set((s) => (s.a = 1)) }, late));
    expect(await visitor.visit("/")).toMatchObject({ status: 200, body: "set" });
    await expect.poll(() => late).toMatchObject([{ message: "mine" }]);
  });

  test('with failedSave "error" it is an error page there too', async () => {
    const { visitor } = await visitorOf(
      application({ store: failing(), failedSave: "error" }, { "/": set((s) => (s.a = 1)) }),
    );
    expect(await visitor.visit("/")).toMatchObject({ status: 500, body: "failed: TypeError", setCookie: [] });
  });

  const streamed = (change: (session: Any) => void): Handler => {
    return async (req, res) => {
      req.session.first = 1;
      res.write("a");
      await new Promise(setImmediate);
      change(req.session);
      res.end("b");
    };
  };

  test("what is changed after the first byte is stored before the last", async () => {
    const held = heldStore(memoryStore());
    const app = application(
      { store: held.store },
      { "/change": streamed((s) => (s.second = 2)), "/same": streamed(() => {}), "/": show },
    );
    const { visitor, port } = await visitorOf(app);
    const updating = held.hold("update");
    const wire = dial(port);
    wire.send("GET /change HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await wire.until("\r\na\r\n");
    await updating.arrived;
    expect(wire.received).not.toContain("\r\nb\r\n");
    updating.release();
    const answer = await wire.closed;
    expect(answer).toMatch(/\r\nb\r\n0\r\n\r\n$/);
    visitor.cookie = /Set-Cookie: ([^;]*)/i.exec(answer)?.[1];
    expect(JSON.parse((await visitor.visit("/")).body)).toEqual({ first: 1, second: 2 });

    const mark = held.calls.length;
    await visitor.visit("/same");
    expect(held.calls.slice(mark)).toEqual(["read"]);
  });

  test("a change between first byte and end in one turn is stored too", async () => {
    const both: Handler = (req, res) => {
      res.write("a");
      req.session.n = 1;
      res.end("b");
    };
    const { visitor } = await visitorOf(
      application({ store: memoryStore(), saveUninitialized: true }, { "/both": both, "/": show }),
    );
    expect((await visitor.visit("/both")).body).toBe("ab");
    expect((await visitor.visit("/")).body).toBe('{"n":1}');
  });

  test("where the second save fails, the response is cut off", async () => {
    const held = heldStore(memoryStore());
    held.answer("update", () => Promise.reject(new Error("down")));
    held.answer("read", () => Promise.reject(new Error("down")));
    const late: unknown[] = [];
    const { port } = await visitorOf(
      application({ store: held.store }, { "/": streamed((s) => (s.second = 2)) }, late),
    );
    const wire = dial(port);
    wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(await wire.closed).not.toMatch(/0\r\n\r\n$/);
    await expect.poll(() => late).toMatchObject([{ name: "StoreUnavailableError" }]);
  });
});

describe("on a store of coatcheck", () => {
  test("a request costs one read, and one write where it changed something", async () => {
    const { store, took } = spyStore(memoryStore());
    const handlers = { "/": show, "/set": set((s) => (s.n = (s.n ?? 0) + 1)) };
    const { visitor } = await visitorOf(application({ store, cookie: { maxAge: 60_000 } }, handlers));
    await visitor.visit("/");
    expect(took()).toEqual([]);
    await visitor.visit("/set");
    expect(took()).toEqual(["create"]);
    await visitor.visit("/set");
    expect(took()).toEqual(["read", "update"]);
    await visitor.visit("/");
    expect(took()).toEqual(["read"]);
  });

  test("a touch by less than 1/100 of the life is not written, unless the handler asks for it", async () => {
    const { store, took } = spyStore(memoryStore());
    const touch: Handler = (req, res) => {
      req.session.touch();
      res.end();
    };
    const handlers = { "/": show, "/set": set((s) => (s.n = 1)), "/touch": touch };
    const { visitor } = await visitorOf(application({ store, cookie: { maxAge: 60_000 } }, handlers));
    await visitor.visit("/set");
    took();
    await visitor.visit("/");
    expect(took()).toEqual(["read"]);
    await visitor.visit("/touch");
    expect(took()).toEqual(["read", "touch"]);
  });

  test("it keeps no id, and no cookie that is as the options say", async () => {
    const { store } = spyStore(memoryStore());
    const created: [string, Any][] = [];
    const noting: OurStore = {
      ...store,
      create: (id, record, call) => {
        created.push([id, record]);
        return store.create(id, record, call);
      },
    };
    const end = (req: Any, res: Any) => {
      req.session.a = 1;
      res.end(req.sessionID);
    };
    const { visitor } = await visitorOf(
      application({ store: noting, cookie: { maxAge: 60_000 } }, { "/": end }),
    );
    const { body: id } = await visitor.visit("/");
    expect(created).toHaveLength(1);
    expect(JSON.stringify(created)).not.toContain(id);
    expect(created[0]?.[1]).toMatchObject({ data: '{"a":1}', userId: null, expiry: 60 });
  });

  test("two saves at once of a new session store it once", async () => {
    const { store, took } = spyStore(memoryStore());
    const handler: Handler = (req, res) => {
      req.session.a = 1;
      req.session.save(() => {});
      req.session.b = 2;
      res.end();
    };
    const { visitor } = await visitorOf(application({ store }, { "/save": handler, "/": show }));
    await visitor.visit("/save");
    expect(took()).toEqual(["create", "update"]);
    expect((await visitor.visit("/")).body).toBe('{"a":1,"b":2}');
  });

  test.each([Object.freeze, Object.seal, Object.preventExtensions])(
    "a new session that takes no more keys is saved as often as it is changed: %o",
    async (close) => {
      const handler: Handler = (req, res) => {
        req.session.cart = ["tea"];
        close(req.session);
        req.session.save(() => {
          req.session.cart.push("milk");
          res.end("saved");
        });
      };
      const { visitor } = await visitorOf(
        application({ store: memoryStore() }, { "/save": handler, "/": show }),
      );
      expect(await visitor.visit("/save")).toMatchObject({ status: 200, body: "saved" });
      expect((await visitor.visit("/")).body).toBe('{"cart":["tea","milk"]}');
    },
  );

  test("a session that is stored under another id too is stored there as a copy, and goes on under its own", async () => {
    const handler: Handler = (req, res) => {
      req.session.a = 1;
      req.sessionStore.set("another", req.session, () => {
        req.session.b = 2;
        res.end();
      });
    };
    const look: Handler = (req, res) =>
      req.sessionStore.get("another", (_error: unknown, found: Any) => res.end(JSON.stringify(found?.a)));
    const { visitor } = await visitorOf(
      application(
        { store: memoryStore() },
        { "/begin": set((s) => (s.n = 0)), "/copy": handler, "/look": look, "/": show },
      ),
    );
    for (const path of ["/begin", "/copy"]) await visitor.visit(path);
    expect((await visitor.visit("/")).body).toBe('{"n":0,"a":1,"b":2}');
    expect((await visitor.visit("/look")).body).toBe("1");
  });

  test("a method that a program has put in place of ours for all stores is called", async () => {
    const store: Any = storeBehind(memoryStore());
    const prototype = Object.getPrototypeOf(store);
    const { set: original } = prototype;
    onTestFinished(() => void Object.assign(prototype, { set: original }));
    const seen: string[] = [];
    prototype.set = function (this: Any, id: string, ...rest: unknown[]) {
      seen.push(id);
      return original.call(this, id, ...rest);
    };
    const handler: Handler = (req, res) => {
      req.session.a = 1;
      res.end(req.sessionID);
    };
    const { visitor } = await visitorOf(application({ store }, { "/": handler }));
    expect(seen).toEqual([(await visitor.visit("/")).body]);
  });

  test("no header but Set-Cookie is added", async () => {
    const { visitor } = await visitorOf(
      application({ store: memoryStore() }, { "/": set((s) => (s.a = 1)) }),
    );
    const { headers } = await visitor.visit("/");
    expect(headers).toHaveProperty("set-cookie");
    expect(headers).not.toHaveProperty("vary");
    expect(headers).not.toHaveProperty("cache-control");
  });

  test("tools write and read plain sessions, whether they are there or not; length counts them", async () => {
    const store: Any = storeBehind(memoryStore());
    const call = (verb: string, ...args: unknown[]) =>
      new Promise<Any>((resolve, reject) =>
        store[verb](...args, (error: unknown, value: unknown) => (error ? reject(error) : resolve(value))),
      );
    const cookie = { expires: Date.now() + 60_000, maxAge: 60_000 };
    await call("set", "one", { header: { exp: 1 }, data: "x", cookie });
    await call("set", "one", { header: { exp: 2 }, data: "y", cookie });
    expect(await call("get", "one")).toMatchObject({
      header: { exp: 2 },
      data: "y",
      cookie: { maxAge: 60_000 },
    });
    const found = await call("get", "one");
    found.more = true;
    await call("set", "one", found);
    expect(await call("get", "one")).toMatchObject({ data: "y", more: true });
    expect(await call("length")).toBe(1);
    await call("destroy", "one");
    expect(await call("get", "one")).toBeNull();
    await call("set", "one", found);
    expect(await call("get", "one")).toBeNull();
    expect([store.all, store.ids, store.clear]).toEqual([undefined, undefined, undefined]);
  });

  test("a store that keeps sessions in the cookie is refused", async () => {
    const { signedCookieStore } = await import("coatcheck/cookies");
    const store = signedCookieStore({ secrets: ["a".repeat(64)] });
    expect(() => session({ ...quiet, store })).toThrow("The option store takes a store on the server");
  });
});

/** The connect store before a store of coatcheck. */
function storeBehind(store: OurStore): Store {
  const request = { url: "/", headers: {} } as Any;
  session({ ...quiet, store })(request, {} as Any, () => {});
  return request.sessionStore;
}

describe("on connect stores", () => {
  test("with reread, changes of other requests stay, and an ended session stays ended", async () => {
    for (const during of [set((s) => (s.b = 2)), logout]) {
      const held = slow((s) => (s.a = 1));
      const { visitor, newVisitor } = await visitorOf(
        application(
          { store: new MemoryStore(), reread: true },
          { "/first": set((s) => (s.began = 1)), "/slow": held.handler, "/during": during, "/": show },
        ),
      );
      await visitor.visit("/first");
      const other = newVisitor();
      other.cookie = visitor.cookie;
      const answer = other.visit("/slow");
      await held.arrived;
      await visitor.visit("/during");
      held.release();
      expect((await answer).status).toBe(200);
      const expected = during === logout ? {} : { began: 1, a: 1, b: 2 };
      expect(JSON.parse((await visitor.visit("/")).body)).toEqual(expected);
    }
  });

  test("a store of another copy of express-session gives sessions of ours, unless it makes its own", async () => {
    class Base extends EventEmitter {
      readonly kept = new Map<string, string>();
      get(id: string, done: Any) {
        done(null, JSON.parse(this.kept.get(id) ?? "null"));
      }
      set(id: string, value: unknown, done: Any) {
        this.kept.set(id, JSON.stringify(value));
        done();
      }
      destroy(id: string, done: Any) {
        this.kept.delete(id);
        done();
      }
      regenerate(_req: unknown, _done: unknown) {}
      load(_id: string, _done: unknown) {}
      createSession(_req: unknown, found: unknown): unknown {
        return found;
      }
    }
    class OfAnotherCopy extends Base {}
    class OfItsOwn extends Base {
      override createSession(req: unknown, found: Any): unknown {
        const made = Store.prototype.createSession.call(this as Any, req as Any, found);
        return Object.assign(made, { isOwn: true });
      }
    }
    const handler: Handler = (req, res) => {
      req.session.n = 1;
      res.end(
        [req.session instanceof Session, req.session.cookie instanceof Cookie, req.session.isOwn].join(),
      );
    };
    for (const [store, own] of [
      [new OfAnotherCopy(), ""],
      [new OfItsOwn(), "true"],
    ] as const) {
      const { visitor } = await visitorOf(application({ store: store as Any }, { "/": handler }));
      await visitor.visit("/");
      expect((await visitor.visit("/")).body).toBe(`true,true,${own}`);
    }
  });

  test("two session() on one store give each its own cookie", async () => {
    const store = new MemoryStore();
    const app = express();
    const make = (path: string, name: string) => session({ ...quiet, store, name, cookie: { path } }) as Any;
    app.use("/admin", make("/admin", "admin"));
    app.use("/account", make("/account", "account"));
    app.use(((req, res) => {
      req.session.regenerate(() => {
        req.session.a = 1;
        res.end();
      });
    }) as Handler as Any);
    const { visitor } = await visitorOf(app);
    expect((await visitor.visit("/admin")).setCookie[0]).toMatch(/^admin=.*Path=\/admin/);
    expect((await visitor.visit("/account")).setCookie[0]).toMatch(/^account=.*Path=\/account/);
  });

  test("stores of all styles can be built on Store", () => {
    function Old(this: Any, options: unknown) {
      (Store as Any).call(this, options);
    }
    Object.setPrototypeOf(Old.prototype, Store.prototype);
    class New extends Store {}
    for (const store of [new (Old as Any)({}), new New({})]) {
      expect(store).toBeInstanceOf(EventEmitter);
      expect(store.createSession).toBe(Store.prototype.createSession);
    }
  });
});

describe("without a response", () => {
  test("a stand-in of a response gets the session, and save, reload and touch work", async () => {
    const store = memoryStore();
    const options = { ...quiet, store, cookie: { maxAge: 60_000 } };
    const middleware = session(options);
    const { visitor } = await visitorOf(application(options, { "/": set((s) => (s.n = 1)), "/show": show }));
    await visitor.visit("/");
    const request = { url: "/", headers: { cookie: visitor.cookie } } as Any;
    await new Promise<void>((resolve) => middleware(request as IncomingMessage, {} as Any, () => resolve()));
    expect(request.session.n).toBe(1);
    request.session.n = 2;
    const first = request.session;
    expect(first.touch()).toBe(first);
    await new Promise<void>((resolve, reject) =>
      first.save((error: unknown) => (error ? reject(error) : resolve())),
    );
    expect((await visitor.visit("/show")).body).toBe('{"n":2}');
    await visitor.visit("/");
    await new Promise<void>((resolve) => first.reload(() => resolve()));
    expect([request.session.n, first.n]).toEqual([1, 2]);
  });
});

describe.each(["polling", "websocket"] as const)("socket.io by %s", (transport) => {
  test("a socket reads the session, and saves what it changes", async () => {
    const options = { ...quiet, store: memoryStore() };
    const server = createServer(application(options, { "/": set((s) => (s.n = 1)), "/show": show }));
    const io = new Server(server);
    io.engine.use(session(options) as Any);
    io.on("connection", (socket) => {
      const { session } = socket.request as Any;
      socket.emit("seen", session.n);
      socket.on("count", (done) => {
        session.reload(() => {
          const fresh = (socket.request as Any).session;
          fresh.n += 1;
          fresh.save(done);
        });
      });
    });
    const port = await portOf(server);
    const visitor = new Visitor(port);
    await visitor.visit("/");
    const extraHeaders = { Cookie: visitor.cookie as string };
    const client = connect(`http://127.0.0.1:${port}`, {
      transports: [transport],
      extraHeaders,
      forceNew: true,
    });
    onTestFinished(() => {
      client.close();
      void io.close();
    });
    expect(await new Promise((resolve) => client.on("seen", resolve))).toBe(1);
    await visitor.visit("/");
    await new Promise<void>((resolve) => client.emit("count", () => resolve()));
    expect((await visitor.visit("/show")).body).toBe('{"n":2}');
  });
});

describe("wrong options", () => {
  test.each([
    [{ genid: "no" }, /genid must/],
    [{ unset: "no" }, /unset must/],
    [{ secret: [] }, /secret option array/],
    [{ failedSave: "no" }, /failedSave must/],
  ])("%j is refused", (options, message) => {
    expect(() => session({ ...quiet, ...options } as Any)).toThrow(message);
  });

  test("a missing secret is told with each request", async () => {
    const { visitor } = await visitorOf(application({ secret: undefined }, { "/": show }));
    expect((await visitor.visit("/")).status).toBe(500);
  });

  test("a cookie that cannot be sent is an error after the response", async () => {
    const late: unknown[] = [];
    const cookie = { expires: new Date(Number.NaN) };
    const app = application({ cookie, saveUninitialized: true }, { "/": show }, late);
    const { visitor } = await visitorOf(app);
    expect(await visitor.visit("/")).toMatchObject({ status: 200, setCookie: [] });
    await expect.poll(() => late).toMatchObject([{ message: "option expires is invalid" }]);
  });
});
