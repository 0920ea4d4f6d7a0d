/** passport and its strategies, as they are published, on `passportSession()`; their providers run on this machine. */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import util from "node:util";
import { createSessions, memoryStore, type Sessions } from "coatcheck";
import { session } from "coatcheck/express";
import { passportSession } from "coatcheck/passport";
import express, { type ErrorRequestHandler, type Express, type Request } from "express";
import { Passport, type PassportStatic } from "passport";
import { Strategy as LocalStrategy } from "passport-local";
import OAuth2Strategy from "passport-oauth2";
import OpenIDConnectStrategy from "passport-openidconnect";
import { describe, expect, test } from "vitest";
import { heldStore } from "../instruments/held-store.ts";
import { listen, portOf } from "../instruments/loopback.ts";
import { spyStore } from "../instruments/spy-store.ts";
import { Visitor } from "../instruments/visitor.ts";

// connect-flash calls a function that Node 23 has removed.
Object.assign(util, { isArray: Array.isArray });
const { default: flash } = await import("connect-flash");

/** `req.session` as code for express-session sees it. */
type Habits = Record<string, unknown> & {
  passport?: { user?: unknown };
  messages?: string[];
  save(callback: (error?: unknown) => void): void;
  regenerate(callback: (error?: unknown) => void): void;
};
const bag = (req: Request) => req.session as unknown as Habits;

interface User {
  id: unknown;
  name: string;
}

interface Site {
  readonly visitor: Visitor;
  readonly sessions: Sessions;
  readonly store: ReturnType<typeof heldStore>;
  readonly took: ReturnType<typeof spyStore>["took"];
  readonly errors: unknown[];
  newVisitor(): Visitor;
}

const users: User[] = [
  { id: 7, name: "ada" },
  { id: "u-bob", name: "bob" },
  { id: 0, name: "zero" },
];

/** An application as passport's own guide builds it. */
async function site(
  build: (app: Express, passport: PassportStatic) => void,
  { keepSessionInfo = false, serialize = (user: User): unknown => user.id } = {},
): Promise<Site> {
  const spy = spyStore(memoryStore());
  const store = heldStore(spy.store);
  const sessions = createSessions({ store: store.store });
  const passport = new Passport() as unknown as PassportStatic;
  passport.serializeUser((user, done) => done(null, serialize(user as unknown as User)));
  passport.deserializeUser((id, done) =>
    done(null, (users.find((user) => user.id === id) ?? false) as never),
  );
  passport.use(
    new LocalStrategy((username, password, done) => {
      const user = users.find(({ name }) => name === username);
      if (user === undefined || password !== "right")
        done(null, false, { message: "Wrong name or password" });
      else done(null, user as never);
    }),
  );
  const errors: unknown[] = [];
  const app = express();
  app.use(session(sessions), passportSession());
  app.use(passport.initialize(), passport.session(), flash());
  app.use(express.urlencoded({ extended: false }));
  const failureMessage = true;
  app.get(
    "/login",
    passport.authenticate("local", {
      successReturnToOrRedirect: "/",
      failureRedirect: "/failed",
      failureMessage,
      keepSessionInfo,
    }),
  );
  app.get("/logout", (req, res, next) => {
    req.logout({ keepSessionInfo }, (error) => (error ? next(error) : res.redirect("/")));
  });
  app.get("/set", (req, res) => {
    Object.assign(req.session, req.query);
    res.end();
  });
  app.get("/", (req, res) => {
    const keys: Record<string, unknown> = {};
    for (const key in req.session) keys[key] = bag(req)[key];
    res.json({ user: req.user ?? null, userId: req.session.userId, keys });
  });
  build(app, passport);
  app.use(((error, _req, res, _next) => {
    errors.push(error);
    res.status(error.status ?? 500).send("error page");
  }) satisfies ErrorRequestHandler);
  const port = await listen(app);
  const newVisitor = () => new Visitor(port);
  return { visitor: newVisitor(), sessions, store, took: spy.took, errors, newVisitor };
}

