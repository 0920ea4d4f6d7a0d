/** `coatcheck/hono`: what only this adapter does; what all adapters do is in every-adapter.test.ts. Without a server: Hono needs none. */
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { createSessions, memoryStore, type Session, SettingsError, type Store } from "coatcheck";
import { signedCookieStore } from "coatcheck/cookies";
import { type SessionEnv, session } from "coatcheck/hono";
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { streamSSE, streamText } from "hono/streaming";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { ask, gate, portOf, settle } from "../instruments/loopback.ts";
import { overhearWarnings } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";
import { Visitor } from "../instruments/visitor.ts";
import { running } from "./adapters/adapter.ts";

/** An application with a session, and a page that shows it. */
function site(store: Store = memoryStore()) {
  const app = new Hono<SessionEnv>();
  app.use(session({ store }));
  app.get("/look", (c) => c.json(c.var.session.toObject()));
  return app;
}

function brokenStore(): Store {
  const { store, breaks } = faultyStore(memoryStore());
  breaks("create");
  return store;
}

const cookieOf = (response: Response) => (response.headers.get("set-cookie") ?? "").split(";")[0] as string;

async function look(app: Hono<SessionEnv>, response: Response): Promise<unknown> {
  return (await app.request("/look", { headers: { cookie: cookieOf(response) } })).json();
}

const answers: Record<string, (c: Context<SessionEnv>) => Response | Promise<Response>> = {
  text: (c) => c.text("hello"),
  json: (c) => c.json({ hello: 1 }, 201),
  "no body": (c) => c.body(null, 204),
  redirect: (c) => c.redirect("/"),
  "a Response": () => new Response("hello", { headers: { "X-Handler": "1" } }),
  "a Response that cannot be changed": () => Response.redirect("http://localhost/"),
  "the not-found page": (c) => c.notFound(),
  streamText: (c) =>
    streamText(c, async (stream) => {
      await stream.write("hello");
    }),
  streamSSE: (c) =>
    streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: "hello" });
    }),
};

// Reports: honojs/middleware, on sessions behind redirects, streams and 204.
test.each(Object.entries(answers))("the cookie goes along with %s", async (_name, answer) => {
  const plain = new Hono<SessionEnv>().get("/", answer);
  const app = site();
  app.get("/", (c) => {
    c.var.session.set("a", 1);
    return answer(c);
  });
  const [expected, response] = [await plain.request("/"), await app.request("/")];
  expect(cookieOf(response)).toMatch(/^sessionid=/);
  expect([response.status, await response.text()]).toEqual([expected.status, await expected.text()]);
  for (const name of ["content-type", "location", "x-handler"])
    expect(response.headers.get(name)).toBe(expected.headers.get(name));
  expect(await look(app, response)).toEqual({ a: 1 });
});

test("one Response for every visitor does not hand one's cookie to another", async () => {
  const app = site();
  const same = new Response(null, { status: 204 });
  app.get("/in", (c) => {
    c.var.session.login("ann");
    return same;
  });
  app.get("/", () => same);
  expect(cookieOf(await app.request("/in"))).toMatch(/^sessionid=/);
  expect((await app.request("/")).headers.getSetCookie()).toEqual([]);
  expect(same.headers.getSetCookie()).toEqual([]);
});

test("a response that has nothing to say of the session is passed on as it is", async () => {
  const app = site();
  const answer = new Response("hello");
  app.get("/", () => answer);
  expect(await app.request("/")).toBe(answer);
});

