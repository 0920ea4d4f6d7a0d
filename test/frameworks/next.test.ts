/** The rules of the adapter for Next.js, with jars as Next.js makes them. test/everywhere has the framework itself. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createSessions, memoryStore, type Options, type Session, type Sessions } from "coatcheck";
import { signedCookieStore } from "coatcheck/cookies";
import { getSession, withSession } from "coatcheck/next";
import { describe, expect, test, vi } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { spyStore } from "../instruments/spy-store.ts";

/** What Next.js has for one request: a jar for its actions, and another for its pages. */
class NextRequest {
  readonly headers: Headers;
  readonly cookies: Map<string, string>;
  /** The cookies that were set, as they were given. */
  readonly set: Record<string, unknown>[] = [];
  phase: "action" | "render";
  #jar: object | undefined;

  constructor(cookies: Record<string, string> = {}, phase: "action" | "render" = "action", proto = "http") {
    const pairs = Object.entries(cookies);
    this.headers = new Headers({ "x-forwarded-proto": proto });
    if (pairs.length > 0) this.headers.set("cookie", pairs.map((pair) => pair.join("=")).join("; "));
    this.cookies = new Map(pairs.map(([name, value]) => [name, decodeURIComponent(value)]));
    this.phase = phase;
  }

  /** The page that Next.js renders after an action. */
  render(): void {
    this.phase = "render";
    this.#jar = undefined;
  }

  jar(): object {
    const get = (name: string) => {
      const value = this.cookies.get(name);
      return value === undefined ? undefined : { name, value };
    };
    if (this.phase === "render") {
      const refuse = () => {
        throw new Error("Cookies can only be modified in a Server Action or Route Handler.");
      };
      this.#jar ??= { get, set: refuse, delete: refuse };
    } else {
      const set = (cookie: { name: string; value: string }) => {
        if (this.phase !== "action") throw new Error("too late");
        this.set.push(cookie);
        this.cookies.set(cookie.name, cookie.value);
      };
      this.#jar ??= {
        get,
        set,
        delete: () => {
          throw new Error("delete was called");
        },
      };
    }
    return this.#jar;
  }
}

const present = new AsyncLocalStorage<NextRequest>();
const request = () => present.getStore() as NextRequest;
vi.mock("next/headers.js", () => ({
  cookies: async () => request().jar(),
  headers: async () => request().headers,
}));

const redirect = (status = 307) => {
  throw Object.assign(new Error("NEXT_REDIRECT"), { digest: `NEXT_REDIRECT;push;/next;${status};` });
};
const fallback = (status: number) => {
  throw Object.assign(new Error("fallback"), { digest: `NEXT_HTTP_ERROR_FALLBACK;${status}` });
};

const newSessions = (options: Partial<Options> = {}) => createSessions({ store: memoryStore(), ...options });

/** Runs a call within a request, and gives the request back. */
async function within<T>(next: NextRequest, call: () => Promise<T>): Promise<[NextRequest, T]> {
  return [next, await present.run(next, call)];
}

/** The cookies of a browser in which ann has signed in. */
async function signedIn(sessions: Sessions): Promise<Record<string, string>> {
  const [{ cookies }] = await within(new NextRequest(), () =>
    withSession(sessions, async (session) => session.set("a", 1).login("ann"))(),
  );
  return Object.fromEntries(cookies);
}

const seen = (sessions: Sessions, cookies: Record<string, string>) =>
  within(new NextRequest(cookies, "render"), async () => {
    const session = await getSession(sessions);
    return [session.userId, session.toObject()];
  }).then(([, what]) => what);

test("an action is an async function, which gets what Next.js passes after the session", async () => {
  const action = withSession(newSessions(), async (session, form: string, second: number) => [
    session.userId,
    form,
    second,
  ]);
  expect(action.constructor.name).toBe("AsyncFunction");
  const [, result] = await within(new NextRequest(), () => action("form", 2));
  expect(result).toEqual([null, "form", 2]);
});

test("the cookie goes out with every attribute, and is removed by an empty value", async () => {
  const sessions = newSessions({ cookie: { domain: "example.com", path: "/shop", sameSite: "strict" } });
  const [login] = await within(new NextRequest(), () =>
    withSession(sessions, async (session) => session.login("ann"))(),
  );
  const attributes = {
    name: "sessionid",
    path: "/shop",
    domain: "example.com",
    sameSite: "strict",
    httpOnly: true,
    secure: false,
    partitioned: false,
  };
  expect(login.set).toEqual([{ ...attributes, value: expect.any(String), maxAge: 1_209_600 }]);
  const [logout] = await within(new NextRequest(Object.fromEntries(login.cookies)), () =>
    withSession(sessions, async (session) => session.logout())(),
  );
  expect(logout.set).toEqual([{ ...attributes, value: "", maxAge: 0, expires: new Date(0) }]);
});

