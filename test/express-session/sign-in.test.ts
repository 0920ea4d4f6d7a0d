/** Packages that sign a visitor in by OAuth or OpenID Connect, on the drop-in; their provider runs on this machine. */
import { createServer } from "node:http";
import { memoryStore } from "coatcheck";
import session, { MemoryStore, migratingStore } from "coatcheck/express-session";
import { beforeAll, describe, expect, test } from "vitest";
import { listen, portOf } from "../instruments/loopback.ts";
import { Visitor } from "../instruments/visitor.ts";
import { installed } from "../runtimes/install.ts";
import { type Any, load } from "./application.ts";
import { provider, sentBackFrom } from "./provider.ts";

const quiet = { secret: "keyboard cat", resave: false, saveUninitialized: false };

beforeAll(() => installed(new URL(".", import.meta.url)), 300_000);

/** Goes from a page to the provider and back; resolves to the answer at the callback. */
async function signIn(visitor: Visitor, page: string) {
  const { headers } = await visitor.visit(page);
  return visitor.visit(await sentBackFrom(headers.location as string));
}

const stores: Record<string, () => Any> = {
  "the default store": () => undefined,
  "memoryStore of coatcheck": memoryStore,
};

describe.each(Object.entries(stores))("over %s", (_name, makeStore) => {
  /** An application with a strategy of passport; `seen` shows the user, and the keys of the session. */
  async function withStrategy(make: (issuer: string) => Any, name: string): Promise<Visitor> {
    const passport = new (load("passport").Passport)();
    passport.use(make(await provider()));
    passport.serializeUser((user: Any, done: Any) => done(null, user.id));
    passport.deserializeUser((id: string, done: Any) => done(null, { id }));
    const app = load("express")();
    app.use(session({ ...quiet, store: makeStore() }), passport.initialize(), passport.session());
    app.get("/", (req: Any, res: Any) => res.json([req.user?.id ?? null, Object.keys(req.session).sort()]));
    app.get("/login", passport.authenticate(name));
    app.get("/callback", passport.authenticate(name, { successRedirect: "/", failureRedirect: "/failed" }));
    return new Visitor(await listen(app));
  }

  const endpoints = (issuer: string) => ({
    authorizationURL: `${issuer}/authorize`,
    tokenURL: `${issuer}/token`,
    userInfoURL: `${issuer}/userinfo`,
    callbackURL: "/callback",
    clientID: "client",
    clientSecret: "secret",
  });

  async function isSignedInOnce(visitor: Visitor): Promise<void> {
    const { headers } = await visitor.visit("/login");
    const callback = await sentBackFrom(headers.location as string);
    expect((await visitor.visit(callback)).headers.location).toBe("/");
    expect(JSON.parse((await visitor.visit("/")).body)).toEqual(["ada", ["cookie", "passport"]]);
    expect((await visitor.visit(callback)).headers.location).toBe("/failed");
  }

  test("passport-oauth2 finds its state again, signs in, and takes no state twice", async () => {
    const Strategy = load("passport-oauth2");
    const make = (issuer: string) =>
      new Strategy(
        { ...endpoints(issuer), state: true, pkce: true },
        (_access: Any, _refresh: Any, _profile: Any, done: Any) => done(null, { id: "ada" }),
      );
    await isSignedInOnce(await withStrategy(make, "oauth2"));
  });

  test("passport-openidconnect finds its nonce and its Date again, signs in, and takes no state twice", async () => {
    const Strategy = load("passport-openidconnect");
    const make = (issuer: string) =>
      new Strategy(
        { ...endpoints(issuer), issuer, nonce: true, maxAge: 3600, skipUserProfile: true },
        (_issuer: Any, profile: Any, done: Any) => done(null, { id: profile.id }),
      );
    await isSignedInOnce(await withStrategy(make, "openidconnect"));
  });

  test("grant keeps its state in the session between the redirects, and its answer for the callback", async () => {
    const issuer = await provider();
    const app = load("express")();
    const server = createServer(app);
    const port = await portOf(server);
    const grant = load("grant").express({
      defaults: {
        origin: `http://127.0.0.1:${port}`,
        transport: "session",
        state: true,
        nonce: true,
        pkce: true,
      },
      local: {
        authorize_url: `${issuer}/authorize`,
        access_url: `${issuer}/token`,
        oauth: 2,
        key: "client",
        secret: "secret",
        scope: ["openid"],
        callback: "/hello",
        response: ["tokens"],
      },
    });
    app.use(session({ ...quiet, store: makeStore() }), grant);
    app.get("/hello", (req: Any, res: Any) => res.json(req.session.grant.response ?? null));
    const visitor = new Visitor(port);
    const { headers } = await signIn(visitor, "/connect/local");
    expect(headers.location).toBe("/hello");
    expect(JSON.parse((await visitor.visit("/hello")).body)).toMatchObject({ access_token: "token" });
    const other = new Visitor(port);
    await other.visit("/connect/local/callback?code=code0&state=planted");
    expect((await other.visit("/hello")).body).not.toContain("access_token");
  });
});

const ofOurs: Record<string, () => Any> = {
  "MemoryStore of the drop-in": () => new MemoryStore(),
  "a store of coatcheck, by migratingStore": () =>
    migratingStore({ from: new MemoryStore(), to: memoryStore() }),
};

test.each(Object.entries(ofOurs))(
  "express-openid-connect keeps its sessions in %s",
  async (_name, makeStore) => {
    const issuer = await provider();
    const { auth, requiresAuth } = load("express-openid-connect");
    const app = load("express")();
    const port = await portOf(createServer(app));
    const store = makeStore();
    app.use(
      auth({
        issuerBaseURL: issuer,
        baseURL: `http://127.0.0.1:${port}`,
        clientID: "client",
        clientSecret: "secret",
        secret: "a secret of thirty-two letters at least",
        authRequired: false,
        idpLogout: false,
        authorizationParams: { response_type: "code", response_mode: "query", scope: "openid" },
        session: { store },
      }),
    );
    app.get("/", (req: Any, res: Any) => res.json(req.oidc.user?.sub ?? null));
    app.get("/private", requiresAuth(), (req: Any, res: Any) => res.json(req.oidc.idTokenClaims.sub));
    app.use((error: Error, _req: Any, res: Any, _next: Any) => res.status(500).send(error.stack));
    const visitor = new Visitor(port);
    expect((await visitor.visit("/")).body).toBe("null");
    expect((await signIn(visitor, "/private")).headers.location).toBe("/private");
    expect((await visitor.visit("/private")).body).toBe('"ada"');
    expect((await visitor.visit("/")).body).toBe('"ada"');
    const known = visitor.cookie;
    await visitor.visit("/logout");
    visitor.cookie = known;
    expect((await visitor.visit("/")).body).toBe("null");
  },
);