describe("a failed save", () => {
  function failing() {
    const app = new Hono<SessionEnv>();
    app.use(cors({ origin: "https://other.example" }));
    app.use((c, next) => {
      c.header("X-Earlier", "1");
      return next();
    });
    app.use(session({ store: brokenStore() }));
    app.get("/", (c) => {
      c.var.session.set("a", 1);
      c.header("X-Handler", "1");
      c.header("Set-Cookie", "own=1", { append: true });
      c.status(201);
      return c.html("secret");
    });
    return app;
  }

  test("reaches app.onError, with the headers of earlier middlewares and none of the handler's", async () => {
    const errors: unknown[] = [];
    const app = failing();
    app.onError((error, c) => {
      errors.push(error);
      c.header("X-Page", "1");
      return c.text("error page");
    });
    const response = await app.request("/", { headers: { Origin: "https://other.example" } });
    expect([response.status, await response.text()]).toEqual([503, "error page"]);
    const { headers } = response;
    expect([headers.get("x-earlier"), headers.get("x-page"), headers.get("x-handler")]).toEqual([
      "1",
      "1",
      null,
    ]);
    expect(headers.get("access-control-allow-origin")).toBe("https://other.example");
    expect([headers.getSetCookie(), headers.get("content-type")]).toEqual([[], "text/plain; charset=UTF-8"]);
    expect(errors).toMatchObject([{ name: "StoreUnavailableError" }]);
  });

  test("is a plain 503 without app.onError", async () => {
    const response = await failing().request("/");
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable\n"]);
    expect([response.headers.get("retry-after"), response.headers.get("x-handler")]).toEqual(["5", null]);
  });

  test("reaches the onError of the part that has the session", async () => {
    const part = new Hono<SessionEnv>();
    part.use(session({ store: brokenStore() }));
    part.get("/", (c) => {
      c.var.session.set("a", 1);
      return c.text("secret");
    });
    part.onError((_error, c) => c.text("of the part", 503));
    const app = new Hono().route("/part", part);
    app.onError((_error, c) => c.text("of the whole", 503));
    expect(await (await app.request("/part")).text()).toBe("of the part");
  });
});

test("an error that app.onError answers is stored by the status of that answer", async () => {
  const app = site();
  app.get("/:status", (c) => {
    c.var.session.set("a", 1);
    throw Object.assign(new Error("no"), { code: Number(c.req.param("status")) });
  });
  app.onError((error, c) => c.text("error page", (error as unknown as { code: 400 }).code));
  expect(cookieOf(await app.request("/400"))).toMatch(/^sessionid=/);
  expect(cookieOf(await app.request("/500"))).toBe("");
});

test("a handler that forgets to answer is Hono's 500, and its logout holds", async () => {
  const app = site();
  app.get("/in", (c) => {
    c.var.session.set("a", 1);
    return c.body(null);
  });
  app.get("/out", (async (c: Context<SessionEnv>) => c.var.session.logout()) as never);
  app.onError((_error, c) => c.text("error page", 500));
  const cookie = cookieOf(await app.request("/in"));
  expect((await app.request("/out", { headers: { cookie } })).status).toBe(500);
  const again = await app.request("/look", { headers: { cookie } });
  expect(await again.json()).toEqual({});
});

test("one Sessions, mounted on the application and on a part of it, is one session", async () => {
  const { store, took } = spyStore(memoryStore());
  const sessions = createSessions({ store });
  const part = new Hono<SessionEnv>();
  part.use(session(sessions));
  part.get("/", (c) => {
    c.var.session.login("ann");
    return c.text(String(c.var.session.get("outer")));
  });
  const app = new Hono<SessionEnv>();
  app.use(session(sessions));
  app.use((c, next) => {
    c.var.session.set("outer", 1);
    return next();
  });
  app.route("/part", part);
  app.get("/look", (c) => c.json([c.var.session.userId, c.var.session.toObject()]));
  const response = await app.request("/part");
  expect([await response.text(), response.headers.getSetCookie().length, took()]).toEqual([
    "1",
    1,
    ["create"],
  ]);
  expect(await look(app, response)).toEqual(["ann", { outer: 1 }]);
});

describe("a login", () => {
  test("is kept behind an HTTPException that stands for a redirect", async () => {
    const app = site();
    app.get("/", (c) => {
      c.var.session.login("ann");
      throw new HTTPException(302, { res: c.redirect("/look") });
    });
    app.get("/who", (c) => c.text(c.var.session.userId ?? "nobody"));
    const response = await app.request("/");
    expect([response.status, response.headers.get("location")]).toEqual([302, "/look"]);
    const who = await app.request("/who", { headers: { cookie: cookieOf(response) } });
    expect(await who.text()).toBe("ann");
  });

  test("is lost when what is thrown is not an Error, which Hono does not answer: one warning says so", async () => {
    const warnings = await overhearWarnings();
    const { store, took } = spyStore(memoryStore());
    const app = site(store);
    app.get("/", (c) => {
      c.var.session.login("ann");
      throw c.redirect("/look");
    });
    for (let visit = 0; visit < 2; visit++) await expect(app.request("/")).rejects.toBeInstanceOf(Response);
    expect(took()).toEqual([]);
    expect(await warnings()).toMatchObject([{ code: "COATCHECK_LOGIN_DROPPED" }]);
  });
});