const seen = async (visitor: Visitor) => JSON.parse((await visitor.visit()).body);
const login = (visitor: Visitor, name: string, password = "right") =>
  visitor.visit(`/login?username=${name}&password=${password}`);

const nothing = () => {};

describe("a login with passport-local", () => {
  test("signs the user in, as login does: listed, and found on the next page", async () => {
    const { visitor, sessions } = await site(nothing);
    const response = await login(visitor, "ada");
    expect([response.status, response.headers.location]).toEqual([302, "/"]);
    expect(await seen(visitor)).toEqual({ user: users[0], userId: "7", keys: { passport: { user: 7 } } });
    expect(await sessions.listUserSessions(7)).toHaveLength(1);
    await sessions.revokeUser("7");
    expect((await seen(visitor)).user).toBeNull();
  });

  test("an id of text stays one, and of zero is a user as well", async () => {
    const { visitor } = await site(nothing);
    await login(visitor, "bob");
    expect(await seen(visitor)).toEqual({
      user: users[1],
      userId: "u-bob",
      keys: { passport: { user: "u-bob" } },
    });
    await login(visitor, "zero");
    expect(await seen(visitor)).toMatchObject({ user: users[2], userId: "0" });
  });

  test("costs one trip to the store besides the read", async () => {
    const { visitor, took } = await site(nothing);
    await login(visitor, "ada");
    expect(took()).toEqual(["create"]);
  });

  test("changes the key, and a planted one leads nowhere: session fixation", async () => {
    const { visitor, newVisitor } = await site(nothing);
    await visitor.visit("/set?cart=1");
    const planted = newVisitor();
    planted.cookie = visitor.cookie;
    await login(visitor, "ada");
    expect(visitor.cookie).not.toBe(planted.cookie);
    expect(await seen(planted)).toEqual({ user: null, userId: null, keys: {} });
  });

  test("drops the data of before; with keepSessionInfo it goes along", async () => {
    const dropped = await site(nothing);
    await dropped.visitor.visit("/set?cart=1");
    await login(dropped.visitor, "ada");
    expect((await seen(dropped.visitor)).keys).toEqual({ passport: { user: 7 } });

    const kept = await site(nothing, { keepSessionInfo: true });
    await kept.visitor.visit("/set?cart=1");
    await login(kept.visitor, "ada");
    expect((await seen(kept.visitor)).keys).toEqual({ cart: "1", passport: { user: 7 } });
    await login(kept.visitor, "bob");
    expect(await seen(kept.visitor)).toMatchObject({ userId: "u-bob", keys: { cart: "1" } });
    expect(await kept.sessions.listUserSessions(7)).toEqual([]);
  });

  test("returns to the page that asked for it", async () => {
    const { visitor } = await site(nothing, { keepSessionInfo: true });
    await visitor.visit("/set?returnTo=/wanted");
    expect((await login(visitor, "ada")).headers.location).toBe("/wanted");
    expect((await seen(visitor)).keys).not.toHaveProperty("returnTo");
  });

  test("that fails leaves a message for the next page, and the session as it is", async () => {
    const { visitor } = await site(nothing);
    for (const messages of [1, 2]) {
      expect((await login(visitor, "ada", "wrong")).headers.location).toBe("/failed");
      expect((await seen(visitor)).keys.messages).toHaveLength(messages);
    }
    expect((await seen(visitor)).keys.messages[0]).toBe("Wrong name or password");
  });

  test("whose store is down is an error page, and no one is signed in", async () => {
    const { visitor, store, errors } = await site(nothing);
    store.answer("create", () => Promise.reject(new Error("away")));
    expect((await login(visitor, "ada")).status).toBe(503);
    expect(errors).toMatchObject([{ name: "StoreUnavailableError" }]);
    expect((await seen(visitor)).user).toBeNull();
  });

  test("of an object as serialized user is refused, with the cure", async () => {
    const { visitor, errors } = await site(nothing, {
      serialize: (user) => ({ id: user.id, secret: "hunter2" }),
    });
    expect((await login(visitor, "ada")).status).toBe(500);
    expect(String(errors[0])).toMatch(
      /^TypeError: passport\.serializeUser gave an object.*done\(null, user\.id\)/,
    );
    expect(String(errors[0])).not.toContain("hunter2");
    expect((await seen(visitor)).user).toBeNull();
  });

  test("two at the same time: each response carries a live session", async () => {
    const { visitor, newVisitor } = await site(nothing);
    await visitor.visit("/set?cart=1");
    const both = [visitor, newVisitor()] as const;
    both[1].cookie = visitor.cookie;
    await Promise.all(both.map((one) => login(one, "ada")));
    for (const one of both) expect(await seen(one)).toMatchObject({ userId: "7" });
  });
});

