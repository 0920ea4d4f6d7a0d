/** `coatcheck/fetch`: what only this adapter does; what all adapters do is in every-adapter.test.ts. */
import { readFileSync } from "node:fs";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { createSessions, memoryStore, SettingsError } from "coatcheck";
import { type SessionHandler, withSession } from "coatcheck/fetch";
import { describe, expect, test, vi } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";
import { settle } from "../instruments/loopback.ts";
import { overhearWarnings } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

type WithSession = typeof withSession;

const site = "http://site.example/";
const cookieOf = (response: Response) => (response.headers.get("set-cookie") ?? "").split(";")[0] as string;
const withCookie = (cookie: string) => new Request(site, { headers: { cookie } });

/** Errors that stand for an answer in Next.js: `redirect()`, `notFound()` and the like throw them. */
const nextError = (digest: string) => Object.assign(new Error(digest.split(";")[0]), { digest });

const sets: SessionHandler = (_request, session) => {
  session.set("a", 1);
  return new Response("ok");
};

test("what the runtime gives beside the request reaches the handler", async () => {
  const serve = withSession(
    { store: memoryStore() },
    (_request, session, env: { name: string }, n: number) => {
      session.set("a", 1);
      return new Response(`${env.name} ${n}`);
    },
  );
  expect(await (await serve(new Request(site), { name: "env" }, 2)).text()).toBe("env 2");
});

describe("responses", () => {
  test("that cannot be changed are copied", async () => {
    const serve = withSession({ store: memoryStore() }, (_request, session) => {
      session.set("a", 1);
      return Response.redirect(`${site}next`, 303);
    });
    const response = await serve(new Request(site));
    expect([response.status, response.headers.get("location")]).toEqual([303, `${site}next`]);
    expect(cookieOf(response)).toMatch(/^sessionid=/);
  });

  test("that are one for every visitor do not hand one's cookie to another", async () => {
    const same = new Response(null, { status: 204 });
    const serve = withSession({ store: memoryStore() }, (_request, session) => {
      session.set("a", 1);
      return same;
    });
    expect(cookieOf(await serve(new Request(site)))).not.toBe(cookieOf(await serve(new Request(site))));
    expect([...same.headers]).toEqual([]);
  });

  test("that switch protocols keep their socket, and get the cookie", async () => {
    const upgrade = Object.defineProperty(new Response(null), "status", { value: 101 });
    const serve = withSession({ store: memoryStore() }, (_request, session) => {
      session.set("a", 1);
      return upgrade;
    });
    expect(await serve(new Request(site))).toBe(upgrade);
    expect(cookieOf(upgrade)).toMatch(/^sessionid=/);
  });

  test("of a failed fetch pass as they are", async () => {
    const failed = Response.error();
    const serve = withSession({ store: memoryStore() }, (_request, session) => {
      session.get("a");
      return failed;
    });
    expect(await serve(new Request(site))).toBe(failed);
  });

  test("that the handler sent itself, on node-server, pass as they are", async () => {
    const serve = withSession({ store: memoryStore() }, (_request, session) => {
      session.get("a");
      return RESPONSE_ALREADY_SENT;
    });
    expect(await serve(new Request(site))).toBe(RESPONSE_ALREADY_SENT);
    expect(RESPONSE_ALREADY_SENT.headers.get("vary")).toBe(null);
  });

  test.each([
    ["was read", async (response: Response) => void (await response.text())],
    ["is being read", async (response: Response) => void response.body?.getReader()],
  ])("whose body %s are an error, and nothing is stored", async (_, use) => {
    const { store, took } = spyStore(memoryStore());
    for (const answer of ["returned", "thrown"]) {
      const serve = withSession({ store }, async (_request, session) => {
        session.login("ann");
        const upstream = new Response("hello");
        await use(upstream);
        if (answer === "thrown") throw upstream;
        return upstream;
      });
      await expect(serve(new Request(site))).rejects.toThrow(/body was already read.*clone\(\)/);
    }
    expect(took()).toEqual([]);
  });

  test("that have nothing to say of the session pass as they are", async () => {
    const answer = new Response("hello");
    const serve = withSession({ store: memoryStore() }, () => answer);
    expect(await serve(new Request(site))).toBe(answer);
  });
});

