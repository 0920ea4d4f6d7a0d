/** The recipes of docs/recipes.md that need no build: native clients, a WebSocket and server-sent events. test/everywhere has the others. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { IncomingMessage, Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { memoryStore, type Sessions } from "coatcheck";
import type { SessionHandler } from "coatcheck/fetch";
import { chromium } from "playwright-core";
import { afterAll, afterEach, describe, expect, onTestFinished, test } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";
import { Visitor } from "../instruments/visitor.ts";
import { installed } from "../runtimes/install.ts";
import { browserMissing, chromiumArgs, chromiumPath } from "../servers/chromium.ts";
import { recipeFiles } from "./recipe-files.ts";

const here = new URL(".", import.meta.url);
await installed(here);

/** The last second of the mark that a changed key leaves, as `MOVED_MARK_MS` of coatcheck says, is over. */
const AFTER_THE_MARK_MS = 61_000;

/** A folder with the files of the recipes. Their sessions have the options given here. */
function written(options = 'store: sqliteStore("sessions.sqlite3")'): string {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-recipes-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  symlinkSync(fileURLToPath(new URL("node_modules", here)), join(folder, "node_modules"));
  for (const heading of [
    "Recipes",
    "Native clients, without cookies",
    "A WebSocket that knows its visitor",
    "Server-sent events",
  ]) {
    for (const [path, code] of recipeFiles(heading)) {
      writeFileSync(join(folder, path), code.replace('store: sqliteStore("sessions.sqlite3")', options));
    }
  }
  return folder;
}

test("they compile", () => {
  const folder = written();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const compilerOptions = { noEmit: true, typeRoots: [join(root, "node_modules/@types")] };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: ["*.ts"], exclude: [] }),
  );
  const tsc = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" });
  expect([tsc.stdout, tsc.status]).toEqual(["", 0]);
});

/** Milliseconds that the clock of the recipes' sessions is ahead. */
let ahead = 0;
const { store, breaks, mended } = faultyStore(memoryStore());
Object.assign(globalThis, { optionsOfRecipes: { store, clock: () => Date.now() + ahead } });

const folder = written("...globalThis.optionsOfRecipes");
const recipe = <Module>(file: string): Promise<Module> => import(join(folder, file));