describe("a logout", () => {
  test("ends the session and removes the cookie, in one trip besides the read", async () => {
    const { visitor, newVisitor, sessions, took } = await site(nothing);
    await login(visitor, "ada");
    const thief = newVisitor();
    thief.cookie = visitor.cookie;
    took();
    await visitor.visit("/logout");
    expect(took()).toEqual(["read", "delete"]);
    expect(visitor.cookie).toBeUndefined();
    expect((await seen(thief)).userId).toBeNull();
    expect(await sessions.stats()).toMatchObject({ live: 0 });
  });

  test("with keepSessionInfo keeps the data, under a new key and without the user", async () => {
    const { visitor, sessions } = await site(nothing, { keepSessionInfo: true });
    await visitor.visit("/set?cart=1");
    await login(visitor, "ada");
    const before = visitor.cookie;
    await visitor.visit("/logout");
    expect(visitor.cookie).not.toBe(before);
    expect(await seen(visitor)).toMatchObject({ user: null, userId: null, keys: { cart: "1" } });
    expect(await sessions.stats()).toMatchObject({ live: 1, authenticated: 0 });
  });

  test("is not undone by a slow page", async () => {
    const { visitor, newVisitor, store } = await site(nothing);
    await login(visitor, "ada");
    const slow = newVisitor();
    slow.cookie = visitor.cookie;
    const write = store.hold("update");
    const page = slow.visit("/set?cart=1");
    await write.arrived;
    await visitor.visit("/logout");
    write.release();
    expect((await page).setCookie).toEqual([]);
    expect((await seen(slow)).userId).toBeNull();
  });

  test("of a user who is gone from the database: the session goes on without", async () => {
    const { visitor } = await site((app) => {
      app.get("/become", (req, res, next) => {
        bag(req).passport = { user: "gone" };
        bag(req).cart = 1;
        bag(req).save((error) => (error ? next(error) : res.end()));
      });
    });
    await visitor.visit("/become");
    expect(await seen(visitor)).toEqual({ user: null, userId: null, keys: { cart: 1 } });
    expect(await seen(visitor)).toMatchObject({ userId: null, keys: { cart: 1 } });
  });
});

describe("connect-flash", () => {
  test("shows each message once, also beside a login that failed", async () => {
    const { visitor, took } = await site((app, passport) => {
      app.get("/flash", (req, res) => void res.json(req.flash("error")));
      app.get("/say", (req, res) => void res.end(String(req.flash("error", "said"))));
      app.get("/fail", passport.authenticate("local", { failureRedirect: "/", failureFlash: true }));
    });
    await visitor.visit("/say");
    await visitor.visit("/fail?username=ada&password=wrong");
    expect((await visitor.visit("/flash")).body).toBe('["said","Wrong name or password"]');
    took();
    expect((await visitor.visit("/flash")).body).toBe("[]");
    expect(took()).toEqual(["read"]);
  });
});

