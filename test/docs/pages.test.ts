/** The programs that the pages of docs/ show: they compile, and do what the page says. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createSessions, memoryStore } from "coatcheck";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { heldStore } from "../instruments/held-store.ts";
import { Visitor } from "../instruments/visitor.ts";
import { installed } from "../runtimes/install.ts";
import { compiled } from "./compiled.ts";
import { type Files, filesOf, write } from "./page-files.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
beforeAll(() => installed(new URL(".", import.meta.url)), 300_000);

const pages = [
  "../README.md",
  "start.md",
  "signing-in.md",
  "forms.md",
  "races.md",
  "production.md",
  "privacy.md",
  "adapter.md",
  "moving.md",
];

/** What the pages leave to the reader: the old store, and the types of packages that bring none. */
const left = new Map([
  [
    "old-store.ts",
    `type Done = (error: unknown, found?: unknown) => void;
const kept = new Map<string, string>();
export const oldStore = {
  get: (id: string, done: Done) => done(null, kept.has(id) ? JSON.parse(kept.get(id) as string) : null),
  set: (id: string, session: unknown, done: Done) => done(void kept.set(id, JSON.stringify(session))),
  destroy: (id: string, done: Done) => done(void kept.delete(id)),
};
`,
  ],
  [
    "packages.d.ts",
    `declare module "cookie-session" {
  export default function cookieSession(options: { name: string; keys: string[] }): import("express").RequestHandler;
}
`,
  ],
]);