describe("a handler that throws", () => {
  const bug = new Error("a bug");

  test("an error: it is thrown on; a logout holds, and nothing else is stored", async () => {
    const sessions = createSessions({ store: memoryStore() });
    const cookie = cookieOf(await withSession(sessions, sets)(new Request(site)));
    const look = withSession(sessions, (_request, session) => Response.json(session.toObject()));
    const breaks = withSession(sessions, (_request, session) => {
      session.set("b", 2);
      throw bug;
    });
    await expect(breaks(withCookie(cookie))).rejects.toBe(bug);
    expect(await (await look(withCookie(cookie))).json()).toEqual({ a: 1 });
    const leaves = withSession(sessions, (_request, session) => {
      session.logout();
      throw bug;
    });
    await expect(leaves(withCookie(cookie))).rejects.toBe(bug);
    expect(await (await look(withCookie(cookie))).json()).toEqual({});
  });

  test("an error, while the store is down: it is the handler's error that is thrown on", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    const sessions = createSessions({ store });
    const cookie = cookieOf(await withSession(sessions, sets)(new Request(site)));
    breaks("delete");
    const leaves = withSession(sessions, (_request, session) => {
      session.logout();
      throw bug;
    });
    await expect(leaves(withCookie(cookie))).rejects.toBe(bug);
  });

  test("a Response: it is thrown on, with the cookie", async () => {
    const serve = withSession({ store: memoryStore() }, (_request, session) => {
      session.login("ann");
      throw Response.redirect(site, 303);
    });
    const thrown = await serve(new Request(site)).catch((response: Response) => response);
    expect([thrown.status, cookieOf(thrown)]).toEqual([303, expect.stringMatching(/^sessionid=/)]);
  });

  const form = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" } };

  test.each([
    ["redirect()", "NEXT_REDIRECT;replace;/next?a=1;b=2;307;", {}, 307, "/next?a=1;b=2"],
    ["redirect() after a form", "NEXT_REDIRECT;push;/next;307;", form, 303, "/next"],
    [
      "permanentRedirect()",
      "NEXT_REDIRECT;replace;https://other.example/;308;",
      {},
      308,
      "https://other.example/",
    ],
    ["notFound()", "NEXT_HTTP_ERROR_FALLBACK;404", {}, 404, null],
    ["forbidden()", "NEXT_HTTP_ERROR_FALLBACK;403", {}, 403, null],
  ])(
    "%s of Next.js: a login is stored, and its cookie goes along",
    async (_, digest, init, status, location) => {
      const sessions = createSessions({ store: memoryStore() });
      const serve = withSession(sessions, (_request, session) => {
        session.login("ann");
        throw nextError(digest);
      });
      const response = await serve(new Request(site, init));
      expect([response.status, response.headers.get("location"), response.body]).toEqual([
        status,
        location,
        null,
      ]);
      const who = withSession(sessions, (_request, session) => new Response(session.userId));
      expect(await (await who(withCookie(cookieOf(response)))).text()).toBe("ann");
    },
  );

  test("redirect() of Next.js, with nothing to say of the session: it is thrown on", async () => {
    const redirect = nextError("NEXT_REDIRECT;replace;/next;307;");
    const serve = withSession({ store: memoryStore() }, () => Promise.reject(redirect));
    await expect(serve(new Request(site))).rejects.toBe(redirect);
  });

  test("redirect() of Next.js, and the session cannot be stored: a plain 503", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    breaks("create");
    const serve = withSession({ store }, (_request, session) => {
      session.login("ann");
      throw nextError("NEXT_REDIRECT;replace;/next;307;");
    });
    const { status, headers } = await serve(new Request(site));
    expect([status, headers.get("location")]).toEqual([503, null]);
  });

  test.each([
    ["a bug", bug],
    ["a redirect of another framework", { status: 303, location: "/next" }],
    ["what only looks like an error of Next.js", nextError("NEXT_REDIRECT;/next")],
  ])("%s, after a login: it is thrown on, and one warning says that the login is lost", async (_, thrown) => {
    const warnings = await overhearWarnings();
    const { store, took } = spyStore(memoryStore());
    const serve = withSession({ store }, (_request, session) => {
      session.login("ann");
      throw thrown;
    });
    for (let visit = 0; visit < 2; visit++) await expect(serve(new Request(site))).rejects.toBe(thrown);
    expect(took()).toEqual([]);
    expect(await warnings()).toMatchObject([{ code: "COATCHECK_LOGIN_DROPPED" }]);
  });

  test("an error, after a login that was saved: one warning says that the cookie is lost, and the session is ended", async () => {
    const warnings = await overhearWarnings();
    const { store, hold } = heldStore(memoryStore());
    const sessions = createSessions({ store });
    const ended = hold("delete", "after");
    const serve = withSession(sessions, async (_request, session) => {
      session.login("ann");
      await session.save();
      throw bug;
    });
    await expect(serve(new Request(site))).rejects.toBe(bug);
    expect(await warnings()).toMatchObject([{ code: "COATCHECK_LOGIN_DROPPED" }]);
    await ended.arrived;
    expect(await sessions.listUserSessions("ann")).toEqual([]);
    ended.release();
  });

  test("an error, with no login before it: no warning", async () => {
    const warnings = await overhearWarnings();
    const serve = withSession({ store: memoryStore() }, (_request, session) => {
      session.set("a", 1);
      throw bug;
    });
    await expect(serve(new Request(site))).rejects.toBe(bug);
    expect(await warnings()).toEqual([]);
  });

  test("what its store says at load(): a plain 503", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    const sessions = createSessions({ store, lazy: true });
    const loads = withSession(sessions, async (_request, session) => {
      await session.load();
      session.set("a", 1);
      return new Response("ok");
    });
    const cookie = cookieOf(await loads(new Request(site)));
    breaks("read");
    const response = await loads(withCookie(cookie));
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
  });
});