/** A provider's token endpoint; it answers the first code of each redirect. */
async function provider(answer: () => object): Promise<string> {
  const server = createServer(async (request, response) => {
    const sent = new URLSearchParams(await text(request));
    response.setHeader("Content-Type", "application/json");
    const isRight = sent.get("code") === "the code";
    response
      .writeHead(isRight ? 200 : 400)
      .end(JSON.stringify(isRight ? answer() : { error: "invalid_grant" }));
  });
  return `http://127.0.0.1:${await portOf(server)}`;
}

test("passport-oauth2 finds its state again, signs in, and takes no state twice", async () => {
  const at = await provider(() => ({ access_token: "token", token_type: "Bearer" }));
  const { visitor } = await site((app, passport) => {
    const endpoints = {
      authorizationURL: `${at}/authorize`,
      tokenURL: `${at}/token`,
      callbackURL: "/callback",
    };
    passport.use(
      new OAuth2Strategy(
        { ...endpoints, clientID: "client", clientSecret: "secret", state: true, pkce: true },
        ((_token: string, _refresh: string, _profile: unknown, done: (error: null, user: unknown) => void) =>
          done(null, users[0])) as never,
      ),
    );
    app.get("/start", passport.authenticate("oauth2"));
    app.get(
      "/callback",
      passport.authenticate("oauth2", { successRedirect: "/", failureRedirect: "/failed" }),
    );
  });
  const { location } = (await visitor.visit("/start")).headers;
  const state = new URL(location as string).searchParams.get("state");
  const callback = `/callback?code=the%20code&state=${encodeURIComponent(String(state))}`;
  expect((await visitor.visit(callback)).headers.location).toBe("/");
  expect(await seen(visitor)).toMatchObject({ user: users[0], keys: { passport: { user: 7 } } });
  expect((await visitor.visit(callback)).headers.location).toBe("/failed");
});

test("passport-openidconnect stores its Date, and finds nonce and age again", async () => {
  let nonce = "";
  const now = () => Math.floor(Date.now() / 1000);
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const at = await provider(() => {
    const claims = {
      iss: "https://issuer",
      aud: "client",
      sub: "ada",
      exp: now() + 60,
      iat: now(),
      auth_time: now(),
      nonce,
    };
    return {
      access_token: "token",
      token_type: "Bearer",
      id_token: `${encode({ alg: "none" })}.${encode(claims)}.x`,
    };
  });
  const { visitor, errors } = await site((app, passport) => {
    const endpoints = {
      authorizationURL: `${at}/authorize`,
      tokenURL: `${at}/token`,
      userInfoURL: `${at}/user`,
      callbackURL: "/callback",
    };
    passport.use(
      new OpenIDConnectStrategy(
        {
          ...endpoints,
          issuer: "https://issuer",
          clientID: "client",
          clientSecret: "secret",
          nonce: "yes",
          maxAge: 3600,
        } as never,
        ((_issuer: string, _profile: unknown, done: (error: null, user: unknown) => void) =>
          done(null, users[1])) as never,
      ),
    );
    app.get("/start", passport.authenticate("openidconnect"));
    app.get(
      "/callback",
      passport.authenticate("openidconnect", { successRedirect: "/", failureRedirect: "/failed" }),
    );
  });
  const { location } = (await visitor.visit("/start")).headers;
  expect(errors).toEqual([]);
  const asked = new URL(location as string).searchParams;
  nonce = String(asked.get("nonce"));
  const { state } = (await seen(visitor)).keys["openidconnect:127.0.0.1"];
  expect(state).toMatchObject({ nonce, issued: expect.stringMatching(/^\d{4}-.*Z$/) });
  const callback = await visitor.visit(
    `/callback?code=the%20code&state=${encodeURIComponent(String(asked.get("state")))}`,
  );
  expect([errors, callback.headers.location]).toEqual([[], "/"]);
  expect((await seen(visitor)).user).toEqual(users[1]);
});

