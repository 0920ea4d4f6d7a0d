/** `coatcheck/node` over real sockets, with the real core and a store in memory. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { memoryStore, SettingsError } from "coatcheck";
import { type SessionHandler, session } from "coatcheck/node";
import { describe, expect, onTestFinished, test } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";
import { ask, dial, listen, settle } from "../instruments/loopback.ts";
import { overhear, overhearWarnings } from "../instruments/overheard.ts";

const count: SessionHandler = (request, response) => {
  response.end(`${request.session.update("visits", (n = 0) => n + 1)}`);
};

const cookieIn = (answer: string) => /Set-Cookie: ([^;]+);/.exec(answer)?.[1] as string;

/** Collects unhandled rejections until the test has ended, so that the test runner does not see them. */
function unhandledRejections(): unknown[] {
  const runners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  const caught: unknown[] = [];
  process.on("unhandledRejection", (error) => caught.push(error));
  onTestFinished(() => {
    process.removeAllListeners("unhandledRejection");
    for (const runner of runners) process.on("unhandledRejection", runner);
  });
  return caught;
}

test("a visitor comes back", async () => {
  const port = await listen(session({ store: memoryStore() }, count));
  const first = await ask(port);
  expect(first).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\n1$/);
  expect(await ask(port, undefined, `Cookie: ${cookieIn(first)}\r\n`)).toMatch(/\r\n\r\n2$/);
});