describe("a response that the handler sends itself, on node-server", () => {
  /** Server-sent events written to Node's response; the second waits until the first has come. */
  function events(c: Context<SessionEnv & { Bindings: HttpBindings }>, more: Promise<void>): Response {
    const { outgoing } = c.env;
    outgoing.writeHead(200, { "Content-Type": "text/event-stream" });
    outgoing.write("data: one\n\n");
    void more.then(() => outgoing.end("data: two\n\n"));
    return RESPONSE_ALREADY_SENT;
  }

  type Handle = (session: Session) => void | Promise<void>;

  async function streaming(handle: Handle, store: Store = memoryStore()) {
    const app = new Hono<SessionEnv & { Bindings: HttpBindings }>();
    app.use(session({ store }));
    app.get("/begin", (c) => c.json(c.var.session.update("visits", (n = 0) => n + 1)));
    app.get("/look", (c) => c.json([c.var.session.userId, c.var.session.toObject()]));
    const more = gate();
    app.get("/", async (c) => {
      await handle(c.var.session);
      return events(c, more.promise);
    });
    const { port, close } = await running(createAdaptorServer({ fetch: app.fetch }));
    onTestFinished(close);
    const visitor = new Visitor(port);
    /** All that came, after the handler's response had gone through the middleware. */
    async function stream() {
      const { incoming, head } = await visitor.begin("/");
      let body = "";
      for await (const part of incoming) {
        body += part;
        await settle();
        more.resolve();
      }
      expect(head.setCookie).toEqual([]);
      return body;
    }
    return { visitor, stream };
  }

  const whole = "data: one\n\ndata: two\n\n";

  test("is whole, though the session was looked at", async () => {
    const { stream } = await streaming((session) => void session.get("visits"));
    expect(await stream()).toBe(whole);
  });

  test("is whole, and a change of a stored session is stored", async () => {
    const { visitor, stream } = await streaming((session) => void session.set("streamed", true));
    await visitor.visit("/begin");
    expect(await stream()).toBe(whole);
    expect((await visitor.visit("/look")).body).toBe('[null,{"visits":1,"streamed":true}]');
  });

  test("is whole, and a logout holds", async () => {
    const { visitor, stream } = await streaming((session) => session.logout());
    await visitor.visit("/begin");
    expect(await stream()).toBe(whole);
    expect((await visitor.visit("/look")).body).toBe("[null,{}]");
  });

  test("is whole when the store fails: no error page is written into it", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    const { visitor, stream } = await streaming((session) => void session.set("streamed", true), store);
    await visitor.visit("/begin");
    breaks("update");
    expect(await stream()).toBe(whole);
  });

  const warned = [{ code: "COATCHECK_RESPONSE_ALREADY_SENT" }];

  test("cannot carry the cookie of a session that the handler saved first: one warning says so", async () => {
    const warnings = await overhearWarnings();
    const { stream } = await streaming(async (session) => {
      session.login("ann");
      await session.save();
    });
    expect(await stream()).toBe(whole);
    expect(await warnings()).toMatchObject(warned);
  });

  test("cannot carry the cookie that holds the whole session: one warning says so", async () => {
    const warnings = await overhearWarnings();
    const store = signedCookieStore({ secrets: ["a secret of this test, and of nothing else"] });
    const { visitor, stream } = await streaming((session) => void session.set("streamed", true), store);
    await visitor.visit("/begin");
    expect(await stream()).toBe(whole);
    expect((await visitor.visit("/look")).body).toBe('[null,{"visits":1}]');
    expect(await warnings()).toMatchObject(warned);
  });

  test("cannot carry the cookie of what is set after a logout: the logout holds, and one warning says so", async () => {
    const warnings = await overhearWarnings();
    const { visitor, stream } = await streaming((session) => {
      session.logout();
      session.set("streamed", true);
    });
    await visitor.visit("/begin");
    expect(await stream()).toBe(whole);
    expect((await visitor.visit("/look")).body).toBe("[null,{}]");
    expect(await warnings()).toMatchObject(warned);
  });

  test.each([
    ["a first visit", false, (session: Session) => void session.set("a", 1)],
    ["a login", true, (session: Session) => session.login("ann")],
  ])("cannot carry the cookie of %s: nothing is stored, and one warning says so", async (_, came, handle) => {
    const warnings = await overhearWarnings();
    const { store, took } = spyStore(memoryStore());
    const { visitor, stream } = await streaming(handle, store);
    if (came) await visitor.visit("/begin");
    took();
    expect(await stream()).toBe(whole);
    expect(took()).toEqual(came ? ["read"] : []);
    expect((await visitor.visit("/look")).body).toBe(came ? '[null,{"visits":1}]' : "[null,{}]");
    expect(await warnings()).toMatchObject(warned);
  });
});

