/** `coatcheck/express` in every Connect-style stack, over real sockets, with the real core and a store in memory. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createSessions, memoryStore, type Session, SettingsError } from "coatcheck";
import { session } from "coatcheck/express";
import compression from "compression";
import connect from "connect";
import express from "express";
import express4 from "express4";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";
import { ask, dial, gate, listen, settle } from "../instruments/loopback.ts";
import { overhear, overhearWarnings } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

type Request = IncomingMessage & { readonly session: Session; secure?: boolean };
type Next = (error?: unknown) => void;
type Middleware = (request: Request, response: ServerResponse, next: Next) => unknown;
type ErrorHandler = (error: unknown, request: Request, response: ServerResponse, next: Next) => unknown;

/** The smallest stack that there is: no error handlers but the last. */
function smallest(): Stack {
  const all: Middleware[] = [];
  let onError: ErrorHandler | undefined;
  const app = (request: IncomingMessage, response: ServerResponse) => {
    let at = 0;
    const next = (error?: unknown) => {
      if (error === undefined) all[at++]?.(request as Request, response, next);
      else onError?.(error, request as Request, response, next);
    };
    next();
  };
  const use = (one: Middleware | ErrorHandler) => {
    if (one.length === 4) onError = one as ErrorHandler;
    else all.push(one as Middleware);
  };
  return Object.assign(app, { use });
}

interface Stack extends RequestListener {
  use(middleware: Middleware | ErrorHandler): unknown;
}

const stacks: Record<string, () => Stack> = {
  "Express 5": () => express() as unknown as Stack,
  "Express 4": () => express4() as unknown as Stack,
  connect: () => connect() as unknown as Stack,
  "any (req, res, next)": smallest,
};

/** A usual error handler, and the errors that it got. */
function errorPage() {
  const errors: unknown[] = [];
  const handler: ErrorHandler = (error, _request, response, _next) => {
    errors.push(error);
    response.statusCode = (error as { status?: number }).status ?? 500;
    response.setHeader("Content-Type", "text/plain");
    response.end("error page");
  };
  return { errors, handler };
}

const cookieOf = (response: Response) => (response.headers.get("set-cookie") ?? "").split(";")[0] as string;