test("a redirect's headers never leave before the save ends", async () => {
  const { store, hold } = heldStore(memoryStore());
  const port = await listen(
    session({ store }, async (request, response) => {
      request.session.login("ann");
      response.writeHead(303, { Location: "/" });
      response.end();
    }),
  );
  const creating = hold("create", "after");
  const wire = dial(port);
  wire.send("POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  await creating.arrived;
  await settle();
  expect(wire.received).toBe("");
  creating.release();
  expect(await wire.closed).toMatch(/^HTTP\/1\.1 303 See Other\r\n[\s\S]*Set-Cookie: sessionid=/);
});

test("a save that fails is a plain 503 with Retry-After, and nothing of the handler's", async () => {
  const { store, breaks } = faultyStore(memoryStore());
  breaks("create");
  const port = await listen(
    session({ store }, (request, response) => {
      request.session.set("a", 1);
      response.writeHead(200, { "X-Handler": "secret", "Set-Cookie": "mine=1" });
      response.end("secret");
    }),
  );
  expect(await ask(port)).toBe(
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 20\r\n" +
      "Retry-After: 5\r\nConnection: close\r\n\r\nService Unavailable\n",
  );
});

test("a read that fails is the same, and the handler does not run", async () => {
  const { store, breaks } = faultyStore(memoryStore());
  let runs = 0;
  const port = await listen(
    session({ store }, (request, response) => {
      runs += 1;
      count(request, response);
    }),
  );
  const cookie = cookieIn(await ask(port));
  breaks("read");
  const answer = await ask(port, undefined, `Cookie: ${cookie}\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 5\r\n[\s\S]*\r\n\r\nService Unavailable\n$/);
  expect(answer).not.toContain("Set-Cookie");
  expect(runs).toBe(1);
});

test("an error that visitors may see is shown to them", async () => {
  const { store, hold } = heldStore(memoryStore());
  const port = await listen(
    session({ store, onInterrupted: "error" }, (request, response) => {
      if (request.url === "/logout") request.session.logout();
      else request.session.set("at", request.url);
      response.end();
    }),
  );
  const cookie = `Cookie: ${cookieIn(await ask(port))}\r\n`;
  const updating = hold("update");
  const late = ask(port, "GET /late HTTP/1.1", cookie);
  await updating.arrived;
  await ask(port, "GET /logout HTTP/1.1", cookie);
  updating.release();
  expect(await late).toMatch(
    /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*The session ended while this request ran/,
  );
});

describe("a handler that fails", () => {
  const bug = new Error("a bug");
  const failing: Record<string, SessionHandler> = {
    throws: () => {
      throw bug;
    },
    rejects: async () => {
      throw bug;
    },
  };

  test.each(Object.entries(failing))(
    "%s: a plain 500, and the error goes on unhandled",
    async (_name, fail) => {
      const unhandled = unhandledRejections();
      const { of } = overhear();
      const port = await listen(
        session({ store: memoryStore() }, (request, response) => {
          request.session.set("a", 1);
          response.setHeader("X-Handler", "kept, as nothing failed to be stored");
          return fail(request, response);
        }),
      );
      const answer = await ask(port);
      expect(answer).toMatch(
        /^HTTP\/1\.1 500 Internal Server Error\r\n[\s\S]*\r\n\r\nInternal Server Error\n$/,
      );
      expect(answer).not.toContain("a bug");
      expect(of("created")).toEqual([]);
      await settle();
      expect(unhandled).toEqual([bug]);
    },
  );

  test("after its first byte: the answer is cut off, so that half of it does not pass for all", async () => {
    const unhandled = unhandledRejections();
    const port = await listen(
      session({ store: memoryStore() }, async (_request, response) => {
        response.write("half");
        await settle();
        throw bug;
      }),
    );
    const answer = await ask(port);
    expect(answer).toContain("half");
    expect(answer).not.toContain("\r\n0\r\n");
    await settle();
    expect(unhandled).toEqual([bug]);
  });

  test("after its end: the answer stands", async () => {
    const unhandled = unhandledRejections();
    const port = await listen(
      session({ store: memoryStore() }, async (_request, response) => {
        response.end("all");
        throw bug;
      }),
    );
    expect(await ask(port)).toMatch(/all$/);
    await settle();
    expect(unhandled).toEqual([bug]);
  });

  test("after its end, while the session is stored: the answer leaves before the error can end the process", async () => {
    const unhandled = unhandledRejections();
    const { store, hold } = heldStore(memoryStore());
    const port = await listen(
      session({ store }, (request, response) => {
        request.session.set("a", 1);
        response.end("all");
        throw bug;
      }),
    );
    const creating = hold("create");
    const wire = dial(port);
    wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await creating.arrived;
    await settle();
    expect(unhandled).toEqual([]);
    creating.release();
    expect(await wire.closed).toMatch(/Set-Cookie: sessionid=[\s\S]*all$/);
    await settle();
    expect(unhandled).toEqual([bug]);
  });

  test("because the store is down at `await session.save()`: a 503, and no unhandled rejection", async () => {
    const unhandled = unhandledRejections();
    const { store, breaks } = faultyStore(memoryStore());
    breaks("create");
    const port = await listen(
      session({ store }, async (request, response) => {
        await request.session.set("a", 1).save();
        response.end("stored");
      }),
    );
    expect(await ask(port)).toMatch(/^HTTP\/1\.1 503 /);
    await settle();
    expect(unhandled).toEqual([]);
  });

  test("in an update that is run again: a 500, nothing stored, and the error goes on unhandled", async () => {
    const unhandled = unhandledRejections();
    const { store, hold } = heldStore(memoryStore());
    const port = await listen(
      session({ store }, (request, response) => {
        if (request.url === "/use") {
          request.session.update("token", (token) => {
            if (token === undefined) throw bug;
            return undefined;
          });
        } else request.session.set("token", 1);
        response.end("ok");
      }),
    );
    const cookie = `Cookie: ${cookieIn(await ask(port))}\r\n`;
    const updating = hold("update");
    const first = ask(port, "GET /use HTTP/1.1", cookie);
    await updating.arrived;
    const second = ask(port, "GET /use HTTP/1.1", cookie);
    await settle();
    updating.release();
    const answers = await Promise.all([first, second]);
    expect(answers.map((answer) => answer.slice(9, 12)).sort()).toEqual(["200", "500"]);
    expect(unhandled).toEqual([bug]);
  });
});

test("a client that hangs up while the store is read is not served, and nothing is left unhandled", async () => {
  const { store, hold } = heldStore(memoryStore());
  let runs = 0;
  const serve = session({ store }, (request, response) => {
    runs += 1;
    count(request, response);
  });
  const responses: ServerResponse[] = [];
  const port = await listen((request, response) => {
    responses.push(response);
    serve(request, response);
  });
  const cookie = cookieIn(await ask(port));
  const reading = hold("read");
  const wire = dial(port);
  wire.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`);
  await reading.arrived;
  const closed = once(responses[1] as ServerResponse, "close");
  wire.hangUp();
  await closed;
  await settle();
  reading.release();
  await settle();
  expect(runs).toBe(1);
});

test("where nothing is stored, a head that Node refuses is refused at the call, as without a session", async () => {
  const handler = (_request: IncomingMessage, response: ServerResponse) => {
    response.setHeader("Trailer", "X-Sum");
    try {
      response.writeHead(304); // Node sends no trailer without a body.
    } catch (error) {
      response.removeHeader("Trailer");
      response.writeHead(500, (error as NodeJS.ErrnoException).code).end();
    }
  };
  const plain = await ask(await listen(handler));
  expect(plain).toMatch(/^HTTP\/1.1 500 ERR_HTTP_TRAILER_INVALID/);
  expect(await ask(await listen(session({ store: memoryStore() }, handler)))).toBe(plain);
});

test("over TLS the cookie is Secure", async () => {
  const serve = session({ store: memoryStore() }, count);
  const port = await listen((request, response) => {
    Object.defineProperty(request.socket, "encrypted", { value: true }); // as a TLSSocket says
    serve(request, response);
  });
  expect(await ask(port)).toMatch(/Set-Cookie: __Host-sessionid=.*; Secure/);
});

test("whoever knows the proxy sets req.secure", async () => {
  const warnings = overhearWarnings();
  const serve = session({ store: memoryStore() }, count);
  const port = await listen((request, response) => serve(Object.assign(request, { secure: true }), response));
  expect(await ask(port, undefined, "X-Forwarded-Proto: https\r\n")).toMatch(
    /Set-Cookie: __Host-sessionid=.*; Secure/,
  );
  expect(await warnings()).toEqual([]);
});

test("session() without a handler says what it takes", () => {
  expect(() => session({ store: memoryStore() }, undefined as never)).toThrow(
    /session\(options, \(req, res\)/,
  );
  expect(() => session(count as never, undefined as never)).toThrow(/session\(options, \(req, res\)/);
});

test("options are checked when session() is called", () => {
  expect(() => session({ store: memoryStore(), cookieAge: -1 }, count)).toThrow(SettingsError);
  expect(() => session({ lazy: 1 as never }, count)).toThrow(SettingsError);
});