/** Writes the files of a page until the test has ended, and makes their folder the present one. */
function written(page: string, change = (code: string) => code): string {
  const files: [string, string][] = [...filesOf(page)].map(([name, code]) => [name, change(code)]);
  const folder = write(new Map([...left, ...files]));
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** Has every server listen on a free port of this machine; resolves to the port of the first. */
function listening(): Promise<number> {
  const { listen } = Server.prototype;
  return new Promise((resolve) => {
    const spy = vi.spyOn(Server.prototype, "listen").mockImplementation(function (this: Server, ...given) {
      const done = given.find((one) => typeof one === "function");
      onTestFinished(() => void this.close());
      this.once("listening", () => resolve((this.address() as AddressInfo).port));
      return Reflect.apply(listen, this, [0, "127.0.0.1", done]);
    });
    onTestFinished(() => spy.mockRestore());
  });
}

/** Imports a program of a page; resolves to a visitor of it. */
async function visitorOf(page: string, file: string, change?: (code: string) => string) {
  const folder = written(page, change);
  const port = listening();
  await import(join(folder, file));
  const address = await port;
  return { folder, port: address, visitor: new Visitor(address), another: () => new Visitor(address) };
}

/** A program of a page whose store a test holds; `atOnce` lets requests go on when each of them has read the session. */
async function heldVisitorOf(page: string, file: string) {
  const { store, hold } = heldStore(memoryStore());
  Object.assign(globalThis, { storeOfPages: store });
  const site = await visitorOf(page, file, (code) =>
    code.replace("session()", "session({ store: (globalThis as any).storeOfPages })"),
  );
  const atOnce = async <Answer>(count: number, begin: (index: number) => Promise<Answer>) => {
    const reads = Array.from({ length: count }, () => hold("read", "after"));
    const answers = reads.map((_, index) => begin(index));
    await Promise.all(reads.map(({ arrived }) => arrived));
    for (const { release } of reads) release();
    return Promise.all(answers);
  };
  return { ...site, atOnce };
}

/** Runs a program of a page as a process of its own. */
async function started(page: string, file: string) {
  const folder = written(page);
  const imports = ["runner/from-source.ts", "runner/tell-port.ts"].flatMap((one) => [
    "--import",
    join(root, "test", one),
  ]);
  // The page's port may be taken.
  const path = join(folder, file);
  writeFileSync(path, readFileSync(path, "utf8").replace("listen(8000", "listen(0"));
  const child = fork(path, { cwd: folder, execArgv: imports, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const exit = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  const [port] = (await once(child, "message")) as [number];
  return { visitor: new Visitor(port), child, exit };
}

/** Sends a form. */
function send(visitor: Visitor, path: string, fields: Record<string, string | undefined> = {}, headers = {}) {
  const filled = Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const type = { "Content-Type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(filled).toString();
  return visitor.visit(path, { method: "POST", headers: { ...type, ...headers }, body });
}

test("they compile", { timeout: 120_000 }, () => {
  const files = pages.flatMap((page) =>
    [...filesOf(page)].map(([name, code]) => [`${page.replace("../", "")}-${name}`, code] as const),
  );
  const folder = write(
    new Map(
      [...left, ...files].map(([name, code]) => [name, code.replace("./users", "./signing-in.md-users")]),
    ),
  );
  onTestFinished(() => rmSync(folder, { recursive: true }));
  expect(compiled(folder)).toEqual(["", 0]);
});

test("README: the program counts the visits of a visitor", async () => {
  const { visitor } = await visitorOf("../README.md", "server.ts");
  expect((await visitor.visit()).body).toBe("You have visited this page 1 time(s).");
  expect((await visitor.visit()).body).toBe("You have visited this page 2 time(s).");
});

describe("Start", () => {
  const files = [...filesOf("start.md").keys()];

  test.each(files.filter((file) => file.endsWith(".ts")))(
    "%s counts the visits of a visitor",
    async (file) => {
      const { visitor, another } = await visitorOf("start.md", file);
      expect((await visitor.visit()).body).toBe("Visit 1");
      expect((await visitor.visit()).body).toBe("Visit 2");
      expect((await another().visit()).body).toBe("Visit 1");
    },
  );

  test.each(files.filter((file) => !file.endsWith(".ts")))(
    "%s counts the visits of a visitor",
    async (file) => {
      const { visitor } = await started("start.md", file);
      expect((await visitor.visit()).body).toBe("Visit 1");
      expect((await visitor.visit()).body).toBe("Visit 2");
    },
  );

  test("there is a program for every framework", () => {
    expect(files).toHaveLength(7);
  });
});

describe("Signing in", () => {
  const right = { name: "ann", password: "correct horse" };

  async function site() {
    const { visitor, another } = await visitorOf("signing-in.md", "app.ts");
    return {
      visitor,
      another,
      post: (path: string, fields = {}, by = visitor) => send(by, path, fields),
    };
  }

  test("a wrong password signs nobody in, a right one does, and a logout ends it", async () => {
    const { visitor, post } = await site();
    expect((await post("/login", { name: "ann", password: "" })).status).toBe(401);
    expect((await post("/login")).status).toBe(401);
    expect((await visitor.visit("/account")).status).toBe(303);
    expect((await post("/login", right)).status).toBe(303);
    expect((await visitor.visit("/account")).body).toBe("You are user 7.");
    await post("/logout");
    expect((await visitor.visit("/account")).status).toBe(303);
  });

  test("the cookie of a visitor who is to be remembered lasts thirty days, any other until the browser closes", async () => {
    const { post, another } = await site();
    const [remembered] = (await post("/login", { ...right, remember: "yes" })).setCookie;
    expect(remembered).toContain("Max-Age=2592000");
    const [forgotten] = (await post("/login", right, another())).setCookie;
    expect(forgotten).not.toMatch(/Max-Age|Expires/);
  });

  test("the list of devices shows them, ends one, and ends the others", async () => {
    const { visitor, another, post } = await site();
    const [second, third] = [another(), another()];
    for (const one of [visitor, second, third]) await post("/login", right, one);
    const list = async () => JSON.parse((await visitor.visit("/account/devices")).body);
    const devices = await list();
    expect(devices).toHaveLength(3);
    expect(devices.filter(({ isThis }: { isThis: boolean }) => isThis)).toHaveLength(1);
    const { handle } = devices.find(({ isThis }: { isThis: boolean }) => !isThis);
    await post("/account/devices/end", { handle });
    expect(await list()).toHaveLength(2);
    await post("/account/devices/end-others");
    expect(await list()).toHaveLength(1);
    expect((await second.visit("/account")).status).toBe(303);
    expect((await third.visit("/account")).status).toBe(303);
    expect((await visitor.visit("/account")).status).toBe(200);
  });

  test("two tabs sign in by OpenID Connect at once, and each attempt is good for one use", async () => {
    const issuer = await provider();
    Object.assign(process.env, {
      ISSUER: issuer,
      CLIENT_ID: "coats",
      CLIENT_SECRET: "hooks",
      SITE: "http://site",
    });
    // openid-client speaks plain http only where it is told to.
    const { visitor } = await visitorOf("signing-in.md", "oidc.ts", (code) =>
      code.replace("CLIENT_SECRET)", "CLIENT_SECRET, undefined, { execute: [oidc.allowInsecureRequests] })"),
    );
    const begin = async () => {
      const { headers } = await send(visitor, "/login");
      const back = await fetch(headers.location as string, { redirect: "manual" });
      return (back.headers.get("location") as string).replace("http://site", "");
    };
    const [first, second] = [await begin(), await begin()];
    expect((await visitor.visit(first)).status).toBe(303);
    expect((await visitor.visit()).body).toBe("You are ann.");
    expect((await visitor.visit(second)).status).toBe(303);
    expect((await visitor.visit(second)).status).toBe(400);
    expect((await visitor.visit("/login/done?code=1&state=forged")).status).toBe(400);
  });
});

/** A provider of OpenID Connect, which signs ann in without a question; resolves to its address. */
async function provider(): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const key = { ...(await exportJWK(publicKey)), kid: "1", alg: "RS256", use: "sig" };
  const server = createServer(async (req, res) => {
    const url = new URL(req.url as string, issuer);
    const json = (value: unknown) =>
      res.setHeader("Content-Type", "application/json").end(JSON.stringify(value));
    if (url.pathname === "/.well-known/openid-configuration")
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
        code_challenge_methods_supported: ["S256"],
      });
    if (url.pathname === "/keys") return json({ keys: [key] });
    if (url.pathname === "/authorize") {
      const back = new URL(url.searchParams.get("redirect_uri") as string);
      back.search = new URLSearchParams({
        code: "1",
        state: url.searchParams.get("state") as string,
      }).toString();
      return res.writeHead(302, { Location: back.href }).end();
    }
    await text(req);
    const idToken = await new SignJWT({})
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .setIssuer(issuer)
      .setAudience("coats")
      .setSubject("ann")
      .setIssuedAt()
      .setExpirationTime("1m")
      .sign(privateKey);
    json({ access_token: "a", token_type: "bearer", id_token: idToken });
  });
  let issuer = "";
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return issuer;
}

describe("Forms", () => {
  const site = () => visitorOf("forms.md", "app.ts");

  test("a message is shown on the next page and on no other", async () => {
    const { visitor } = await site();
    await send(visitor, "/books");
    expect((await visitor.visit("/books")).body).toContain("The book was saved.");
    expect((await visitor.visit("/books")).body).not.toContain("saved");
  });

  test("a form of another origin is refused by what the browser says of it", async () => {
    const { port, visitor } = await site();
    const statusWith = async (headers: Record<string, string>) =>
      (await send(visitor, "/name", { name: "Ada" }, headers)).status;
    expect(await statusWith({ "Sec-Fetch-Site": "cross-site" })).toBe(403);
    expect(await statusWith({ "Sec-Fetch-Site": "same-site" })).toBe(403);
    expect(await statusWith({ Origin: "https://evil.example" })).toBe(403);
    expect(await statusWith({ Origin: "null" })).toBe(403);
    expect(await statusWith({ "Sec-Fetch-Site": "same-origin" })).toBe(303);
    expect(await statusWith({ Origin: `http://127.0.0.1:${port}` })).toBe(303);
    expect(await statusWith({})).toBe(303);
  });

  test("a form needs the token, and tabs that ask for the first at once get the same", async () => {
    const { visitor, another, atOnce } = await heldVisitorOf("forms.md", "app.ts");
    await send(visitor, "/books");
    const shown = await atOnce(5, () => visitor.visit("/transfer"));
    const tokens = new Set(shown.map(({ body }) => /value="([^"]{43})"/.exec(body)?.[1]));
    expect(tokens.size).toBe(1);
    const [csrf] = tokens;
    expect((await send(visitor, "/transfer")).status).toBe(403);
    expect((await send(visitor, "/transfer", { csrf: "x".repeat(43) })).status).toBe(403);
    expect((await send(visitor, "/transfer", { csrf })).status).toBe(200);
    expect((await send(another(), "/transfer", { csrf: "" })).status).toBe(403);
  });

  test("of a form that is sent several times at once, one is an order", async () => {
    const { visitor, atOnce } = await heldVisitorOf("forms.md", "app.ts");
    const numberOfForm = async () => /value="([^"]+)"/.exec((await visitor.visit("/order")).body)?.[1];
    const form = await numberOfForm();
    const answers = await atOnce(5, () => send(visitor, "/order", { form }));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    expect((await send(visitor, "/order", { form })).status).toBe(409);
    expect((await send(visitor, "/order", { form: await numberOfForm() })).body).toBe("Order 2");
  });
});