describe("req.session under passportSession", () => {
  /** Runs a handler in a request of a new site, and gives what it returned. */
  async function within<T>(run: (req: Request, view: Habits) => T | Promise<T>): Promise<T> {
    let result: T | undefined;
    const { visitor, errors } = await site((app) => {
      app.get("/run", async (req, res) => {
        result = await run(req, bag(req));
        res.end();
      });
    });
    await visitor.visit("/run");
    if (errors.length > 0) throw errors[0];
    return result as T;
  }

  test("keeps its methods, and every other name is a key", async () => {
    await within((req, view) => {
      req.session.set("a", 1).set("b", { c: 2 });
      view.d = [3];
      expect([view.a, view.b, req.session.get("d"), "d" in view, "e" in view]).toEqual([
        1,
        { c: 2 },
        [3],
        true,
        false,
      ]);
      expect(Object.keys(view)).toEqual(["a", "b", "d"]);
      expect(JSON.stringify(view)).toBe('{"a":1,"b":{"c":2},"d":[3]}');
      expect({ ...view }).toEqual({ a: 1, b: { c: 2 }, d: [3] });
      delete view.a;
      view.b = undefined;
      expect(req.session.toObject()).toEqual({ d: [3] });
      expect(util.inspect(view)).toContain("data: { d: [ 3 ] }");
      expect(() => Object.assign(view, { key: "x" })).toThrow("req.session.key is a member of the session");
      expect(() => Object.assign(view, { passport: { other: 1 } })).toThrow("holds only the user");
    });
  });

  test("regenerate leaves the old object readable, and puts a new one in its place", async () => {
    await within((req, view) => {
      view.cart = { apples: 1 };
      view.regenerate((error) => {
        expect(error).toBeUndefined();
        expect(view).toMatchObject({ cart: { apples: 1 } });
        expect(bag(req)).not.toBe(view);
        expect(Object.keys(bag(req))).toEqual([]);
        view.late = 1;
        expect(req.session.has("late")).toBe(false);
      });
    });
  });

  test("a Date is stored as text; elsewhere it is refused as ever", async () => {
    const at = new Date(0);
    await within(async (req, view) => {
      view.at = at;
      view.nested = { at: [at] };
      expect(await req.session.save()).toBe(true);
      await req.session.load();
      expect(req.session.get("at")).toEqual(at);
      expect(() => Object.assign(view, { bad: new Date(Number.NaN) })).toThrow("bad is a Date");
      expect(() => Object.assign(view, { bad: new Map() })).toThrow("bad is a Map");
    });
    const plain = await createSessions({ store: memoryStore() }).open(null, { secure: false });
    expect(() => plain.set("at", at)).toThrow("at is a Date");
  });

  test("an error that a callback throws reaches the error handler", async () => {
    const { visitor, errors } = await site((app) => {
      app.get("/save", (req) =>
        bag(req).save(() => {
          throw new Error("in the callback");
        }),
      );
    });
    expect((await visitor.visit("/save")).status).toBe(500);
    expect(errors).toMatchObject([{ message: "in the callback" }]);
  });

  test("a session() further in shows its own session", async () => {
    const inner = session({ store: memoryStore(), cookie: { name: "inner" } });
    const { visitor } = await site((app) => {
      app.use(
        "/inner",
        inner,
        (req, res) => void res.json([req.session.has("cart"), req.session.get("returnTo", null)]),
      );
    });
    await visitor.visit("/set?cart=1");
    expect((await visitor.visit("/inner")).body).toBe("[false,null]");
  });

  test("mounted in the wrong place it says so", async () => {
    const app = express();
    app.use(passportSession());
    app.use(((error, _req, res, _next) => void res.send(String(error))) satisfies ErrorRequestHandler);
    const visitor = new Visitor(await listen(app));
    expect((await visitor.visit()).body).toMatch(
      /TypeError: passportSession\(\) found no session.*Mount it after session\(\)/,
    );
  });
});