describe.each(Object.entries(stacks))("%s", (_name, stack) => {
  async function start(middlewares: Middleware[], onError?: ErrorHandler) {
    const app = stack();
    for (const middleware of middlewares) app.use(middleware);
    if (onError !== undefined) app.use(onError);
    const port = await listen(app);
    const at = `http://127.0.0.1:${port}`;
    return {
      port,
      visit: (init: RequestInit = {}) => fetch(at, { redirect: "manual", ...init }),
    };
  }

  const count: Middleware = (request, response) => {
    response.end(`${request.session.update("visits", (n = 0) => n + 1)}`);
  };

  test("a visitor comes back", async () => {
    const { visit } = await start([session({ store: memoryStore() }), count]);
    const first = await visit();
    expect(await first.text()).toBe("1");
    const headers = { cookie: cookieOf(first) };
    expect(await (await visit({ headers })).text()).toBe("2");
    expect(await (await visit({ headers })).text()).toBe("3");
    expect(await (await visit()).text()).toBe("1");
  });

  test("a redirect's headers never leave before the save ends", async () => {
    const { store, hold } = heldStore(memoryStore());
    const { port, visit } = await start([
      session({ store }),
      (request, response) => {
        if (request.url !== "/login") return response.end(`hello ${request.session.get("user", "nobody")}`);
        request.session.set("user", "ann");
        response.writeHead(302, { Location: "/" }).end();
      },
    ]);
    const creating = hold("create", "after");
    const wire = dial(port);
    wire.send("GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await creating.arrived; // stored, and the answer of the store is still on its way
    await settle();
    expect(wire.received).toBe("");
    creating.release();
    const answer = await wire.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 302 Found\r\n/);
    const [, cookie] = /Set-Cookie: ([^;]+);/.exec(answer) as unknown as [string, string];
    expect(await (await visit({ headers: { cookie } })).text()).toBe("hello ann");
  });

  test("a save that fails is an error response with none of the handler's headers, never a silent 200", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    breaks("create");
    const { errors, handler } = errorPage();
    const { visit } = await start(
      [
        (_request, response, next) => {
          response.setHeader("X-Earlier", "kept");
          next();
        },
        session({ store }),
        (request, response) => {
          request.session.set("a", 1);
          response.setHeader("X-Handler", "secret");
          response.writeHead(200, { "Content-Type": "text/html", "Set-Cookie": "mine=1" });
          response.write("<h1>");
          response.end("secret");
        },
      ],
      handler,
    );
    const response = await visit();
    expect(response.status).toBe(503);
    expect(await response.text()).toBe("error page");
    expect(response.headers.get("content-type")).toBe("text/plain");
    expect(response.headers.get("x-earlier")).toBe("kept");
    expect(response.headers.get("x-handler")).toBeNull();
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ name: "StoreUnavailableError", status: 503 });
  });

  test("a save that fails after the handler has streamed for a while: one error page, one call", async () => {
    const { store, hold } = heldStore(memoryStore());
    const faulty = faultyStore(store);
    const { errors, handler } = errorPage();
    const file = Readable.from(["a".repeat(100_000), "b"]);
    const { visit } = await start(
      [
        session({ store: faulty.store }),
        (request, response) => {
          request.session.set("a", 1);
          file.pipe(response);
        },
      ],
      handler,
    );
    faulty.breaks("create", async () => {
      const gate = hold("read");
      void store.read("" as never, {} as never);
      await gate.arrived;
      await settle(); // the stream fills what it can
      throw new Error("full");
    });
    const response = await visit();
    expect(response.status).toBe(503);
    expect(await response.text()).toBe("error page");
    expect(errors).toHaveLength(1);
    await settle();
    expect(file.destroyed).toBe(true);
  });

  test("an error page that mounts the same Sessions again has a session that can be stored", async () => {
    const { store, breaks, mended } = faultyStore(memoryStore());
    breaks("create");
    const serve = session(createSessions({ store })) as Middleware;
    const { visit } = await start(
      [
        serve,
        (request, response) => {
          request.session.set("a", 1);
          response.end("secret");
        },
      ],
      (_error, request, response, _next) => {
        mended();
        serve(request, response, () => {
          response.statusCode = 400;
          response.end(JSON.stringify(request.session.set("seen", true).toObject()));
        });
      },
    );
    const response = await visit();
    expect([response.status, await response.text()]).toEqual([400, '{"seen":true}']);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  test("a read that fails reaches the error handler, and no other", async () => {
    const { store, breaks, mended } = faultyStore(memoryStore());
    const { errors, handler } = errorPage();
    const { visit } = await start([session({ store }), count], handler);
    const cookie = cookieOf(await visit());
    breaks("read");
    const response = await visit({ headers: { cookie } });
    expect(response.status).toBe(503);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(errors).toMatchObject([{ name: "StoreUnavailableError" }]);
    mended();
    expect(await (await visit({ headers: { cookie } })).text()).toBe("2");
  });

  test("what the handler changes after its first byte is told, and is not stored", async () => {
    const warnings = overhearWarnings();
    const { of } = overhear();
    const { visit } = await start([
      session({ store: memoryStore() }),
      (request, response) => {
        const { session } = request;
        session.set("a", 1);
        response.end(JSON.stringify(session.toObject()));
        response.on("finish", () => session.set("late", true));
      },
    ]);
    const cookie = cookieOf(await visit());
    await settle();
    expect(of("unsaved")).toHaveLength(1);
    expect(await warnings()).toMatchObject([{ code: "COATCHECK_UNSAVED" }]);
    expect(await (await visit({ headers: { cookie } })).json()).toEqual({ a: 1 });
  });

  test("a client that hangs up while the store is read is not served", async () => {
    const { store, hold } = heldStore(memoryStore());
    const served: string[] = [];
    const gone = gate();
    const { errors, handler } = errorPage();
    const { port, visit } = await start(
      [
        (request, response, next) => {
          response.on("close", () => request.url === "/gone" && gone.resolve());
          next();
        },
        session({ store }),
        (request, response, next) => {
          served.push(request.url as string);
          count(request, response, next);
        },
      ],
      handler,
    );
    const cookie = cookieOf(await visit());
    const reading = hold("read");
    const wire = dial(port);
    wire.send(`GET /gone HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`);
    await reading.arrived;
    const { of } = overhear();
    wire.hangUp();
    await gone.promise;
    await settle();
    expect(served).toEqual(["/"]);
    expect(errors).toEqual([]);
    expect(of("unavailable"), "a hang-up is no fault of the store").toEqual([]);
    reading.release();
  });

  test("a client that hangs up while the session is stored has it stored all the same", async () => {
    const { store, hold } = heldStore(memoryStore());
    const responses: ServerResponse[] = [];
    const { port, visit } = await start([
      session({ store }),
      (request, response, next) => {
        responses.push(response);
        count(request, response, next);
      },
    ]);
    const cookie = cookieOf(await visit());
    const updating = hold("update");
    const wire = dial(port);
    wire.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`);
    await updating.arrived;
    const closed = once(responses[1] as ServerResponse, "close");
    wire.hangUp();
    await closed;
    updating.release();
    expect(await (await visit({ headers: { cookie } })).text()).toBe("3");
  });

  test("a handler that never answers stores nothing, and what it changed is told", async () => {
    const { of } = overhear();
    const { store, hold } = heldStore(memoryStore());
    const creating = hold("create");
    let created = false;
    void creating.arrived.then(() => {
      created = true;
    });
    const changed = gate();
    const { port } = await start([
      session({ store }),
      (request) => {
        request.session.set("a", 1);
        changed.resolve();
      },
    ]);
    const wire = dial(port);
    wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await changed.promise;
    wire.hangUp();
    while (of("unsaved").length === 0) await settle();
    expect(created).toBe(false);
  });

  test("a second session() further in: both are committed, and both cookies sent", async () => {
    const outer = memoryStore();
    const seen: unknown[] = [];
    const { visit } = await start([
      session({ store: outer, cookie: { name: "site" } }),
      (request, _response, next) => {
        request.session.set("outer", 1);
        next();
      },
      session({ store: memoryStore(), cookie: { name: "shop" } }),
      (request, response) => {
        seen.push(request.session.toObject());
        request.session.set("inner", 1);
        response.end();
      },
    ]);
    const cookies = (await visit()).headers.getSetCookie().map((cookie) => cookie.split(";")[0] as string);
    expect(cookies.map((cookie) => cookie.split("=")[0]).sort()).toEqual(["shop", "site"]);
    await visit({ headers: { cookie: cookies.join("; ") } });
    expect(seen).toEqual([{}, { inner: 1 }]);
  });

  test("two applications share the sessions of one createSessions", async () => {
    const sessions = createSessions({ store: memoryStore() });
    const [one, two] = [await start([session(sessions), count]), await start([session(sessions), count])];
    const cookie = cookieOf(await one.visit());
    expect(await (await two.visit({ headers: { cookie } })).text()).toBe("2");
    expect(await sessions.stats()).toMatchObject({ live: 1 });
  });

  test("a response that is no whole response reaches the error handler, and not the process", async () => {
    const { errors, handler } = errorPage();
    const { visit } = await start(
      [
        (_request, response, next) => {
          response.getHeaderNames = () => {
            delete (response as Partial<ServerResponse>).getHeaderNames;
            throw new Error("a mock that is incomplete");
          };
          next();
        },
        session({ store: memoryStore() }),
        count,
      ],
      handler,
    );
    expect(await (await visit()).text()).toBe("error page");
    expect(errors).toMatchObject([{ message: "a mock that is incomplete" }]);
  });

  test("req.session cannot be replaced by assigning to it", async () => {
    const { visit } = await start([
      session({ store: memoryStore() }),
      (request, response) => {
        try {
          (request as { session: unknown }).session = {};
        } catch (error) {
          response.end(String(error));
        }
      },
    ]);
    expect(await (await visit()).text()).toMatch(/TypeError: .*read.only.*session/);
  });

  test("an untrusted X-Forwarded-Proto is warned about once", async () => {
    const warnings = overhearWarnings();
    const { visit } = await start([session({ store: memoryStore() }), count]);
    const headers = { "x-forwarded-proto": "https" };
    const response = await visit({ headers });
    await visit({ headers });
    expect(response.headers.get("set-cookie")).toMatch(/^sessionid=(?!.*Secure)/);
    expect(await warnings()).toMatchObject([
      { code: "COATCHECK_UNTRUSTED_PROXY", message: expect.stringContaining('app.set("trust proxy", 1)') },
    ]);
  });

  test("no warning where the request says nothing of https", async () => {
    const warnings = overhearWarnings();
    const { visit } = await start([session({ store: memoryStore() }), count]);
    await visit({ headers: { "x-forwarded-proto": "http" } });
    await visit();
    expect(await warnings()).toEqual([]);
  });

  // Reports: expressjs/session#69.
  test.each(["before", "after"])("with compression mounted %s", async (where) => {
    const text = "words ".repeat(10_000);
    const pack = compression() as unknown as Middleware;
    const sessions = session({ store: memoryStore() }) as Middleware;
    const { visit } = await start([
      ...(where === "before" ? [pack, sessions] : [sessions, pack]),
      (request, response) => {
        request.session.set("a", 1);
        response.setHeader("Content-Type", "text/html");
        Readable.from([text, text]).pipe(response);
      },
    ]);
    const response = await visit({ headers: { "accept-encoding": "gzip" } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(response.headers.get("vary")?.split(", ").sort()).toEqual(["Accept-Encoding", "Cookie"]);
    expect(cookieOf(response)).toMatch(/^sessionid=/);
    expect(await response.text()).toBe(text + text);
  });
});

describe.each([
  ["Express 5", express],
  ["Express 4", express4 as unknown as typeof express],
])("%s", (_name, make) => {
  async function start(build: (app: ReturnType<typeof express>) => void) {
    const app = make();
    build(app);
    return `http://127.0.0.1:${await listen(app)}`;
  }

  test("with trust proxy the cookie is Secure, by the name that only https may set", async () => {
    const warnings = overhearWarnings();
    const at = await start((app) => {
      app.set("trust proxy", 1);
      app.use(session({ store: memoryStore() }));
      app.get("/", (req, res) => {
        req.session.set("a", 1);
        res.send("ok");
      });
    });
    const response = await fetch(at, { headers: { "x-forwarded-proto": "https" } });
    expect(response.headers.get("set-cookie")).toMatch(/^__Host-sessionid=.*; Secure/);
    expect(await warnings()).toEqual([]);
  });

  test("send, json, redirect, sendStatus and a conditional GET answer as ever", async () => {
    const at = await start((app) => {
      app.use(session({ store: memoryStore() }));
      app.use((req, _res, next) => {
        req.session.set("at", req.path);
        next();
      });
      app.get("/send", (_req, res) => void res.send("hello"));
      app.get("/json", (_req, res) => void res.status(201).json({ a: 1 }));
      app.get("/redirect", (_req, res) => void res.redirect("/send"));
      app.get("/status", (_req, res) => void res.sendStatus(204));
    });
    const send = await fetch(`${at}/send`);
    expect([send.status, await send.text(), send.headers.get("content-length")]).toEqual([200, "hello", "5"]);
    // Node's fetch would send Cache-Control: no-cache.
    const again = await ask(
      Number(new URL(at).port),
      "GET /send HTTP/1.1",
      `If-None-Match: ${send.headers.get("etag")}\r\n`,
    );
    expect(again).toMatch(/^HTTP\/1\.1 304 Not Modified\r\n[\s\S]*Set-Cookie: sessionid=[\s\S]*\r\n\r\n$/);
    const json = await fetch(`${at}/json`);
    expect([json.status, await json.json()]).toEqual([201, { a: 1 }]);
    const redirect = await fetch(`${at}/redirect`, { redirect: "manual" });
    expect([redirect.status, redirect.headers.get("location")]).toEqual([302, "/send"]);
    const status = await fetch(`${at}/status`);
    expect(status.status).toBe(204);
    const head = await fetch(`${at}/send`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "5", ""]);
    for (const response of [send, json, redirect, status, head])
      expect(cookieOf(response)).toMatch(/^sessionid=/);
  });

  // Reports: expressjs/multer#814.
  test("a body of 10 MB that arrives while the session is being read is whole", async () => {
    const { store, hold } = heldStore(memoryStore());
    const app = make();
    app.use(session({ store }));
    app.use(express.json({ limit: "20mb" }));
    app.post("/", (req, res) => {
      req.session.set("length", req.body.text.length);
      res.send(String(req.body.text.length));
    });
    app.get("/", (req, res) => void res.send(String(req.session.get("length"))));
    const at = `http://127.0.0.1:${await listen(app)}/`;
    const post = (headers: Record<string, string>) =>
      fetch(at, {
        method: "POST",
        body: JSON.stringify({ text: "x".repeat(10_000_000) }),
        headers: { "Content-Type": "application/json", ...headers },
      });
    const cookie = cookieOf(await post({}));
    const reading = hold("read");
    const answer = post({ cookie });
    await reading.arrived;
    await settle();
    reading.release();
    expect(await (await answer).text()).toBe("10000000");
    expect(await (await fetch(at, { headers: { cookie } })).text()).toBe("10000000");
  });

  // Reports: expressjs/multer#814.
  test("an upload that breaks off stores nothing, and the server lives on", async () => {
    const { store, took } = spyStore(memoryStore());
    const app = make();
    app.use(session({ store }));
    app.use(express.json());
    app.post("/", (req, res) => void res.send(String(req.session.set("a", 1).size)));
    app.get("/", (_req, res) => void res.send("alive"));
    const port = await listen(app);
    const wire = dial(port);
    wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
    await settle();
    wire.hangUp();
    await wire.closed;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("alive");
    expect(took()).toEqual([]);
  });

  // Reports: expressjs/express#448.
  test("an answer stands when its handler calls next() behind it, and is sent once", async () => {
    const { store, hold } = heldStore(memoryStore());
    const app = make();
    app.use(session({ store }));
    app.use((req, res, next) => {
      req.session.set("a", 1);
      res.send("the answer");
      next();
    });
    const creating = hold("create");
    const answer = fetch(`http://127.0.0.1:${await listen(app)}/`);
    await creating.arrived;
    creating.release();
    const response = await answer;
    expect([response.status, await response.text(), cookieOf(response)]).toEqual([
      200,
      "the answer",
      expect.stringMatching(/^sessionid=/),
    ]);
  });

  // Reports: expressjs/express#448.
  test("a part of the application trusts its proxy by itself: the cookie is Secure there", async () => {
    const part = make();
    part.set("trust proxy", 1);
    part.use(session({ store: memoryStore() }));
    part.get("/", (req, res) => void res.send(String(req.session.set("a", 1).size)));
    const app = make();
    app.use("/part", part);
    const response = await fetch(`http://127.0.0.1:${await listen(app)}/part`, {
      headers: { "X-Forwarded-Proto": "https" },
    });
    expect(cookieOf(response)).toMatch(/^__Host-sessionid=/);
  });

  // Reports: expressjs/express#1560.
  test("a file is sent whole behind a slow store, and its parts on request", async () => {
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const text = "0123456789".repeat(100_000);
    writeFileSync(join(folder, "big.txt"), text);
    const { store, hold } = heldStore(memoryStore());
    const at = await start((app) => {
      app.use(session({ store }));
      app.use((req, _res, next) => {
        req.session.set("a", 1);
        next();
      });
      app.use(make.static(folder, { cacheControl: true, maxAge: "1y" }));
    });
    const creating = hold("create");
    const answer = fetch(`${at}/big.txt`);
    await creating.arrived;
    await settle();
    creating.release();
    const response = await answer;
    expect(await response.text()).toBe(text);
    // express.static says public; a response with our cookie must not be shared by caches.
    expect(response.headers.get("cache-control")).not.toMatch(/public/);
    const part = await fetch(`${at}/big.txt`, { headers: { range: "bytes=5-9" } });
    expect([part.status, await part.text()]).toEqual([206, "56789"]);
  });

  test("without an error handler, Express's own page answers a failed save: 503, with Retry-After", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    breaks("create");
    const at = await start((app) => {
      app.set("env", "test");
      app.use(session({ store }));
      app.get("/", (req, res) => {
        req.session.set("a", 1);
        res.cookie("mine", "1").send("secret");
      });
    });
    const response = await fetch(at);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(response.headers.getSetCookie()).toEqual([]);
    const page = await response.text();
    expect(page).not.toContain("secret");
    expect(page).not.toContain("the disk is on fire");
  });

  // Reports: expressjs/session#17.
  test("a handler's own error is a 500 that stores nothing", async () => {
    const { of } = overhear();
    const at = await start((app) => {
      app.set("env", "test");
      app.use(session({ store: memoryStore() }));
      app.get("/", (req) => {
        req.session.set("a", 1);
        throw new Error("a bug");
      });
    });
    const response = await fetch(at);
    expect(response.status).toBe(500);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(of("created")).toEqual([]);
  });

  test("mounted in a router, it holds what that router serves", async () => {
    const at = await start((app) => {
      const router = make.Router();
      router.use(session({ store: memoryStore(), cookie: { path: "/account" } }));
      router.get("/", (req, res) => {
        req.session.set("a", 1);
        res.send("account");
      });
      app.use("/account", router);
      app.get("/", (req, res) => void res.send(String(req.session)));
    });
    expect(cookieOf(await fetch(`${at}/account`))).toMatch(/^sessionid=/);
    expect(await (await fetch(at)).text()).toBe("undefined");
  });
});