describe("one Sessions, mounted twice on one request", () => {
  /** A site within a site, and what the inner one makes of the session that the outer one has begun. */
  function nested(
    inner: SessionHandler,
    between = (serve: (request: Request) => Promise<Response>) => serve,
  ) {
    const { store, took } = spyStore(memoryStore());
    const sessions = createSessions({ store });
    const serve = withSession(sessions, (request, session) => {
      session.set("outer", 1);
      return between(withSession(sessions, inner))(request);
    });
    const look = withSession(sessions, (_request, session) =>
      Response.json([session.userId, session.toObject()]),
    );
    return { serve, look, took };
  }

  test("is one session: the inner handler sees what the outer has set, and its login is kept", async () => {
    const { serve, look, took } = nested((_request, session) => {
      session.login("ann");
      return new Response(String(session.get("outer")));
    });
    const response = await serve(new Request(site));
    expect([await response.text(), response.headers.getSetCookie().length, took()]).toEqual([
      "1",
      1,
      ["create"],
    ]);
    expect(await (await look(withCookie(cookieOf(response)))).json()).toEqual(["ann", { outer: 1 }]);
  });

  test("is one session too where another Sessions is mounted between them", async () => {
    const other = createSessions({ store: memoryStore(), cookie: { name: "other" } });
    const { serve, took } = nested(
      (_request, session) => new Response(String(session.get("outer"))),
      (serve) => withSession(other, (request) => serve(request)),
    );
    const response = await serve(new Request(site));
    expect([await response.text(), took()]).toEqual(["1", ["create"]]);
  });

  test("stores nothing when the inner handler throws, and keeps a login behind a thrown redirect", async () => {
    const bug = new Error("a bug");
    const breaking = nested(() => Promise.reject(bug));
    await expect(breaking.serve(new Request(site))).rejects.toBe(bug);
    expect(breaking.took()).toEqual([]);
    const redirecting = nested((_request, session) => {
      session.login("ann");
      throw nextError("NEXT_REDIRECT;replace;/next;307;");
    });
    const response = await redirecting.serve(new Request(site));
    expect([response.status, response.headers.getSetCookie().length]).toEqual([307, 1]);
  });

  test("is another visit when the request is served again", async () => {
    const { serve, took } = nested(() => new Response("ok"));
    const request = new Request(site);
    expect(cookieOf(await serve(request))).not.toBe(cookieOf(await serve(request)));
    expect(took()).toEqual(["create", "create"]);
  });
});

test("an error that an update throws when it runs again is thrown on", async () => {
  const { store, hold } = heldStore(memoryStore());
  const sessions = createSessions({ store });
  const cookie = cookieOf(await withSession(sessions, sets)(new Request(site)));
  const used = new Error("used");
  const uses = withSession(sessions, (_request, session) => {
    session.update("a", (a) => {
      if (a === undefined) throw used;
      return undefined;
    });
    return new Response("ok");
  });
  const updating = hold("update");
  const first = uses(withCookie(cookie));
  await updating.arrived;
  const second = uses(withCookie(cookie));
  await settle();
  updating.release();
  const ends = await Promise.allSettled([first, second]);
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(ends.find(({ status }) => status === "rejected")).toMatchObject({ reason: used });
});