test("Races: the requests of one browser lose nothing", async () => {
  const { visitor, atOnce } = await heldVisitorOf("races.md", "app.ts");
  await send(visitor, "/cart/0");
  await atOnce(21, (index) => send(visitor, index === 20 ? "/theme/dark" : `/cart/${index + 1}`));
  const { cart, theme } = JSON.parse((await visitor.visit()).body);
  expect(cart.map(Number).sort((a: number, b: number) => a - b)).toEqual(
    Array.from({ length: 21 }, (_, n) => n),
  );
  expect(theme).toBe("dark");
});

describe("In production", () => {
  test("behind a proxy that says https, the cookie is Secure; a request that came by http gets the plain one", async () => {
    const { visitor, another } = await visitorOf("production.md", "app.ts");
    const { body, setCookie } = await visitor.visit("/", { headers: { "X-Forwarded-Proto": "https" } });
    expect(body).toBe("Visit 1, over https");
    expect(setCookie[0]).toMatch(/^__Host-sessionid=.*; Secure; HttpOnly; SameSite=Lax$/);
    expect((await another().visit()).setCookie[0]).toMatch(/^sessionid=/);
  });

  test("a cookie for all sub-domains carries the domain", async () => {
    const { visitor } = await visitorOf("production.md", "shared.ts");
    const { setCookie } = await visitor.visit("/", { headers: { "X-Forwarded-Proto": "https" } });
    expect(setCookie[0]).toMatch(/^__Secure-sessionid=.*; Domain=example\.com;.*Secure/);
  });

  test("a server that is told to end closes its sessions and ends", async () => {
    const { visitor, child, exit } = await started("production.md", "orderly.ts");
    expect((await visitor.visit()).body).toBe("Visit 1");
    child.disconnect();
    child.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
  });
});

