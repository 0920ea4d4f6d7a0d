/** What every adapter does: written once, run over each framework, through real sockets. */
import type { Server } from "node:http";
import {
  createSessions,
  memoryStore,
  type Options,
  type Session,
  SettingsError,
  type Store,
} from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { deadlinesPass, STORE_TIMEOUT } from "../instruments/deadline.ts";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";
import { dial, gate, settle } from "../instruments/loopback.ts";
import { overhear, overhearWarnings } from "../instruments/overheard.ts";
import { selfMadeCertificate } from "../instruments/self-made-certificate.ts";
import { spyStore } from "../instruments/spy-store.ts";
import { Visitor, words } from "../instruments/visitor.ts";
import type { Verb } from "../instruments/wrapped-store.ts";
import type { Adapter, Handler, Page, Site, Visit } from "./adapters/adapter.ts";
import { everyAdapter } from "./adapters/every-adapter.ts";

type Setup = Omit<Options, "store"> & { store?: Store } & Pick<Site, "tls" | "trustProxy">;

/** Starts an application for one test, with one session. */
async function start(adapter: Adapter, handler: Handler, setup: Setup = {}) {
  const { tls, trustProxy, store = memoryStore(), ...options } = setup;
  return startSite(adapter, { sessions: [{ store, ...options }], handler, tls, trustProxy });
}

async function startSite(adapter: Adapter, site: Site) {
  const { port, close, stop } = await adapter.start(site);
  onTestFinished(close);
  return { port, stop, visitor: new Visitor(port, { secure: site.tls !== undefined }) };
}

/** An error that names the status of its answer, as http-errors makes them. */
function httpError(status: number, headers: Record<string, string> = {}): Error {
  return Object.assign(new Error("no"), { status, statusCode: status, expose: status < 500, headers });
}

type Raw = ReturnType<NonNullable<Visit["takeOver"]>>;

const text = (body: unknown): Page => ({ body: String(body), headers: { "Content-Type": "text/plain" } });

const count: Handler = ({ session }) => text(session.update("visits", (n = 0) => n + 1));

/** A session as the next request finds it. */
const look: Handler = ({ session }) => text(JSON.stringify([session.userId, session.toObject()]));

const acts = {
  nothing: () => {},
  "a read": (session) => session.get("a"),
  "a write": (session) => session.set("a", 2),
  "flush()": (session) => session.flush(),
  "login()": (session) => session.login("u1"),
  "cycleKey()": (session) => session.cycleKey(),
  "setExpiry()": (session) => session.setExpiry(60),
  "load(), a write": async (session) => {
    await session.load();
    session.set("a", 2);
  },
} satisfies Record<string, (session: Session) => unknown>;

/** The kinds of cookie; a valid key belongs to a session with `{ a: 1 }`. */
type Came = "none" | "malformed" | "unknown" | "valid";

interface Row {
  came: Came;
  does: keyof typeof acts;
  lazy?: true;
  status?: number;
  /** The round trips to the store. */
  calls: string;
  cookie?: "none" | "set" | "removed";
  varies?: boolean;
}

const rows: Row[] = [
  { came: "none", does: "nothing", calls: "" },
  { came: "none", does: "a read", calls: "", varies: true },
  { came: "none", does: "a write", calls: "create", cookie: "set" },
  { came: "none", does: "flush()", calls: "", varies: true },
  { came: "none", does: "login()", calls: "create", cookie: "set" },
  { came: "malformed", does: "a read", calls: "", varies: true },
  { came: "malformed", does: "a write", calls: "create", cookie: "set" },
  { came: "malformed", does: "flush()", calls: "", cookie: "removed" },
  { came: "unknown", does: "nothing", calls: "read" },
  { came: "unknown", does: "a write", calls: "read create", cookie: "set" },
  { came: "unknown", does: "flush()", calls: "read", cookie: "removed" },
  { came: "valid", does: "nothing", calls: "read" },
  { came: "valid", does: "a read", calls: "read", varies: true },
  { came: "valid", does: "a write", calls: "read update", varies: true },
  { came: "valid", does: "flush()", calls: "read delete", cookie: "removed" },
  { came: "valid", does: "login()", calls: "read rotate", cookie: "set" },
  { came: "valid", does: "cycleKey()", calls: "read rotate", cookie: "set" },
  { came: "valid", does: "setExpiry()", calls: "read update", cookie: "set" },

  { came: "none", does: "a write", status: 404, calls: "create", cookie: "set" },
  { came: "none", does: "a write", status: 500, calls: "", varies: true },
  { came: "none", does: "a write", status: 303, calls: "create", cookie: "set" },
  { came: "none", does: "a write", status: 204, calls: "create", cookie: "set" },
  { came: "none", does: "a write", status: 304, calls: "create", cookie: "set" },
  { came: "valid", does: "login()", status: 503, calls: "read", varies: true },
  { came: "valid", does: "flush()", status: 500, calls: "read delete", cookie: "removed" },

  { came: "valid", does: "nothing", lazy: true, calls: "" },
  { came: "valid", does: "load(), a write", lazy: true, calls: "read update", varies: true },
  { came: "none", does: "load(), a write", lazy: true, calls: "create", cookie: "set" },
  { came: "valid", does: "flush()", lazy: true, calls: "delete", cookie: "removed" },
];