test("the first word of X-Forwarded-Proto says whether the browser came over https", async () => {
  const [{ set }] = await within(new NextRequest({}, "action", "https, http"), () =>
    withSession(newSessions(), async (session) => session.login("ann"))(),
  );
  expect(set).toMatchObject([{ name: "__Host-sessionid", secure: true }]);
});

describe("the session of a phase", () => {
  test("is one, read once, for all that ask at the same time", async () => {
    const { store, took } = spyStore(memoryStore());
    const sessions = newSessions({ store });
    const cookies = await signedIn(sessions);
    took();
    const [, [one, two]] = await within(new NextRequest(cookies, "render"), () =>
      Promise.all([getSession(sessions), getSession(sessions)]),
    );
    expect(one).toBe(two);
    expect(took()).toEqual(["read"]);
  });

  test("is opened again where the store could not be read", async () => {
    const { store, breaks, mended } = faultyStore(memoryStore());
    const sessions = newSessions({ store });
    const cookies = await signedIn(sessions);
    await within(new NextRequest(cookies, "render"), async () => {
      breaks("read");
      await expect(getSession(sessions)).rejects.toMatchObject({ status: 503 });
      mended();
      expect((await getSession(sessions)).userId).toBe("ann");
    });
  });

  test("can only be read in a component: every change throws at the call, and nothing is stored", async () => {
    const { store, took } = spyStore(memoryStore());
    const sessions = newSessions({ store });
    const cookies = await signedIn(sessions);
    took();
    await within(new NextRequest(cookies, "render"), async () => {
      const session = await getSession(sessions);
      const changes: [string, () => unknown][] = [
        ["set", () => session.set("a", 2)],
        ["delete", () => session.delete("a")],
        ["pop", () => session.pop("a")],
        ["update", () => session.update("a", () => 2)],
        ["assign", () => session.assign({ a: 2 })],
        ["setDefault", () => session.setDefault("b", 2)],
        ["clear", () => session.clear()],
        ["flush", () => session.flush()],
        ["logout", () => session.logout()],
        ["login", () => session.login("ben")],
        ["cycleKey", () => session.cycleKey()],
        ["confirm", () => session.confirm()],
        ["setExpiry", () => session.setExpiry(60)],
        ["modified = true", () => (session.modified = true)],
      ];
      for (const [name, change] of changes) {
        expect(change, name).toThrow(
          expect.objectContaining({
            name: "SessionReadOnlyError",
            message: expect.stringContaining(`session.${name === "setDefault" ? "set" : name} was used`),
          }),
        );
      }
      await expect(session.save()).rejects.toMatchObject({ name: "SessionReadOnlyError" });
      await expect(session.once("a", () => 2)).rejects.toMatchObject({ name: "SessionReadOnlyError" });
      await session.load();
      expect([session.userId, session.get("a")]).toEqual(["ann", 1]);
    });
    expect(new Set(took())).toEqual(new Set(["read"]));
  });

  test("can be stored by save() where a cookie can be sent, and not where the response has begun meanwhile", async () => {
    const sessions = newSessions();
    const next = new NextRequest();
    const [, session] = await within(next, async () => {
      const session = await getSession(sessions);
      session.login("ann");
      await session.save();
      return session;
    });
    expect(next.set).toHaveLength(1);
    next.render();
    session.set("a", 2);
    await expect(present.run(next, () => session.save())).rejects.toMatchObject({
      name: "SessionReadOnlyError",
    });
    expect(await seen(sessions, Object.fromEntries(next.cookies))).toEqual(["ann", {}]);
  });
});

test("a cookie that Next.js has written with %3A for a colon is read", async () => {
  const sessions = newSessions({ store: signedCookieStore({ secrets: ["secret".repeat(6)] }) });
  const { sessionid = "" } = await signedIn(sessions);
  expect(sessionid).toContain(":");
  const cookies = { sessionid: encodeURIComponent(sessionid) };
  expect(await seen(sessions, cookies)).toEqual(["ann", { a: 1 }]);
  const [{ set }] = await within(new NextRequest(cookies), () =>
    withSession(sessions, async (session) => session.logout())(),
  );
  expect(set).toMatchObject([{ name: "sessionid", value: "", maxAge: 0 }]);
});

