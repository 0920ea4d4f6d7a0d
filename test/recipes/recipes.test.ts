/**
 * The recipes of docs/recipes.md, taken from there. React Router and ws are the real ones; the hooks of SvelteKit, Next.js
 * and Astro, whose servers need a build, are called as those document it, with real requests.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Session, Sessions } from "coatcheck";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { Visitor } from "../frameworks/visitor.ts";
import { installed } from "../runtimes/install.ts";

const here = new URL(".", import.meta.url);
await installed(here);

const folder = mkdtempSync(join(tmpdir(), "coatcheck-recipes-"));
writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
symlinkSync(fileURLToPath(new URL("node_modules", here)), join(folder, "node_modules"));

const recipes = readFileSync(new URL("../../docs/recipes.md", here), "utf8");
for (const [, file = "", code = ""] of recipes.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(
    join(folder, file),
    code.replace('"sessions.sqlite3"', JSON.stringify(join(folder, "sessions.sqlite3"))),
  );
}

const recipe = <Module>(file: string): Promise<Module> => import(join(folder, file));

afterAll(async () => {
  await (await recipe<{ sessions: Sessions }>("sessions.ts")).sessions.close();
  rmSync(folder, { recursive: true });
});

/** What SvelteKit and Astro say of their hooks, as far as the recipes use it. */
const frameworks = `
declare module "@sveltejs/kit" {
  interface Event { request: Request; locals: { session: import("coatcheck").Session } }
  export type Handle = (input: { event: Event; resolve(event: Event): Promise<Response> }) => Promise<Response>;
}
declare module "astro" {
  interface Context { request: Request; locals: { session: import("coatcheck").Session } }
  export type MiddlewareHandler = (context: Context, next: () => Promise<Response>) => Promise<Response>;
}
`;

test("each recipe compiles", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const compilerOptions = { noEmit: true, typeRoots: [join(root, "node_modules/@types")] };
  const include = ["**/*.ts", "frameworks.d.ts"];
  writeFileSync(join(folder, "frameworks.d.ts"), frameworks);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include, exclude: [] }),
  );
  const tsc = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" });
  expect([tsc.stdout, tsc.status]).toEqual(["", 0]);
});

/** A browser with a cookie, at a site that answers requests. */
function browserOf(serve: (request: Request) => Response | Promise<Response>) {
  let cookie = "";
  return async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await serve(new Request(`http://localhost${path}`, { ...init, headers: { cookie } }));
    for (const line of response.headers.getSetCookie())
      cookie = line.includes("Max-Age=0;") ? "" : (line.split(";")[0] as string);
    return response;
  };
}

test("React Router: loaders count, an action's login is there after the redirect", async () => {
  const load = createRequire(new URL("package.json", here));
  const { createRequestHandler } = load("react-router");
  // What `react-router build` makes of a site with one route, and no page to render.
  const root = { id: "root", path: "", module: await recipe<object>("app/root.ts") };
  const handle = createRequestHandler({
    entry: { module: { default: () => new Response("no page") } },
    routes: { root },
    assets: { entry: { module: "", imports: [] }, routes: {}, url: "", version: "" },
    future: { v8_middleware: true },
    publicPath: "/",
    assetsBuildDirectory: "",
    ssr: true,
    isSpaMode: false,
    prerender: [],
    routeDiscovery: { mode: "initial", manifestPath: "/" },
  });
  const visit = browserOf((request) => handle(request));
  expect(await (await visit("/")).json()).toEqual({ user: null, visits: 1 });
  expect(await (await visit("/")).json()).toEqual({ user: null, visits: 2 });
  const { status, headers } = await visit("/", { method: "POST" });
  expect([status, headers.get("location")]).toEqual([302, "/"]);
  expect(await (await visit("/")).json()).toEqual({ user: "ann", visits: 3 });
});

const count = (session: Session) => new Response(String(session.update("visits", (n = 0) => n + 1)));

test("SvelteKit: the hook puts the session into locals, and stores it when the page is there", async () => {
  interface Event {
    request: Request;
    locals: { session?: Session };
  }
  type Handle = (input: { event: Event; resolve(event: Event): Promise<Response> }) => Promise<Response>;
  const { handle } = await recipe<{ handle: Handle }>("src/hooks.server.ts");
  const resolve = async ({ locals }: Event) => count(locals.session as Session);
  const visit = browserOf((request) => handle({ event: { request, locals: {} }, resolve }));
  expect(await (await visit("/")).text()).toBe("1");
  expect(await (await visit("/")).text()).toBe("2");
});

test("Next.js: a route handler gets the session and, after it, what Next gives", async () => {
  type Get = (request: Request, context: { params: Promise<{ page: string }> }) => Promise<Response>;
  const { GET } = await recipe<{ GET: Get }>("app/visits/[page]/route.ts");
  const visit = browserOf((request) => GET(request, { params: Promise.resolve({ page: "home" }) }));
  expect(await (await visit("/visits/home")).json()).toEqual({ page: "home", visits: 1 });
  expect(await (await visit("/visits/home")).json()).toEqual({ page: "home", visits: 2 });
});

test("Astro: the middleware puts the session into locals, and stores it when the page is there", async () => {
  interface Context {
    request: Request;
    locals: { session?: Session };
  }
  type OnRequest = (context: Context, next: () => Promise<Response>) => Promise<Response>;
  const { onRequest } = await recipe<{ onRequest: OnRequest }>("src/middleware.ts");
  const visit = browserOf((request) => {
    const locals: Context["locals"] = {};
    return onRequest({ request, locals }, async () => count(locals.session as Session));
  });
  expect(await (await visit("/")).text()).toBe("1");
  expect(await (await visit("/")).text()).toBe("2");
});

describe("a WebSocket", () => {
  /** Resolves to the status of the answer to an upgrade, or to the open socket. */
  async function dial(port: number, visitor: Visitor, origin: string): Promise<number | WebSocketOfWs> {
    const { WebSocket } = createRequire(new URL("package.json", here))("ws");
    const headers = visitor.cookie === undefined ? {} : { Cookie: visitor.cookie };
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { origin, headers });
    onTestFinished(() => socket.terminate());
    return new Promise((resolve, reject) => {
      socket.on("unexpected-response", (_request: unknown, answer: { statusCode: number }) =>
        resolve(answer.statusCode),
      );
      socket.on("open", () => resolve(socket));
      socket.on("error", reject);
    });
  }

  interface WebSocketOfWs {
    send(text: string): void;
    once(event: string, listener: (message: Buffer) => void): void;
  }

  test("knows who is signed in, stores what it changes, and learns of the logout", async () => {
    const { server } = await recipe<{ server: Server }>("sockets.ts");
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    const visitor = new Visitor(port);

    expect(await dial(port, visitor, origin)).toBe(401);
    await visitor.visit("/login");
    expect(await dial(port, visitor, "http://elsewhere.test")).toBe(401);

    const socket = (await dial(port, visitor, origin)) as WebSocketOfWs;
    const says = (text: string) =>
      new Promise((resolve) => {
        socket.once("message", (message) => resolve(String(message)));
        socket.send(text);
      });
    expect(await says("hello")).toBe("ann: hello");
    expect((await visitor.visit("/")).body).toBe("1 messages");
    await visitor.visit("/logout");
    expect(await says("are you there?")).toBe("signed out");
  });
});
