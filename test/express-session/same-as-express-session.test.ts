/** The same programs on express-session and on the drop-in: status, body, cookies, errors and calls of the store are the same. */
import { createSecretKey } from "node:crypto";
import { createServer } from "node:http";
import { memoryStore } from "coatcheck";
import ours from "coatcheck/express-session";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { portOf } from "../instruments/loopback.ts";
import { Visitor } from "../instruments/visitor.ts";
import { installed } from "../runtimes/install.ts";
import { type Any, chain, type Handler, load } from "./application.ts";

let theirs: Any;
beforeAll(async () => {
  await installed(new URL(".", import.meta.url));
  process.env.NO_DEPRECATION = "express-session";
  theirs = load("express-session");
}, 300_000);
afterAll(() => {
  delete process.env.NO_DEPRECATION;
});

/** The connect store that the drop-in puts before a store of coatcheck. */
function overMemory(cookie: Any): Any {
  const request = { url: cookie.path ?? "/", headers: {} } as Any;
  ours({ secret: "unused", store: memoryStore(), clearExpiredEvery: 0, cookie })(
    request,
    {} as Any,
    () => {},
  );
  return request.sessionStore;
}

interface Request {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  /** From a visitor without cookies. */
  readonly fresh?: boolean;
  /** Milliseconds to wait before it. */
  readonly wait?: number;
}

interface Program {
  readonly options?: object;
  /** Middleware before `session()`. */
  readonly before?: Handler;
  readonly handler: Handler;
  /** The requests, one after the other; each is a path, or a path with headers. */
  readonly requests?: readonly (string | Request)[];
  /** Changes the store before the server starts. */
  readonly store?: (store: Any) => void;
}

const mask = (line: string) =>
  line.replace(/=s%3A[^;]*/, "=<signed>").replace(/Expires=(?!Thu, 01 Jan 1970)[^;]+/, "Expires=<date>");

async function run(session: Any, store: Any, program: Program): Promise<unknown[]> {
  const told: unknown[] = [];
  for (const verb of ["get", "set", "touch", "destroy"]) {
    const method = store[verb];
    store[verb] = function (...args: Any[]) {
      told.push(verb);
      return method.apply(this, args);
    };
  }
  program.store?.(store);
  const options = { secret: "keyboard cat", cookie: { maxAge: 60_000 }, ...program.options, store };
  const handlers = [program.before, session(options), program.handler].filter(
    (handler) => handler !== undefined,
  );
  const port = await portOf(createServer(chain(handlers, (error) => told.push(`late: ${error.message}`))));
  const visitor = new Visitor(port);
  for (const request of program.requests ?? ["/", "/"]) {
    const {
      path = "/",
      headers = {},
      fresh = false,
      wait = 0,
    }: Request = typeof request === "string" ? { path: request } : request;
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (fresh) visitor.cookie = undefined;
    const { status, body, setCookie } = await visitor.visit(path, { headers });
    await new Promise((resolve) => setTimeout(resolve, 5));
    told.push({ status, body, setCookie: setCookie.map(mask) });
  }
  return told;
}

const count: Handler = (req, res) => {
  req.session.n = (req.session.n ?? 0) + 1;
  res.end(`n=${req.session.n}`);
};
const look: Handler = (req, res) => void res.end(`n=${req.session.n}`);
const fail =
  (error: object) =>
  (_id: string, ...rest: Any[]) =>
    void rest.at(-1)(error);
const each = <T>(values: readonly T[], make: (value: T) => Program): Program[] => values.map(make);