test("a page that is rendered after an action sees what the action did, not the cookie that came", async () => {
  const sessions = newSessions();
  const before = await signedIn(sessions);
  const next = new NextRequest(before);
  await within(next, async () => {
    await withSession(sessions, async (session) => session.login("ben"))();
    next.render();
    expect((await getSession(sessions)).userId).toBe("ben");
  });
  const out = new NextRequest(before);
  await within(out, async () => {
    await withSession(sessions, async (session) => session.logout())();
    out.render();
    expect((await getSession(sessions)).userId).toBe(null);
  });
});

describe("an action", () => {
  test.each([
    ["redirect", () => redirect(), "ann"],
    ["notFound", () => fallback(404), "ann"],
    ["forbidden", () => fallback(403), "ann"],
    ["a bug", () => Promise.reject(new Error("a bug")), null],
  ])("that ends with %s keeps its login, or not", async (_name, end, user) => {
    const sessions = newSessions();
    const next = new NextRequest();
    const thrown = await present.run(next, () =>
      withSession(sessions, async (session) => {
        session.login("ann");
        return end();
      })().catch((error: unknown) => error),
    );
    expect(thrown).toBeInstanceOf(Error);
    expect(next.set).toHaveLength(user === null ? 0 : 1);
    expect(await seen(sessions, Object.fromEntries(next.cookies))).toEqual([user, {}]);
  });

  test("that fails after a logout has signed out all the same", async () => {
    const sessions = newSessions();
    const cookies = await signedIn(sessions);
    await within(new NextRequest(cookies), () =>
      withSession(sessions, async (session) => {
        session.logout();
        throw new Error("a bug");
      })().catch(() => {}),
    );
    expect(await seen(sessions, cookies)).toEqual([null, {}]);
  });

  test("within another has its session, which is stored when the outer one ends", async () => {
    const { store, took } = spyStore(memoryStore());
    const sessions = newSessions({ store });
    const inner = withSession(sessions, async (session: Session) => session.set("b", 2));
    const [next] = await within(new NextRequest(), () =>
      withSession(sessions, async (session) => {
        session.login("ann");
        expect(await inner()).toBe(session);
        expect(await getSession(sessions)).toBe(session);
        expect(took()).toEqual([]);
      })(),
    );
    expect(took()).toEqual(["create"]);
    expect(await seen(sessions, Object.fromEntries(next.cookies))).toEqual(["ann", { b: 2 }]);
  });

  test("beside another, at the same time, is stored with it", async () => {
    const sessions = newSessions();
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const quick = withSession(sessions, async (session: Session) => void session.set("quick", 1));
    const slow = withSession(sessions, async (session: Session) => {
      await gate;
      session.login("ann");
    });
    const [next] = await within(new NextRequest(), async () => {
      const both = Promise.all([slow(), quick().then(letGo)]);
      await both;
    });
    expect(await seen(sessions, Object.fromEntries(next.cookies))).toEqual(["ann", { quick: 1 }]);
  });

  test("after another goes on from what that one has stored", async () => {
    const sessions = newSessions();
    const [next] = await within(new NextRequest(), async () => {
      await withSession(sessions, async (session) => session.login("ann"))();
      await withSession(sessions, async (session) => session.set("a", session.userId).cycleKey())();
    });
    expect(await seen(sessions, Object.fromEntries(next.cookies))).toEqual(["ann", { a: "ann" }]);
  });

  test("rejects with the error of a store that is down", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    const sessions = newSessions({ store });
    breaks("create");
    const next = new NextRequest();
    await expect(
      present.run(next, () => withSession(sessions, async (session) => session.login("ann"))()),
    ).rejects.toMatchObject({ name: "StoreUnavailableError" });
    expect(next.set).toEqual([]);
  });
});