describe("a Response whose body was used", () => {
  test("is an error before anything is stored", async () => {
    const { store, took } = spyStore(memoryStore());
    const app = site(store);
    const errors: Error[] = [];
    app.onError((error, c) => {
      errors.push(error);
      return c.text("error page", 500);
    });
    app.get("/", async (c) => {
      c.var.session.login("ann");
      const upstream = new Response("hello");
      await upstream.text();
      return upstream;
    });
    const response = await app.request("/");
    expect([response.status, cookieOf(response), took()]).toEqual([500, "", []]);
    expect(errors).toMatchObject([{ name: "TypeError", message: expect.stringContaining("clone()") }]);
  });
});

test("c.var.session is typed by Env, or by the chain", () => {
  const counted = new Hono<SessionEnv<{ visits: number }>>();
  counted.use(session({ store: memoryStore() }));
  counted.get("/", (c) => c.text(c.var.session.get("visits", 0).toFixed()));
  // @ts-expect-error: there is no such key.
  counted.get("/", (c) => c.text(c.var.session.get("vists", 0).toFixed()));
  new Hono().use(session({ store: memoryStore() })).get("/", (c) => c.text(c.var.session.get("name", "")));
});

test("session() called while a request is served, again and again: one warning says to call it once", async () => {
  vi.resetModules();
  const { session } = await import("coatcheck/hono");
  const warnings = overhearWarnings();
  const app = new Hono<SessionEnv>();
  app.use((c, next) => session({ store: memoryStore() })(c, next));
  app.get("/", (c) => c.text("hello"));
  for (let i = 0; i < 100; i++) await app.request("/");
  expect(await warnings()).toMatchObject([{ code: "COATCHECK_MADE_PER_REQUEST" }]);
});

test("app.use(session), without the call, is refused, and the error shows the call", async () => {
  const errors: unknown[] = [];
  const app = new Hono();
  app.use(session as never);
  app.onError((error, c) => {
    errors.push(error);
    return c.text("error page", 500);
  });
  await app.request("/");
  expect(errors).toMatchObject([
    { name: "SettingsError", message: expect.stringContaining("app.use(session({ store }))") },
  ]);
});

test("there is no default store", () => {
  // @ts-expect-error: the types say so too.
  expect(() => session({})).toThrow(SettingsError);
});

test("on @hono/node-server a status without a body is sent without its text, as without a session", async () => {
  const answers = [];
  for (const sessions of [[], [session({ store: memoryStore() })]]) {
    const app = new Hono<SessionEnv>();
    for (const one of sessions) app.use(one);
    app.get("/", (c) => {
      c.var.session?.set("a", 1);
      c.status(204);
      return c.text("left out");
    });
    const answer = await ask(await portOf(createAdaptorServer({ fetch: app.fetch }) as never));
    answers.push([answer.slice(0, 12), answer.split("\r\n\r\n")[1]]);
  }
  expect(answers[0]).toEqual(["HTTP/1.1 204", ""]);
  expect(answers[1]).toEqual(answers[0]);
});