const programs: Record<string, Program | Program[]> = {
  "a session is made, kept and counted": { handler: count, requests: ["/", "/", "/"] },
  "reading alone, by every mix of the four flags": [true, false].flatMap((resave) =>
    [true, false].flatMap((saveUninitialized) =>
      [true, false].flatMap((rolling) =>
        [undefined, null, 60_000].map((maxAge) => ({
          options: { resave, saveUninitialized, rolling, cookie: { maxAge } },
          handler: ((req, res) =>
            req.url === "/set" ? count(req, res, () => {}) : look(req, res, () => {})) as Handler,
          requests: ["/", "/", "/set", "/", "/set", { fresh: true }],
        })),
      ),
    ),
  ),
  "every form of ending a response": each<(req: Any, res: Any) => void>(
    [
      (_req, res) => res.end(),
      (_req, res) => res.end(null),
      (_req, res) => res.end("a", "utf8"),
      (_req, res) => res.end(Buffer.from("a")),
      (_req, res) => res.end("a", () => {}),
      (_req, res) => {
        res.write("a");
        res.end("b");
      },
      (_req, res) => {
        res.write("a");
        setImmediate(() => res.end("b"));
      },
      (_req, res) => {
        res.setHeader("Content-Length", "2");
        res.write("a");
        res.end("b");
      },
      (_req, res) => {
        res.setHeader("Content-Length", "0");
        res.end();
      },
      (_req, res) => {
        res.end("a");
        res.end("b");
      },
      (_req, res) => {
        res.statusCode = 204;
        res.end();
      },
      (_req, res) => {
        res.statusCode = 304;
        res.end();
      },
      (_req, res) => res.writeHead(201, { "Set-Cookie": "a=b" }).end("c"),
      (_req, res) => res.writeHead(201, "Fine", [["Set-Cookie", "a=b"]]).end("c"),
      (_req, res) => {
        res.setHeader("Set-Cookie", ["a=b", "c=d"]);
        res.end("c");
      },
      (_req, res) => {
        res.setHeader("Set-Cookie", "a=b");
        res.end("c");
      },
      (_req, res) => {
        res.flushHeaders();
        res.end("c");
      },
      (_req, res) => {
        res.end("a");
        setImmediate(() => res.end("b"));
      },
    ],
    (end) => ({
      options: { resave: false },
      handler: (req, res) => {
        req.session.n = (req.session.n ?? 0) + 1;
        end(req, res);
      },
    }),
  ),
  "a header set after the end throws as in Node": {
    handler: (_req, res) => {
      res.end();
      try {
        res.setHeader("X", "y");
      } catch (error) {
        res.emit("told", error);
      }
    },
  },
  "cookie attributes": each(
    [
      {},
      { path: "/", httpOnly: false },
      { domain: "example.com", sameSite: true },
      { sameSite: "lax", priority: "high" },
      { sameSite: "none", partitioned: true },
      { sameSite: "auto" },
      { secure: true },
      { secure: "auto" },
      { expires: new Date(0) },
      { expires: null },
      { maxAge: 0 },
      { maxAge: -1000 },
      { expires: new Date(Number.NaN) },
      { path: "/\n" },
      { priority: "urgent" },
      { sameSite: "sometimes" },
    ],
    (cookie) => ({ options: { cookie }, handler: count }),
  ),
  "a cookie by a function": {
    options: {
      cookie: (req: Any) => ({ path: "/", maxAge: req.url === "/short" ? 1000 : 60_000, sameSite: "lax" }),
    },
    handler: (req, res) => void res.end(String(req.session.cookie.originalMaxAge)),
    requests: ["/short", { path: "/", fresh: true }],
  },
  "the path of the cookie": each(
    ["/", "/foo/bar", "/foo/bar/baz", "/foo/barn", "/foo", "/foo/bar?x=1"],
    (path) => ({
      options: { cookie: { path: "/foo/bar" } },
      handler: (req, res) => void res.end(String(req.session === undefined)),
      requests: [path],
    }),
  ),
  "the path where the middleware is mounted": {
    before: (req, _res, next) => {
      req.originalUrl = req.url;
      req.url = req.url.replace("/foo", "") || "/";
      next();
    },
    options: { cookie: { path: "/foo/bar" } },
    handler: (req, res) => void res.end(String(req.session === undefined)),
    requests: ["/foo/bar", "/foo/foo/bar"],
  },
  "an empty url": {
    before: (req, _res, next) => {
      req.url = "";
      next();
    },
    handler: count,
  },
  "an absolute url": {
    before: (req, _res, next) => {
      req.url = "http://foo/bar";
      next();
    },
    options: { cookie: { path: "/foo/bar" } },
    handler: (req, res) => void res.end(String(req.session === undefined)),
  },
  proxies: [true, false, undefined].flatMap((proxy) =>
    ["https", "http", "HTTPS , http", "http,https", ""].flatMap((forwarded) =>
      [true, false, undefined].map((secure) => ({
        options: { proxy, cookie: { secure: true } },
        before: ((req, _res, next) => {
          if (secure !== undefined) req.secure = secure;
          next();
        }) as Handler,
        handler: count,
        requests: [{ headers: forwarded === "" ? {} : { "X-Forwarded-Proto": forwarded } }],
      })),
    ),
  ),
  "secure and sameSite by the connection": each(["https", "http"], (forwarded) => ({
    options: { proxy: true, cookie: { secure: "auto", sameSite: "auto" } },
    handler: count,
    requests: [{ headers: { "X-Forwarded-Proto": forwarded } }],
  })),
  "cookies that are not ours": each(
    [
      "connect.sid=",
      "connect.sid=abc",
      "connect.sid=s:",
      "connect.sid=s%3Aabc.wrong",
      "connect.sid=s%3A.",
      "connect.sid=s%3A%E0%A4%A",
      'connect.sid="s:a.b"',
      "other=1; connect.sid=s:x.y; connect.sid=s:z",
    ],
    (cookie) => ({ handler: count, requests: [{ headers: { Cookie: cookie } }] }),
  ),
  "a signed id that the store does not know": {
    options: { genid: () => "unknown", saveUninitialized: false },
    handler: look,
    requests: [
      { headers: { Cookie: "connect.sid=s%3Aapple.jwvX8mMq2s%2FCCiMoZrvn2KKt%2FJyEVONwbg9FFI6OLDs" } },
    ],
  },
  "a signature in another form": each(
    ["OLDs", "OLDs=", "OLDt", "OLD", "OLDs%20", "OLDs%C3%BC"],
    (end): Program => ({
      options: { genid: () => "new", saveUninitialized: false },
      handler: (req, res) => void res.end(req.sessionID),
      requests: [
        { headers: { Cookie: `connect.sid=s%3Aapple.jwvX8mMq2s%2FCCiMoZrvn2KKt%2FJyEVONwbg9FFI6${end}` } },
      ],
    }),
  ),
  "ids by genid": each(["apple", "%", "a b;c"], (id) => ({
    options: { genid: () => id },
    handler: (req, res) => void res.end(req.sessionID + req.session.id),
    requests: ["/"],
  })),
  "names of the cookie": each([{ name: "sid" }, { key: "sid" }, { name: "" }], (options) => ({
    options,
    handler: count,
  })),
  secrets: each(
    [
      { secret: ["new", "old"] },
      { secret: "one" },
      { secret: Buffer.from("bytes") },
      { secret: [createSecretKey("key", "utf8")] },
    ],
    (options) => ({ options, handler: count }),
  ),
  "the methods of a session take as many arguments, which grant asks": {
    handler: (req, res) => {
      const names = ["touch", "resetMaxAge", "save", "reload", "destroy", "regenerate"];
      res.end(names.map((name) => `${name}:${Object.getPrototypeOf(req.session)[name].length}`).join());
    },
  },
  "a session that a tool stored without a cookie": {
    options: { resave: false },
    handler: (req, res) => {
      if (req.url === "/") return count(req, res, () => {});
      req.sessionStore.set(req.sessionID, { foo: "bar" }, () =>
        req.sessionStore.get(req.sessionID, (_error: Any, found: Any) => {
          req.session = null; // So that the end of the request stores nothing.
          res.end(JSON.stringify(found));
        }),
      );
    },
    requests: ["/", "/break", "/"],
  },
  "a secret of the request": {
    options: { secret: undefined },
    before: (req, _res, next) => {
      req.secret = "its own";
      next();
    },
    handler: count,
  },
  "a session that is there already is left alone": {
    before: (req, _res, next) => {
      req.session = { n: 41 };
      next();
    },
    handler: (req, res) => void res.end(`${req.session.n} ${req.sessionID}`),
  },
  "the store is disconnected, and connected again": {
    handler: (req, res) => {
      const has = req.session !== undefined;
      if (req.url === "/off") req.sessionStore.emit("disconnect");
      res.end(String(has));
    },
    requests: ["/", "/off", "/"],
  },
  unset: ["keep", "destroy"].flatMap((unset) =>
    [true, false].map((saveUninitialized) => ({
      options: { unset, saveUninitialized },
      handler: ((req, res) => {
        if (req.url === "/end") req.session = null;
        else if (req.url === "/delete") delete req.session;
        else req.session.n = (req.session.n ?? 0) + 1;
        res.end(String(req.session?.n));
      }) as Handler,
      requests: ["/", "/end", "/", "/delete", "/", { path: "/end", fresh: true }, "/"],
    })),
  ),
  "destroy, regenerate, reload, save, touch": [true, false].flatMap((resave) =>
    [true, false].map((saveUninitialized) => ({
      options: { resave, saveUninitialized },
      handler: ((req, res) => {
        const { session } = req;
        const old = req.sessionID;
        session.n = (session.n ?? 0) + 1;
        const end = (error?: Error) =>
          res.end(
            [
              error?.message,
              session === req.session,
              req.session?.n,
              session.n,
              old === req.sessionID,
            ].join(),
          );
        if (req.url === "/destroy") session.destroy(end);
        else if (req.url === "/regenerate") session.regenerate(end);
        else if (req.url === "/regenerate-and-write") {
          session.regenerate((error: Error) => {
            req.session.n = 100;
            end(error);
          });
        } else if (req.url === "/reload") session.reload(end);
        else if (req.url === "/save") session.save(end);
        else if (req.url === "/save-and-write") {
          session.save((error: Error) => {
            session.n += 10;
            end(error);
          });
        } else if (req.url === "/reload-and-save") session.reload(() => req.session.save(end));
        else {
          session.touch();
          end();
        }
      }) as Handler,
      requests: [
        "/reload",
        "/",
        "/save",
        "/save-and-write",
        "/reload",
        "/reload-and-save",
        "/regenerate",
        "/regenerate-and-write",
        "/",
        "/destroy",
        "/",
      ],
    })),
  ),
  "only data and cookie show": {
    handler: (req, res) => {
      req.session.a = 1;
      const shown = [];
      for (const key in req.session) shown.push(key);
      res.end(JSON.stringify([Object.keys(req.session), shown, Object.keys(req.session.cookie).sort()]));
    },
  },
  "keys with the names of methods are left out": {
    handler: (req, res) => {
      if (req.url === "/bad") {
        const plain = { ...JSON.parse(JSON.stringify(req.session)), save: "no", id: "no", n: 5 };
        req.sessionStore.set(req.sessionID, plain, () => res.end());
        req.session = null;
      } else {
        res.end(JSON.stringify([typeof req.session.save, req.session.id === req.sessionID, req.session.n]));
      }
    },
    requests: ["/", "/bad", "/", "/"],
  },
  "changes of the cookie": [true, false].flatMap((resave) =>
    [undefined, 60_000].flatMap((maxAge) =>
      (
        [
          (cookie) => (cookie.maxAge = 5000),
          (cookie) => (cookie.maxAge = 5_000_000_000),
          (cookie) => (cookie.maxAge = null),
          (cookie) => (cookie.expires = new Date(Date.now() + 9000)),
          (cookie) => (cookie.expires = null),
          (cookie) => (cookie.expires = false),
          (cookie) => (cookie.path = "/x"),
          (cookie) => (cookie.httpOnly = false),
          (cookie) => (cookie.secure = true),
        ] as ((cookie: Any) => void)[]
      ).map((change) => ({
        options: { resave, cookie: { maxAge } },
        handler: ((req, res) => {
          if (req.url === "/change") change(req.session.cookie);
          if (req.url === "/both") {
            change(req.session.cookie);
            req.session.n = 1 + (req.session.n ?? 0);
          }
          const {
            expires,
            originalMaxAge,
            maxAge: _,
            ...rest
          } = JSON.parse(JSON.stringify(req.session.cookie));
          // To the tenth of a second, as the clock goes on.
          res.end(JSON.stringify([Boolean(expires), Math.round(originalMaxAge / 100), rest]));
        }) as Handler,
        requests: ["/", "/change", "/", "/both", "/"],
      })),
    ),
  ),
  "a key named cookie within the data": {
    options: { resave: false },
    handler: (req, res) => {
      req.session.user ??= {};
      req.session.user.cookie = (req.session.user.cookie ?? 0) + 1;
      res.end(String(req.session.user.cookie));
    },
  },
  "faults of get": each<object>(
    [
      Object.assign(new Error("boom"), { code: "ENOENT" }),
      new Error("boom"),
      Object.assign(new Error("x"), { status: 418 }),
    ],
    (error) => ({
      handler: count,
      store: (store) => {
        const get = store.get;
        let calls = 0;
        store.get = function (...args: Any[]) {
          return ++calls === 1 ? fail(error)(...(args as [string])) : get.apply(this, args);
        };
      },
      requests: ["/", "/", "/"],
    }),
  ),
  "a store that answers without a cookie": {
    handler: count,
    store: (store) => {
      store.get = (_id: string, done: Any) => done(null, {});
    },
  },
  "a bogus req.sessionID": {
    handler: (req, res) => {
      req.sessionID = () => {};
      req.session.a = 1;
      res.end();
    },
    requests: ["/"],
  },
  "callbacks at once": {
    handler: count,
    store: (store) => {
      const kept: Record<string, string> = {};
      store.get = (id: string, done: Any) => done(null, kept[id] && JSON.parse(kept[id]));
      store.set = (id: string, session: Any, done: Any) => {
        kept[id] = JSON.stringify(session);
        done();
      };
      store.touch = (_id: string, _session: Any, done: Any) => done();
      store.destroy = (id: string, done: Any) => {
        delete kept[id];
        done();
      };
    },
  },
  "a session that has expired": {
    options: { cookie: { maxAge: 200 } },
    handler: count,
    requests: ["/", { wait: 250 }],
  },
  "faults of set": each([true, false], (resave) => ({
    options: { resave },
    handler: count,
    store: (store) => {
      store.set = fail(new Error("boom"));
    },
  })),
  "faults of touch": {
    options: { resave: false },
    handler: look,
    store: (store) => {
      store.touch = fail(new Error("boom"));
    },
  },
  "faults of destroy": each(["keep", "destroy"], (unset) => ({
    options: { unset },
    handler: (req, res) => {
      if (unset === "keep") {
        const old = req.sessionID;
        req.session.regenerate((error: Error) => res.end(`${error?.message} ${old === req.sessionID}`));
      } else {
        req.session = null;
        res.end();
      }
    },
    store: (store) => {
      store.destroy = fail(new Error("boom"));
    },
  })),
  "store.load": {
    handler: (req, res) => {
      req.session.n = 7;
      req.session.save(() =>
        req.sessionStore.load(req.sessionID, (error: unknown, session: Any) =>
          req.sessionStore.load("none", (none: unknown, absent: unknown) =>
            res.end(
              JSON.stringify([
                error,
                session.n,
                session.id === req.sessionID,
                typeof session.save,
                none,
                absent,
              ]),
            ),
          ),
        ),
      );
    },
    requests: ["/"],
  },
  "cookie-parser before it": each(["s:", ""], (prefix) => ({
    before: (req, _res, next) => {
      const header = req.headers.cookie ?? "";
      req.headers.cookie = "other=1";
      const value = decodeURIComponent(/connect\.sid=([^;]*)/.exec(header)?.[1] ?? "");
      req.cookies = { "connect.sid": prefix === "" ? value.slice(2) : value };
      next();
    },
    handler: count,
  })),
  "methods patched before and after": {
    before: (_req, res, next) => {
      const { end, write } = res;
      let ended = false;
      res.end = function (this: Any, ...args: Any[]) {
        ended = true;
        return end.apply(this, args as never);
      } as never;
      res.write = function (this: Any, ...args: Any[]) {
        if (ended) throw new Error("write after end");
        return write.apply(this, args as never);
      } as never;
      next();
    },
    handler: (req, res) => {
      req.session.n = 1;
      res.write("hello, ");
      res.write("world");
      res.end();
    },
  },
};

describe.each(Object.entries(programs))("%s", (_name, given) => {
  const list = [given].flat();
  test("with the default store", async () => {
    for (const program of list) {
      const expected = await run(theirs, new theirs.MemoryStore(), program);
      expect(await run(ours, new ours.MemoryStore(), program), JSON.stringify(program.options)).toEqual(
        expected,
      );
    }
  });

  test("with memoryStore of coatcheck", async () => {
    for (const program of list) {
      const expected = await run(theirs, new theirs.MemoryStore(), program);
      const { cookie = { maxAge: 60_000 } } = (program.options ?? {}) as { cookie?: Any };
      expect(await run(ours, overMemory(cookie), program), JSON.stringify(program.options)).toEqual(expected);
    }
  });
});