describe("a route handler", () => {
  const get = new Request("http://localhost/");

  async function answer(
    sessions: Sessions,
    handler: (session: Session, request: Request) => Promise<Response>,
    cookies = {},
  ): Promise<[Response, NextRequest]> {
    const [next, response] = await within(new NextRequest(cookies), () =>
      withSession(sessions, handler)(get),
    );
    return [response, next];
  }

  test("gets Vary and Cache-Control with its cookie, which is in the jar", async () => {
    const own = new Response("hello", { headers: { Vary: "Accept", "Cache-Control": "public" } });
    const [response, { set }] = await answer(newSessions(), async (session) => {
      session.login("ann");
      return own;
    });
    expect(Object.fromEntries(response.headers)).toEqual({
      "cache-control": "private, no-store",
      vary: "Accept, Cookie",
      "content-type": "text/plain;charset=UTF-8",
    });
    expect([await response.text(), set.length, own.headers.get("Vary")]).toEqual(["hello", 1, "Accept"]);
  });

  test("offers the binding to a device with a login", async () => {
    const sessions = newSessions({ deviceBound: true });
    const next = new NextRequest({}, "action", "https");
    const login = withSession(sessions, async (session, _request: Request) => {
      session.login("ann");
      return new Response();
    });
    const response = await present.run(next, () => login(get));
    expect(response.headers.get("Secure-Session-Registration")).toContain("registration");
    expect(next.set).toMatchObject([{ name: "__Host-sessionid" }]);
  });

  test("that does not look at the session is left as it is", async () => {
    const own = new Response("hello");
    expect((await answer(newSessions(), async () => own))[0]).toBe(own);
  });

  test.each([
    ["notFound", () => fallback(404), 404, null],
    ["forbidden", () => fallback(403), 403, null],
    ["unauthorized", () => fallback(401), 401, null],
    ["permanentRedirect", () => redirect(308), 308, "/next"],
  ])("that throws by %s is answered with the cookie", async (_name, end, status, location) => {
    const [response, { set }] = await answer(newSessions(), async (session) => {
      session.login("ann");
      return end() as never;
    });
    expect([response.status, response.headers.get("Location"), response.body, set.length]).toEqual([
      status,
      location,
      null,
      1,
    ]);
    expect(response.headers.get("Cache-Control")).toBe("private, no-store");
  });

  test("stores nothing of a Response with 500 or one whose body was read, or of an error", async () => {
    const sessions = newSessions();
    const [failed, { set }] = await answer(sessions, async (session) => {
      session.login("ann");
      return new Response(null, { status: 500 });
    });
    expect([failed.status, set]).toEqual([500, []]);
    const next = new NextRequest();
    const spent = new Response("read");
    await spent.text();
    for (const end of [
      () => spent,
      () => {
        throw new Error("a bug");
      },
    ]) {
      const handler = withSession(sessions, async (session, _request: Request) => {
        session.login("ann");
        return end();
      });
      await expect(present.run(next, () => handler(get))).rejects.toThrow();
    }
    expect(next.set).toEqual([]);
  });

  test("is a plain 503 where the session cannot be read, stored or loaded", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    const sessions = newSessions({ store });
    const cookies = await signedIn(sessions);
    breaks("read");
    const hello = async () => new Response("hello");
    const [unread] = await answer(sessions, hello, cookies);
    expect([unread.status, unread.headers.get("Retry-After")]).toEqual([503, "5"]);
    const lazy = createSessions({ store, lazy: true });
    const [unloaded] = await answer(
      lazy,
      async (session) => {
        await session.load();
        return hello();
      },
      cookies,
    );
    expect(unloaded.status).toBe(503);
  });
});

test("a page is activity where idleTimeout or saveEveryRequest ask for it, once for all its components", async () => {
  for (const [options, expected] of [
    [{ idleTimeout: 600 }, ["read", "touch"]],
    [{ saveEveryRequest: true }, ["read", "touch"]],
    [{}, ["read"]],
  ] as const) {
    let now = Date.now();
    const { store, took } = spyStore(memoryStore());
    const sessions = newSessions({ store, clock: () => now, ...options });
    const cookies = await signedIn(sessions);
    now += 400_000_000 * ("saveEveryRequest" in options ? 1 : 0.001);
    took();
    await within(new NextRequest(cookies, "render"), () =>
      Promise.all([getSession(sessions), getSession(sessions)]),
    );
    expect(took()).toEqual(expected);
  }
});

test("a Sessions that another copy of the package made serves pages and actions", async () => {
  vi.resetModules();
  const other = await import("coatcheck");
  const sessions: Sessions = other.createSessions({ store: other.memoryStore() });
  expect(await seen(sessions, await signedIn(sessions))).toEqual(["ann", { a: 1 }]);
});

test("options in place of a Sessions, and no function, are refused with what to write", async () => {
  const options = { store: memoryStore() } as unknown as Sessions;
  await expect(getSession(options)).rejects.toThrow("createSessions(options)");
  expect(() => withSession(options, async () => {})).toThrow("createSessions(options)");
  expect(() => withSession(newSessions(), undefined as never)).toThrow("withSession(sessions, async");
});