test("Privacy: the data of a user is told and erased", async () => {
  const folder = written("privacy.md");
  const { sessions, dataOf, erase } = await import(join(folder, "app.ts"));
  const session = await sessions.open(null, { secure: true });
  session.login(7);
  session.set("cart", ["coat"]);
  await sessions.commit(session, { status: 200 });
  expect(await dataOf(7)).toMatchObject([{ data: { cart: ["coat"] } }]);
  expect(await erase(7)).toBe(1);
  expect(await dataOf(7)).toEqual([]);
});

test("Write an adapter: the answer carries the session's headers once each", async () => {
  const folder = written("adapter.md");
  const { withSession } = await import(join(folder, "tiny.ts"));
  const serve = withSession(
    createSessions({ store: memoryStore() }),
    async (_call: unknown, session: never) => {
      const visits = (session as import("coatcheck").Session).update("visits", (n = 0) => n + 1);
      return { status: 200, headers: [["cache-control", "public"]], body: `Visit ${visits}` };
    },
  );
  const first = await serve({ cookie: undefined, isHttps: true });
  const headers = new Map<string, string>(first.headers);
  expect([...headers.keys()].sort()).toEqual(["Cache-Control", "Set-Cookie", "Vary"]);
  const cookie = headers.get("Set-Cookie")?.split(";")[0];
  expect((await serve({ cookie, isHttps: true })).body).toBe("Visit 2");
});