function titleOf({ came, does, lazy, status = 200, calls, cookie = "none" }: Row): string {
  const given = [`cookie ${came}`, does, ...(lazy ? ["lazy"] : []), ...(status === 200 ? [] : [status])];
  return `${given.join(", ")}: store ${calls || "not asked"}, cookie ${cookie === "none" ? "left alone" : cookie}`;
}

describe.each(everyAdapter)("$name", (adapter) => {
  test("a visitor comes back, and another is another", async () => {
    const { port, visitor } = await start(adapter, count);
    expect((await visitor.visit()).body).toBe("1");
    expect((await visitor.visit()).body).toBe("2");
    expect((await visitor.visit()).body).toBe("3");
    expect((await new Visitor(port).visit()).body).toBe("1");
  });

  test.each(rows.map((row) => ({ ...row, title: titleOf(row) })))(
    "$title",
    async ({
      came,
      does,
      lazy = false,
      status = 200,
      calls,
      cookie = "none",
      varies = cookie !== "none",
    }) => {
      const { store, took } = spyStore(memoryStore());
      const { visitor } = await start(
        adapter,
        async ({ session, path }) => {
          if (path === "/begin") {
            await session.load();
            session.set("a", 1);
            return {};
          }
          await acts[does](session);
          const headers = {
            Vary: "Accept-Encoding",
            "Cache-Control": "public, max-age=60",
            "CDN-Cache-Control": "max-age=60",
            "Surrogate-Control": "max-age=60",
            "Cloudflare-CDN-Cache-Control": "no-store",
            "Set-Cookie": "own=1",
          };
          return { status, headers: status === 303 ? { ...headers, Location: "/" } : headers };
        },
        { store, lazy },
      );
      if (came === "valid") await visitor.visit("/begin");
      if (came === "malformed") visitor.cookie = "sessionid=../../etc/passwd";
      if (came === "unknown") visitor.cookie = `sessionid=${"0".repeat(32)}`;
      took();

      const answer = await visitor.visit();
      expect(answer.status).toBe(status);
      expect(took().join(" ")).toBe(calls);
      const ours = answer.setCookie.filter((line) => line.startsWith("sessionid="));
      expect(ours.map((line) => (line.includes("Max-Age=0;") ? "removed" : "set"))).toEqual(
        cookie === "none" ? [] : [cookie],
      );
      expect(answer.setCookie).toContain("own=1");
      expect(words(answer.headers.vary)).toEqual(["Accept-Encoding", ...(varies ? ["Cookie"] : [])]);
      expect(answer.headers["cache-control"]).toBe(
        cookie === "none" ? "public, max-age=60" : "private, no-store",
      );
      // CDNs obey these in place of Cache-Control (RFC 9213).
      for (const name of ["cdn-cache-control", "surrogate-control"])
        expect(answer.headers[name]).toBe(cookie === "none" ? "max-age=60" : "private, no-store");
      expect(answer.headers["cloudflare-cdn-cache-control"]).toBe("no-store");
    },
  );

  describe("a response to a signed-in visitor", () => {
    const html = { "Content-Type": "text/html; charset=utf-8" };
    const shared = { "Cache-Control": "public, max-age=60" };
    const isPrivate = "private, no-store";

    test.each([
      ["an HTML page", "/looks", html, isPrivate],
      ["an HTML page that says public", "/looks", { ...html, ...shared }, isPrivate],
      ["an HTML page that says private", "/looks", { ...html, "Cache-Control": "private" }, "private"],
      [
        "an HTML page of a handler that does not look at the session",
        "/",
        { ...html, ...shared },
        "public, max-age=60",
      ],
      ["a file", "/looks", { "Content-Type": "text/css" }, undefined],
      ["a file that says public", "/looks", { "Content-Type": "text/css", ...shared }, "public, max-age=60"],
    ])(
      "%s: Cache-Control is kept or made private",
      async (_name, path, headers: Record<string, string>, expected) => {
        const { visitor } = await start(adapter, (visit) => {
          if (visit.path === "/login") visit.session.login("ann");
          if (visit.path === "/looks") visit.session.get("a");
          return { headers, body: "hello" };
        });
        const anonymous = await visitor.visit(path);
        expect(anonymous.headers["cache-control"]).toBe(headers["Cache-Control"]);
        await visitor.visit("/login");
        expect((await visitor.visit(path)).headers["cache-control"]).toBe(expected);
      },
    );

    test("that shared caches may keep is warned about once, where the handler looked at the session", async () => {
      const warnings = await overhearWarnings();
      const { visitor } = await start(adapter, ({ session, path }) => {
        if (path === "/login") session.login("ann");
        if (path !== "/") session.get("a");
        const cacheControl = path === "/private" ? "private, max-age=60" : "max-age=60";
        return {
          headers: { "Cache-Control": cacheControl, "Content-Type": "application/json" },
          body: "{}",
        };
      });
      await visitor.visit("/looks");
      await visitor.visit("/login");
      await visitor.visit("/");
      await visitor.visit("/private");
      expect(await warnings()).toEqual([]);
      await visitor.visit("/looks");
      await visitor.visit("/looks");
      expect(await warnings()).toMatchObject([{ code: "COATCHECK_CACHEABLE" }]);
    });

    test("that a CDN may keep is warned about, and an HTML page is kept by none", async () => {
      const warnings = await overhearWarnings();
      const { visitor } = await start(adapter, ({ session, path }) => {
        if (path === "/login") session.login("ann");
        session.get("a");
        const type = path === "/page" ? "text/html" : "application/json";
        return { headers: { "CDN-Cache-Control": "max-age=60", "Content-Type": type }, body: "{}" };
      });
      await visitor.visit("/login");
      expect((await visitor.visit("/page")).headers["cdn-cache-control"]).toBe("private, no-store");
      expect(await warnings()).toEqual([]);
      await visitor.visit("/looks");
      expect(await warnings()).toMatchObject([{ code: "COATCHECK_CACHEABLE" }]);
    });
  });

  // Reports: expressjs/session#309, #360, #526, jaredhanson/passport#306, #703.
  test("a redirect's head does not leave before the session is stored", async () => {
    const { store, hold } = heldStore(memoryStore());
    const { port, visitor } = await start(
      adapter,
      ({ session, path }) => {
        if (path === "/") return text(session.userId);
        session.login("ann");
        return { status: 303, headers: { Location: "/" } };
      },
      { store },
    );
    const creating = hold("create", "after");
    const wire = dial(port);
    wire.send("GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    await creating.arrived; // The session is stored, and the answer of the store is still on its way.
    await settle();
    expect(wire.received).toBe("");
    creating.release();
    const answer = await wire.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 303 /);
    visitor.cookie = /set-cookie: ([^;]+);/i.exec(answer)?.[1];
    expect((await visitor.visit()).body).toBe("ann");
  });

  test("of a streamed body nothing leaves before the session is stored", async () => {
    const { store, hold } = heldStore(memoryStore());
    const { port } = await start(
      adapter,
      ({ session }) => {
        session.set("a", 1);
        return { body: parts("one", "two") };
      },
      { store },
    );
    const creating = hold("create");
    const wire = dial(port);
    wire.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    await creating.arrived;
    await settle();
    expect(wire.received).toBe("");
    creating.release();
    expect(await wire.closed).toMatch(/^HTTP\/1\.1 200 [\s\S]*set-cookie: sessionid=[\s\S]*one[\s\S]*two/i);
  });

  // Reports: fastify/session, reports on app.close().
  test("a server that stops still answers the request whose session is being stored", async () => {
    const { store, hold } = heldStore(memoryStore());
    const { port, stop } = await start(adapter, count, { store });
    const creating = hold("create");
    const wire = dial(port);
    wire.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    await creating.arrived;
    const stopped = stop();
    await settle();
    creating.release();
    expect(await wire.closed).toMatch(/^HTTP\/1\.1 200 [\s\S]*set-cookie: sessionid=[\s\S]*1/i);
    await stopped;
  });

  const later: Record<string, (raw: Raw) => void> = {
    "the handler throws": () => {
      throw httpError(404);
    },
    "response.destroy()": ({ response }) => void response.destroy(),
    "response.destroy(error)": ({ response }) => void response.destroy(new Error("a bug")),
    "request.destroy()": ({ request }) => void request.destroy(),
    "socket.destroy()": ({ request }) => void request.socket.destroy(),
    "socket.destroySoon()": ({ request }) => void request.socket.destroySoon(),
    "socket.end()": ({ request }) => void request.socket.end(),
    "server.closeAllConnections()": ({ request }) =>
      (request.socket as unknown as { server: Server }).server.closeAllConnections(),
  };

  // Reports: expressjs/session#17, expressjs/express#448.
  test.each(adapter.holds ? Object.entries(later) : [])(
    "an answer that has ended leaves, whatever comes after it: %s",
    async (_name, happens) => {
      const { store, hold } = heldStore(memoryStore());
      const { port } = await start(
        adapter,
        ({ session, takeOver }) => {
          const raw = takeOver?.() as Raw;
          session.set("a", 1);
          raw.response.statusCode = 200; // Koa begins with 404.
          raw.response.end("the whole answer");
          happens(raw);
          return "answered";
        },
        { store },
      );
      const creating = hold("create");
      const wire = dial(port);
      wire.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      await creating.arrived;
      await settle();
      creating.release();
      expect(await wire.closed).toMatch(
        /^HTTP\/1\.1 200 [\s\S]*set-cookie: sessionid=[\s\S]*the whole answer/i,
      );
    },
  );

  const failing: [verb: Verb, act: keyof typeof acts, came: "none" | "valid"][] = [
    ["create", "a write", "none"],
    ["create", "login()", "none"],
    ["update", "a write", "valid"],
    ["rotate", "cycleKey()", "valid"],
    ["delete", "flush()", "valid"],
    ["read", "nothing", "valid"],
  ];

  test.each(failing)("%s fails at %s: a 503 with nothing of the handler's", async (verb, act, came) => {
    const { store, breaks, mended } = faultyStore(memoryStore());
    const { visitor } = await start(
      adapter,
      async ({ session, path }) => {
        if (path === "/look") return look({ session } as never);
        await acts[path === "/begin" ? "a write" : act](session);
        return {
          status: 201,
          headers: { "X-Handler": "1", "Set-Cookie": "own=1", "Content-Type": "text/html" },
          body: "secret",
        };
      },
      { store },
    );
    if (came === "valid") await visitor.visit("/begin");
    breaks(verb);
    const { status, headers, setCookie, body } = await visitor.visit();
    expect([status, headers["retry-after"], headers["x-handler"], setCookie]).toEqual([
      503,
      "5",
      undefined,
      [],
    ]);
    expect(body).not.toMatch(/secret|disk/);
    mended();
    if (came === "valid") expect((await visitor.visit("/look")).body).toBe('[null,{"a":2}]');
  });

  test("a streamed body that is dropped for a failed save is closed", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    breaks("create");
    const closed = gate();
    const body = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: "secret ".repeat(1000) }),
        return: async () => {
          closed.resolve();
          return { done: true, value: undefined } as const;
        },
      }),
    };
    const { visitor } = await start(
      adapter,
      ({ session }) => {
        session.set("a", 1);
        return { headers: { "X-Handler": "1" }, body };
      },
      { store },
    );
    const answer = await visitor.visit();
    expect([answer.status, answer.headers["x-handler"], answer.setCookie]).toEqual([503, undefined, []]);
    expect(answer.body).not.toContain("secret");
    await closed.promise;
  });

  test.each([
    ["memory", () => memoryStore()],
    ["SQLite", () => sqliteStore(":memory:")],
  ])("on %s, requests are answered while a test of the application fakes all timers", async (_name, make) => {
    const { visitor } = await start(adapter, count, { store: make() });
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    expect((await visitor.visit()).body).toBe("1");
    expect((await visitor.visit()).body).toBe("2");
  });

  test("a store that does not answer in time is unavailable", async () => {
    const { store, hold } = heldStore(memoryStore());
    const create = hold("create");
    const { visitor } = await start(adapter, count, { store, storeTimeout: STORE_TIMEOUT });
    const visit = visitor.visit();
    await create.arrived;
    deadlinesPass();
    const { status, headers, setCookie } = await visit;
    expect([status, headers["retry-after"], setCookie]).toEqual([503, "5", []]);
  });

  test("onUnavailable: anonymous serves visitors without a session, and refuses logins", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    const handler: Handler = (visit) => {
      if (visit.path === "/login") visit.session.login("ann");
      return count(visit);
    };
    const { visitor } = await start(adapter, handler, { store, onUnavailable: "anonymous" });
    await visitor.visit();
    breaks("read");
    const { status, body, setCookie } = await visitor.visit();
    expect([status, body, setCookie]).toEqual([200, "1", []]);
    // Hono's own error handler knows only errors that bring a response along.
    expect((await visitor.visit("/login")).status).toBe(503);
  });

  // Reports: auth0/express-openid-connect#835.
  test("while the response streams: save() keeps a change, and what needs a new cookie is refused", async () => {
    const go = gate();
    const refused: unknown[] = [];
    const handler: Handler = (visit) => {
      const { session, path } = visit;
      if (path === "/look") return look(visit);
      session.set("early", 1);
      async function* body() {
        yield "first\n";
        await go.promise;
        session.set("late", 2);
        yield `${await session.save()}\n`;
        try {
          session.login("ann");
        } catch (error) {
          refused.push(error);
        }
        yield "last\n";
      }
      return { headers: { "Content-Type": "text/event-stream" }, body: body() };
    };
    const { visitor } = await start(adapter, handler);
    const { incoming, head } = await visitor.begin();
    expect(head.setCookie).toHaveLength(1);
    expect(head.headers["content-type"]).toMatch(/^text\/event-stream/);
    let body = "";
    for await (const part of incoming) {
      body += part;
      go.resolve();
    }
    expect(body).toBe("first\ntrue\nlast\n");
    expect(refused).toMatchObject([{ name: "SessionCommittedError" }]);
    expect((await visitor.visit("/look")).body).toBe('[null,{"early":1,"late":2}]');
  });

  test("what is changed while the response streams, and not saved, is told once", async () => {
    const warnings = await overhearWarnings();
    const { of } = overhear();
    const go = gate();
    const handler: Handler = (visit) => {
      const { session, path } = visit;
      if (path === "/look") return look(visit);
      session.set("early", 1);
      async function* body() {
        yield "first";
        await go.promise;
        session.set("late", 2);
      }
      return { body: body() };
    };
    const { visitor } = await start(adapter, handler);
    const { incoming } = await visitor.begin();
    for await (const _ of incoming) go.resolve();
    while (of("unsaved").length === 0) await settle();
    await settle();
    expect(of("unsaved")).toHaveLength(1);
    expect(await warnings()).toMatchObject([{ code: "COATCHECK_UNSAVED" }]);
    expect((await visitor.visit("/look")).body).toBe('[null,{"early":1}]');
  });

  test("a client that hangs up while the response streams: it is closed, and what was not saved is told", async () => {
    const { of } = overhear();
    const closed = gate();
    const go = gate();
    const { port } = await start(adapter, ({ session }) => {
      session.set("early", 1);
      async function* body() {
        try {
          yield "first";
          await go.promise;
          session.set("late", 2);
          for (;;) {
            yield "more ".repeat(1000);
            await settle();
          }
        } finally {
          closed.resolve();
        }
      }
      return { body: body() };
    });
    const wire = dial(port);
    wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await wire.until("first");
    go.resolve();
    await wire.until("more");
    wire.hangUp();
    await closed.promise;
    while (of("unsaved").length === 0) await settle();
    expect(of("unsaved")).toHaveLength(1);
  });

  // Reports: aspnet/Session#201, fastify/fastify#1352.
  test("a client that hangs up while the session is stored has it stored all the same", async () => {
    const { store, hold } = heldStore(memoryStore());
    const { port, visitor } = await start(adapter, count, { store });
    await visitor.visit();
    const updating = hold("update");
    const wire = dial(port);
    wire.send(`GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ${visitor.cookie}\r\n\r\n`);
    await updating.arrived;
    wire.hangUp();
    await settle();
    updating.release();
    expect((await visitor.visit()).body).toBe("3");
  });

  test("a client that hangs up while the store is read is not served", async () => {
    const { store, hold } = heldStore(memoryStore());
    const served: string[] = [];
    const { port, visitor } = await start(
      adapter,
      (visit) => {
        served.push(visit.path);
        return count(visit);
      },
      { store },
    );
    await visitor.visit();
    const reading = hold("read");
    const wire = dial(port);
    wire.send(`GET /gone HTTP/1.1\r\nHost: localhost\r\nCookie: ${visitor.cookie}\r\n\r\n`);
    await reading.arrived;
    wire.hangUp();
    await wire.closed;
    await visitor.visit("/after"); // By now the server has heard of it.
    await settle();
    reading.release();
    await settle();
    expect(served).toEqual(["/", "/after"]);
  });

  // Reports: aspnet/Session#201.
  test("HEAD has the head of GET, and its session", async () => {
    const { visitor } = await start(adapter, count);
    const head = await visitor.visit("/", { method: "HEAD" });
    expect([head.status, head.body]).toEqual([200, ""]);
    expect(head.setCookie).toMatchObject([expect.stringMatching(/^sessionid=/)]);
    expect((await visitor.visit()).body).toBe("2");
  });

  const ifHints = adapter.hints ? test : () => {};
  ifHints("103 Early Hints pass at once, and commit nothing", async () => {
    const { visitor } = await start(adapter, ({ session, hint }) => {
      hint("</style.css>; rel=preload; as=style");
      session.set("a", 1);
      return text("ok");
    });
    const { status, hints, setCookie } = await visitor.visit();
    expect([status, hints]).toEqual([200, ["</style.css>; rel=preload; as=style"]]);
    expect(setCookie).toHaveLength(1);
  });

  describe("a handler that throws", () => {
    const handler: Handler = async (visit) => {
      const { session, path } = visit;
      if (path === "/look") return look(visit);
      if (path === "/begin") return count(visit);
      if (path === "/logout") session.logout();
      else session.set("attempts", 1);
      if (path === "/401") throw httpError(401, { "WWW-Authenticate": "Basic" });
      if (path === "/503") throw httpError(503);
      throw new Error("a bug");
    };

    test("for a 401: the session is stored, and the cookie sent along with the error's headers", async () => {
      const { visitor } = await start(adapter, handler);
      const { status, headers, setCookie } = await visitor.visit("/401");
      expect([status, headers["www-authenticate"]]).toEqual([401, "Basic"]);
      expect(setCookie).toMatchObject([expect.stringMatching(/^sessionid=/)]);
      expect(words(headers.vary)).toContain("Cookie");
      expect((await visitor.visit("/look")).body).toBe('[null,{"attempts":1}]');
    });

    test("for a 401 that cannot be stored: a 503 without them", async () => {
      const { store, breaks } = faultyStore(memoryStore());
      breaks("create");
      const { visitor } = await start(adapter, handler, { store });
      const { status, headers, setCookie } = await visitor.visit("/401");
      expect([status, headers["retry-after"], headers["www-authenticate"]]).toEqual([503, "5", undefined]);
      expect(setCookie).toEqual([]);
    });

    test.each([
      ["/503", 503],
      ["/bug", 500],
    ])("at %s: nothing is stored, and no cookie sent", async (path, expected) => {
      const { store, took } = spyStore(memoryStore());
      const { visitor } = await start(adapter, handler, { store });
      const { status, setCookie } = await visitor.visit(path);
      expect([status, setCookie, took()]).toEqual([expected, [], []]);
    });

    test("after a logout: the session has ended, and stays ended", async () => {
      const { store, took } = spyStore(memoryStore());
      const { visitor } = await start(adapter, handler, { store });
      await visitor.visit("/begin");
      const { cookie } = visitor;
      took();
      const { status, setCookie } = await visitor.visit("/logout");
      expect([status, took()]).toEqual([500, ["read", "delete"]]);
      const removal = expect.stringMatching(/^sessionid=; Max-Age=0/);
      expect(setCookie).toMatchObject(adapter.answersErrors ? [removal] : []);
      visitor.cookie = cookie;
      expect((await visitor.visit("/look")).body).toBe("[null,{}]");
    });
  });

  describe("https", () => {
    test("the cookie is Secure, by the name that only https may set", async () => {
      const { visitor } = await start(adapter, count, { tls: selfMadeCertificate() });
      const { setCookie } = await visitor.visit();
      expect(setCookie).toMatchObject([
        expect.stringMatching(
          /^__Host-sessionid=[a-z0-9]{32}; Max-Age=\d+; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
        ),
      ]);
      expect((await visitor.visit()).body).toBe("2");
    });

    const forwarded = { headers: { "X-Forwarded-Proto": "https" } };

    test("behind a proxy that is trusted it is the same", async () => {
      const warnings = await overhearWarnings();
      const { visitor } = await start(adapter, count, { trustProxy: true });
      const { setCookie } = await visitor.visit("/", forwarded);
      expect(setCookie).toMatchObject([expect.stringMatching(/^__Host-sessionid=.*; Secure/)]);
      expect((await visitor.visit("/", forwarded)).body).toBe("2");
      expect(await warnings()).toEqual([]);
    });

    test("a trusted proxy that says http is believed too", async () => {
      const { visitor } = await start(adapter, count, { trustProxy: true });
      const { setCookie } = await visitor.visit("/", { headers: { "X-Forwarded-Proto": "http" } });
      expect(setCookie).toMatchObject([expect.stringMatching(/^sessionid=(?!.*Secure)/)]);
    });

    test("of a proxy that nobody trusts one warning tells", async () => {
      const warnings = await overhearWarnings();
      const { visitor } = await start(adapter, count);
      const { setCookie } = await visitor.visit("/", forwarded);
      await visitor.visit("/", forwarded);
      expect(setCookie).toMatchObject([expect.stringMatching(/^sessionid=(?!.*Secure)/)]);
      expect(await warnings()).toMatchObject([{ code: "COATCHECK_UNTRUSTED_PROXY" }]);
    });

    test("a Secure cookie that http must not see: nothing is stored, and one warning says why", async () => {
      const warnings = await overhearWarnings();
      const { store, took } = spyStore(memoryStore());
      const { visitor } = await start(adapter, count, { store, cookie: { secure: true } });
      const { status, setCookie } = await visitor.visit();
      expect([status, setCookie, took()]).toEqual([200, [], []]);
      expect(await warnings()).toMatchObject([{ code: "COATCHECK_COOKIE_WITHHELD" }]);
    });
  });

  describe("two sessions in one application", () => {
    const outer = { cookie: { name: "site" }, cookieAge: 100 };
    const inner = { cookie: { name: "shop", path: "/", sameSite: "strict" }, cookieAge: 200 } as const;

    test("never mix, and both are stored", async () => {
      const { visitor } = await startSite(adapter, {
        sessions: [
          { store: memoryStore(), ...outer },
          { store: memoryStore(), ...inner },
        ],
        handler: ({ sessions: [site, shop], session }) => {
          expect(session).toBe(shop);
          site?.update("a", (n = 0) => n + 1);
          shop?.update("b", (n = 0) => n + 10);
          return text(JSON.stringify([site?.toObject(), shop?.toObject()]));
        },
      });
      const { setCookie } = await visitor.visit();
      expect([...setCookie].sort()).toMatchObject([
        expect.stringMatching(/^shop=.*; Max-Age=200; .*SameSite=Strict$/),
        expect.stringMatching(/^site=.*; Max-Age=100; .*SameSite=Lax$/),
      ]);
      expect((await visitor.visit()).body).toBe('[{"a":2},{"b":20}]');
    });

    test.each([0, 1])("when store %i fails: a 503 without any cookie", async (broken) => {
      const stores = [faultyStore(memoryStore()), faultyStore(memoryStore())] as const;
      stores[broken]?.breaks("create");
      const { visitor } = await startSite(adapter, {
        sessions: [
          { store: stores[0].store, ...outer },
          { store: stores[1].store, ...inner },
        ],
        handler: ({ sessions }) => {
          for (const session of sessions) session.set("a", 1);
          return text("secret");
        },
      });
      const { status, headers, setCookie, body } = await visitor.visit();
      expect([status, headers["retry-after"]]).toEqual([503, "5"]);
      expect(body).not.toContain("secret");
      // The error page carries the headers of the outer session, which was stored, and none of the inner one, which failed.
      expect(setCookie.filter((line) => line.startsWith(broken === 0 ? "site" : "shop"))).toEqual([]);
    });
  });

  describe("one Sessions in several places of one application", () => {
    const named = (name: string) => createSessions({ store: memoryStore(), cookie: { name } });

    test("is one session, whose data and login are stored once", async () => {
      const { store, took } = spyStore(memoryStore());
      const shared = createSessions({ store });
      const { visitor } = await startSite(adapter, {
        sessions: [shared, shared],
        handler({ sessions: [outer, inner], path }) {
          if (path === "/look") return look({ session: inner } as never);
          outer?.set("a", 1);
          expect(inner?.get("a")).toBe(1);
          inner?.login("ann");
          return text("ok");
        },
      });
      expect((await visitor.visit()).setCookie).toHaveLength(1);
      expect(took()).toEqual(["create"]);
      expect((await visitor.visit("/look")).body).toBe('["ann",{"a":1}]');
      expect(took()).toEqual(["read"]);
    });

    test("is one session around another Sessions too, and the innermost shows", async () => {
      const [site, shop] = [named("site"), named("shop")];
      const { visitor } = await startSite(adapter, {
        sessions: [site, shop, site, shop, site],
        handler({ sessions, session }) {
          const [outer, other] = sessions;
          expect(sessions).toEqual([outer, other, outer, other, outer]);
          expect(other).not.toBe(outer);
          expect(session).toBe(outer);
          for (const one of sessions) one.update("n", (n = 0) => n + 1);
          return text(JSON.stringify([outer?.get("n"), other?.get("n")]));
        },
      });
      const { setCookie, body } = await visitor.visit();
      expect(setCookie.map((line) => line.split("=")[0]).sort()).toEqual(["shop", "site"]);
      expect(body).toBe("[3,2]");
      expect((await visitor.visit()).body).toBe("[6,4]");
    });

    test("an error that is thrown through both places stores nothing, and answers as through one", async () => {
      const { store, took } = spyStore(memoryStore());
      const shared = createSessions({ store });
      const { visitor } = await startSite(adapter, {
        sessions: [shared, shared],
        handler({ session }) {
          session.set("a", 1);
          throw httpError(503);
        },
      });
      const { status, setCookie } = await visitor.visit();
      expect([status, setCookie, took()]).toEqual([503, [], []]);
    });

    test("a session that cannot be stored is one 503", async () => {
      const { store, breaks } = faultyStore(memoryStore());
      breaks("create");
      const shared = createSessions({ store });
      const { visitor } = await startSite(adapter, {
        sessions: [shared, shared],
        handler({ session }) {
          session.set("a", 1);
          return text("secret");
        },
      });
      const { status, setCookie, body } = await visitor.visit();
      expect([status, setCookie]).toEqual([503, []]);
      expect(body).not.toContain("secret");
    });
  });

  test("two different Sessions with one cookie are warned about once, and those with two are not", async () => {
    const warnings = await overhearWarnings();
    const visit = async (...names: string[]) => {
      const sessions = names.map((name) => createSessions({ store: memoryStore(), cookie: { name } }));
      const { visitor } = await startSite(adapter, { sessions, handler: () => text("ok") });
      await visitor.visit();
      await visitor.visit();
    };
    await visit("site", "shop");
    expect(await warnings()).toEqual([]);
    await visit("site", "site");
    expect(await warnings()).toMatchObject([
      { code: "COATCHECK_SAME_COOKIE", message: expect.stringContaining("site") },
    ]);
  });

  test("twelve session() in one application are no leak of listeners", async () => {
    const leaks: string[] = [];
    const note = (warning: Error) =>
      void (warning.name === "MaxListenersExceededWarning" && leaks.push(warning.message));
    process.on("warning", note);
    onTestFinished(() => void process.off("warning", note));
    const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
    const { visitor } = await startSite(adapter, {
      sessions: names.map((name) => ({ store: memoryStore(), cookie: { name } })),
      handler({ sessions }) {
        for (const session of sessions) session.set("a", 1);
        return text("ok");
      },
    });
    expect((await visitor.visit()).setCookie).toHaveLength(12);
    await settle();
    expect(leaks).toEqual([]);
  });

  test("two applications share the sessions of one createSessions", async () => {
    const sessions = createSessions({ store: memoryStore() });
    const one = await startSite(adapter, { sessions: [sessions], handler: count });
    const two = await startSite(adapter, { sessions: [sessions], handler: count });
    await one.visitor.visit();
    two.visitor.cookie = one.visitor.cookie;
    expect((await two.visitor.visit()).body).toBe("2");
  });

  test("wrong options are refused at the start", async () => {
    await expect(start(adapter, count, { cookieAge: -1 })).rejects.toThrow(SettingsError);
  });
});

async function* parts(...all: string[]) {
  yield* all;
}