describe("secure", () => {
  const came: [
    title: string,
    trustProxy: boolean,
    url: string,
    headers: Record<string, string>,
    secure: boolean,
  ][] = [
    ["the URL", false, "https://site.example/", {}, true],
    ["the URL, whatever a header says", false, site, { "x-forwarded-proto": "https" }, false],
    ["X-Forwarded-Proto", true, site, { "x-forwarded-proto": "https" }, true],
    ["the first of X-Forwarded-Proto", true, site, { "x-forwarded-proto": "HTTPS, http" }, true],
    [
      "X-Forwarded-Proto, though the URL says https",
      true,
      "https://site.example/",
      { "x-forwarded-proto": "http" },
      false,
    ],
    [
      "Forwarded",
      true,
      site,
      { forwarded: 'for=192.0.2.1;proto=https;by="[::1]", for=192.0.2.2;proto=http' },
      true,
    ],
    ["Forwarded, quoted", true, site, { forwarded: 'Proto="https"' }, true],
    ["the URL where Forwarded has no proto", true, site, { forwarded: "for=192.0.2.1" }, false],
    ["the URL where no header came", true, "https://site.example/", {}, true],
  ];

  test.each(came)("by %s", async (_title, trustProxy, url, headers, secure) => {
    const serve = withSession({ store: memoryStore() }, sets, { trustProxy });
    const cookie = (await serve(new Request(url, { headers }))).headers.get("set-cookie");
    expect(cookie).toMatch(secure ? /^__Host-sessionid=.*; Secure/ : /^sessionid=(?!.*Secure)/);
  });
});

describe("withSession called while a request is served", () => {
  async function warningsOf(
    serve: (withSession: WithSession, request: Request) => Promise<Response>,
    requests: number,
  ) {
    vi.resetModules();
    const { withSession } = await import("coatcheck/fetch");
    await settle(); // Node emits the warnings of earlier tests.
    const warnings = overhearWarnings();
    for (let i = 0; i < requests; i++) await serve(withSession, new Request(site));
    return warnings();
  }

  test("again and again with options: one warning says to call it once", async () => {
    const heard = await warningsOf(
      (withSession, request) => withSession({ store: memoryStore() }, sets)(request),
      100,
    );
    expect(heard).toMatchObject([
      {
        code: "COATCHECK_MADE_PER_REQUEST",
        message: expect.stringContaining("once, when the application starts"),
      },
    ]);
  });

  test("again and again with one Sessions, or once with options, as a worker does: no warning", async () => {
    const sessions = createSessions({ store: memoryStore() });
    expect(await warningsOf((withSession, request) => withSession(sessions, sets)(request), 100)).toEqual([]);
    let serve: ((request: Request) => Promise<Response>) | undefined;
    const heard = await warningsOf((withSession, request) => {
      serve ??= withSession({ store: memoryStore() }, sets);
      return serve(request);
    }, 100);
    expect(heard).toEqual([]);
  });
});

test.each([undefined, new Response("hello")])(
  "withSession without a handler, with %s, is refused at the start",
  (handler) => {
    expect(() => withSession({ store: memoryStore() }, handler as never)).toThrow(
      /withSession\(options, \(request, session\) => response\)/,
    );
  },
);

test("there is no default store", () => {
  // @ts-expect-error: the types say so too.
  expect(() => withSession({}, sets)).toThrow(SettingsError);
});

/** All modules that an entry imports when it runs, and what they take from elsewhere. */
function importsOf(file: URL, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(file.href)) return seen;
  const source = readFileSync(file, "utf8");
  const names = [...source.matchAll(/^(?:import|export) (?!type )[^;]*?from "([^"]+)";/gms)].map(
    ([, name]) => name as string,
  );
  seen.set(
    file.href,
    names.filter((name) => !name.startsWith(".")),
  );
  for (const name of names) if (name.startsWith(".")) importsOf(new URL(name, file), seen);
  return seen;
}

test.each(["fetch", "hono"])("coatcheck/%s imports of Node only what every runtime has", (entry) => {
  const imports = importsOf(new URL(`../../src/frameworks/${entry}.ts`, import.meta.url));
  expect(imports.size).toBeGreaterThan(10);
  expect([...new Set([...imports.values()].flat())].sort()).toEqual([
    "node:crypto",
    "node:diagnostics_channel",
  ]);
});