describe("session() called while a request is served", () => {
  async function warningsOf(middleware: RequestListener, requests: number) {
    const warnings = overhearWarnings();
    const port = await listen(middleware);
    for (let i = 0; i < requests; i++) await ask(port);
    return warnings();
  }

  test("again and again: one warning says to call it once", async () => {
    vi.resetModules();
    const { session } = await import("coatcheck/express");
    const perRequest = (request: IncomingMessage, response: ServerResponse) =>
      session({ store: memoryStore() })(request, response, () => void response.end());
    expect(await warningsOf(perRequest, 5)).toMatchObject([
      {
        code: "COATCHECK_MADE_PER_REQUEST",
        message: expect.stringContaining("once, when the application starts"),
      },
    ]);
  });

  test("not when it was called before, nor for a Sessions that is given", async () => {
    vi.resetModules();
    const { session } = await import("coatcheck/express");
    const serve = session({ store: memoryStore() });
    const sessions = createSessions({ store: memoryStore(), cookie: { name: "other" } });
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      serve(request, response, () => session(sessions)(request, response, () => void response.end()));
    expect(await warningsOf(listener, 5)).toEqual([]);
  });
});

test("options are checked when session() is called", () => {
  expect(() => session({ store: memoryStore(), cookieAge: -1 })).toThrow(SettingsError);
  expect(() => session({ cookieAge: "1 day" as never })).toThrow(SettingsError);
  expect(() => session({ store: {} as never })).toThrow(SettingsError);
  // @ts-expect-error: browsers refuse such a cookie, so the types do.
  expect(() => session({ cookie: { name: "__Host-id", domain: "example.com" } })).toThrow(SettingsError);
});