describe("Moving: a visitor who signed in with the old package is signed in with the new one", () => {
  process.env.SESSION_SECRET = "a secret of the tests, and of nothing else";

  const old: Record<string, string> = {
    "from-iron-session.ts": `import express from "express";
      import { getIronSession } from "iron-session";
      const app = express();
      app.get("/", async (req, res) => {
        const session = await getIronSession(req, res, { password: process.env.SESSION_SECRET, cookieName: "old" });
        Object.assign(session, { user: 7, cart: ["coat"] });
        await session.save();
        res.end();
      });
      app.listen(8000);`,
    "from-cookie-session.ts": `import cookieSession from "cookie-session";
      import express from "express";
      const app = express();
      app.use(cookieSession({ name: "old", keys: [process.env.SESSION_SECRET] }));
      app.get("/", (req, res) => {
        Object.assign(req.session, { user: 7, cart: ["coat"] });
        res.end();
      });
      app.listen(8000);`,
    "from-fastify-session.ts": `import cookie from "@fastify/cookie";
      import session from "@fastify/session";
      import Fastify from "fastify";
      import { oldStore } from "./old-store.ts";
      const app = Fastify();
      app.register(cookie);
      app.register(session, { secret: process.env.SESSION_SECRET, store: oldStore, cookie: { secure: false } });
      app.get("/", async (request) => {
        Object.assign(request.session, { user: 7, cart: ["coat"] });
        return "";
      });
      await app.listen({ port: 8000 });`,
    "from-koa-session.ts": `import Koa from "koa";
      import session from "koa-session";
      const app = new Koa();
      app.keys = [process.env.SESSION_SECRET];
      app.use((session.default ?? session.createSession ?? session)(app));
      app.use((ctx) => {
        Object.assign(ctx.session, { user: 7, cart: ["coat"] });
        ctx.body = "";
      });
      app.listen(8000);`,
  };

  const files: Files = filesOf("moving.md");

  test("every program of the page is tried", () => {
    expect(Object.keys(old)).toEqual([...files.keys()]);
  });

  test.each([...files.keys()])("%s", async (file) => {
    const folder = written("moving.md");
    writeFileSync(join(folder, "old.ts"), old[file] as string);
    const oldPort = listening();
    await import(join(folder, "old.ts"));
    const before = new Visitor(await oldPort);
    await before.visit();
    const oldCookie = before.cookie as string;
    vi.restoreAllMocks();

    const newPort = listening();
    await import(join(folder, file));
    const visitor = new Visitor(await newPort);
    visitor.cookie = oldCookie;
    const seen = [JSON.parse((await visitor.visit()).body)];
    expect(visitor.cookie).not.toContain(oldCookie.split("; ")[0]); // It is removed.
    seen.push(JSON.parse((await visitor.visit()).body));
    expect(seen).toEqual(Array(2).fill({ user: "7", cart: ["coat"] }));
    visitor.cookie = "old=x; koa.sess=x; sessionId=x";
    expect(JSON.parse((await visitor.visit()).body)).toEqual({ user: null, cart: [] });
  });
});