afterEach(() => {
  ahead = 0;
  mended();
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Serves a recipe until the test has ended. */
async function served(file: string): Promise<number> {
  const { server } = await recipe<{ server: Server }>(file);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

describe("a native client", () => {
  interface Native {
    readonly sessions: Sessions;
    withBearer(handler: SessionHandler): (request: Request) => Promise<Response>;
  }

  /** A client that keeps the key which it was told last, and its server. */
  async function client() {
    const { sessions, withBearer } = await recipe<Native>("native.ts");
    const serve = withBearer((request, session) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/login") session.login("ann");
      if (pathname === "/logout") session.logout();
      const headers = { "Set-Cookie": "theme=dark" };
      if (pathname === "/missing") return new Response(null, { status: 404, headers });
      return new Response(`${session.userId}, visit ${session.update("visits", (n = 0) => n + 1)}`, {
        headers,
      });
    });
    let key: string | null = null;
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const authorization = key === null ? {} : { Authorization: `Bearer ${key}` };
      const request = new Request(`http://localhost${path}`, { headers: { ...authorization, ...headers } });
      const response = await serve(request);
      expect(response.headers.getSetCookie()).toEqual(["theme=dark"]);
      const told = response.headers.get("Session-Key");
      if (told !== null) key = told === "" ? null : told;
      return { body: await response.text(), told, cacheControl: response.headers.get("Cache-Control") };
    };
    return { ask, sessions, key: () => key, use: (other: string | null) => (key = other) };
  }

  test("is known by the key that it sends, gets another at login, and none after the logout", async () => {
    const { ask, key, use } = await client();
    const first = await ask("/");
    expect(first).toEqual({
      body: "null, visit 1",
      told: expect.stringMatching(/^[a-z0-9]{32}$/),
      cacheControl: "private, no-store",
    });
    expect(await ask("/")).toMatchObject({ body: "null, visit 2", told: null });
    const { body, told } = await ask("/login");
    expect([body, told]).toEqual(["ann, visit 3", expect.not.stringMatching(first.told as string)]);
    const later = key();
    use(first.told);
    expect((await ask("/")).body).toBe("null, visit 1"); // The key from before the login.
    use(later);
    expect(await ask("/logout")).toMatchObject({ told: expect.any(String) });
    use(later);
    expect((await ask("/missing")).told).toBe(null);
    expect((await ask("/")).body).toBe("null, visit 1");
  });

  test("is not known by a cookie, nor by another kind of Authorization", async () => {
    const { ask, key, use } = await client();
    await ask("/login");
    const mine = key();
    use(null);
    expect((await ask("/", { Cookie: `key=${mine}` })).body).toBe("null, visit 1");
    use(null);
    expect((await ask("/", { Authorization: `Basic ${mine}` })).body).toBe("null, visit 1");
  });

  test("ends when its session is revoked", async () => {
    const { ask, sessions } = await client();
    await ask("/login");
    await sessions.revokeUser("ann");
    expect((await ask("/")).body).toBe("null, visit 1");
  });
});

/** What another request does to the session of a socket, and how long ago. */
const elsewhere: [what: string, path: string, laterBy: number][] = [
  ["signs out", "/logout", 0],
  ["changes the key", "/renew", 0],
  ["has changed the key more than a minute ago", "/renew", AFTER_THE_MARK_MS],
];

describe("a WebSocket", () => {
  interface Socket {
    /** Sends a text; resolves to the answer, or to the code with which the server closes the socket. */
    says(text: string): Promise<string | number>;
    /** The code with which the server closes the socket. */
    readonly closed: Promise<number>;
  }

  /** Opens a socket; resolves to the status of the answer where the server refuses it. */
  async function dial(
    port: number,
    { cookie }: Visitor,
    origin = `http://127.0.0.1:${port}`,
  ): Promise<number | Socket> {
    const { WebSocket } = createRequire(new URL("package.json", here))("ws");
    const headers = cookie === undefined ? {} : { Cookie: cookie };
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { origin, headers });
    onTestFinished(() => socket.terminate());
    const closed = new Promise<number>((resolve) => {
      socket.once("close", resolve);
    });
    const says = (text: string) => {
      const answer = new Promise<string>((resolve) => {
        socket.once("message", (message: Buffer) => resolve(String(message)));
        socket.send(text, () => {}); // It may be closed already.
      });
      return Promise.race([answer, closed]);
    };
    return new Promise((resolve, reject) => {
      socket.on("unexpected-response", (_request: unknown, { statusCode }: { statusCode: number }) =>
        resolve(statusCode),
      );
      socket.on("open", () => resolve({ says, closed }));
      socket.on("error", reject);
    });
  }

  /** A socket of a visitor who is signed in. */
  async function signedIn() {
    const port = await served("sockets.ts");
    const visitor = new Visitor(port);
    await visitor.visit("/login");
    return { port, visitor, socket: (await dial(port, visitor)) as Socket };
  }

  test("is refused to a visitor who is not signed in, and to another site", async () => {
    const { port, visitor } = await signedIn();
    expect(await dial(port, new Visitor(port))).toBe(401);
    expect(await dial(port, visitor, "http://elsewhere.test")).toBe(401);
  });

  test("knows who is signed in, and stores what it changes", async () => {
    const { visitor, socket } = await signedIn();
    expect(await socket.says("hello")).toBe("ann: hello");
    expect((await visitor.visit("/")).body).toBe("1 messages");
  });

  test.each(elsewhere)(
    "is closed when another request %s; a new socket finds what holds now",
    async (_, path, later) => {
      const { port, visitor, socket } = await signedIn();
      expect(await socket.says("hello")).toBe("ann: hello");
      await visitor.visit(path);
      ahead = later;
      expect(await socket.says("are you there?")).toBe(4000);
      const next = await dial(port, visitor);
      if (path === "/logout") expect(next).toBe(401);
      else expect(await (next as Socket).says("hello again")).toBe("ann: hello again");
    },
  );

  test("that is silent is closed at once when the visitor signs out", async () => {
    const { visitor, socket } = await signedIn();
    await visitor.visit("/logout");
    expect(await socket.closed).toBe(4000);
  });

  test("is closed when the store cannot answer, and the server lives on", async () => {
    const { port, visitor, socket } = await signedIn();
    breaks("read");
    expect(await socket.says("hello")).toBe(1011);
    mended();
    expect(await ((await dial(port, visitor)) as Socket).says("hello again")).toBe("ann: hello again");
  });

  const why = browserMissing();
  test.skipIf(why)(
    `of a page is opened again by the page${why ? ` (${why})` : ""}`,
    { timeout: 180_000 },
    async () => {
      const port = await served("sockets.ts");
      const browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArgs });
      onTestFinished(() => browser.close());
      const context = await browser.newContext({ baseURL: `http://127.0.0.1:${port}` });
      const [page, tab] = [await context.newPage(), await context.newPage()];
      await page.goto("/login");
      const code = recipeFiles("A WebSocket that knows its visitor").get("page.js");
      await page.addScriptTag({ content: `${code}\nconnect();` });
      const isOpen = () => page.waitForFunction("socket.readyState === 1");
      const shows = (text: string) => page.getByText(text).waitFor();

      await isOpen();
      await page.evaluate('socket.send("hello")');
      await shows("ann: hello");
      await tab.goto("/renew");
      await page.evaluate(
        'const old = socket; old.send("lost"); new Promise((done) => old.addEventListener("close", done))',
      );
      await isOpen();
      await page.evaluate('socket.send("hello again")');
      await shows("ann: hello again");
      // The server closes the socket, and refuses the one that the page opens then.
      await tab.goto("/logout");
      await shows("closed");
    },
  );
});

describe("server-sent events", () => {
  async function signedIn() {
    const port = await served("events.ts");
    const visitor = new Visitor(port);
    await visitor.visit("/login");
    return { visitor };
  }

  /** Resolves when another event has come. */
  async function nextEvent(stream: IncomingMessage): Promise<void> {
    let read = "";
    while (!read.includes("data: ann ")) read += (await once(stream, "data"))[0];
  }

  test("are refused to a visitor who is not signed in, once and for all", async () => {
    const port = await served("events.ts");
    expect((await new Visitor(port).visit("/events")).status).toBe(204);
  });

  test("end when the visitor signs out", async () => {
    const { visitor } = await signedIn();
    const { incoming } = await visitor.begin("/events");
    await nextEvent(incoming);
    await visitor.visit("/logout");
    await text(incoming); // It ends.
    expect((await visitor.visit("/events")).status).toBe(204);
  });

  test("go on when the key changes, and end when the visitor signs out by the new one", async () => {
    const { visitor } = await signedIn();
    const { incoming } = await visitor.begin("/events");
    await nextEvent(incoming);
    await visitor.visit("/renew");
    await nextEvent(incoming);
    await visitor.visit("/logout");
    await text(incoming);
  });
});
