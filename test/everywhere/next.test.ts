/** docs/next.md as an application, on two releases of Next.js, built and in development, in Chromium. */
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Visitor, words } from "../instruments/visitor.ts";
import { pageFiles } from "../recipes/recipe-files.ts";
import type { Started } from "../runtimes/start.ts";
import { chromiumArgs, chromiumPath } from "../servers/chromium.ts";
import { type Application, type Built, built } from "./application.ts";
import { tlsProxyOf } from "./tls-proxy.ts";

/** The files of the page, with the proxy or the middleware that this release has. */
function files(release: "15" | "16", options = ""): Map<string, string> {
  const files = pageFiles("next.md");
  files.delete(release === "15" ? "proxy.ts" : "middleware.ts");
  const config = files.get("next.config.ts") as string;
  const sessions = files.get("sessions.ts") as string;
  // So that reading is activity, and time can pass.
  const more = "saveEveryRequest: true, clock: () => Date.now() + (globalThis.ahead ?? 0), ";
  files.set("sessions.ts", sessions.replace("createSessions({ ", `$&${more}`));
  return files.set("next.config.ts", config.replace("serverExternalPackages", `${options}$&`));
}

const next = (command: "start" | "dev") => (port: number) => [
  "node_modules/next/dist/bin/next",
  command,
  "-H",
  "127.0.0.1",
  "-p",
  String(port),
];

const on = (release: "15" | "16", options?: string) => ({
  starters: ["next", `next-${release}`],
  files: files(release, options),
});

const sites: Record<string, Application> = {
  "Next.js 15, built": { ...on("15"), serve: next("start") },
  "Next.js 15, in development": { ...on("15"), serve: next("dev"), isBuilt: false },
  "Next.js 16, built": { ...on("16"), serve: next("start") },
  "Next.js 16 with cacheComponents, built": { ...on("16", "cacheComponents: true, "), serve: next("start") },
  "Next.js 16 with cacheComponents, in development": {
    ...on("16", "cacheComponents: true, "),
    serve: next("dev"),
    isBuilt: false,
  },
};

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: [...chromiumArgs, "--ignore-certificate-errors"],
  });
});
afterAll(() => browser?.close());

// A server in development compiles while it is visited.
const PATIENCE = { timeout: 120_000 };

describe.each(Object.entries(sites))("%s", PATIENCE, (_name, site) => {
  let application: Built | undefined;
  let started: Started | undefined;
  let url = "";
  beforeAll(async () => {
    application = await built(site);
    started = await application.serve();
    url = `http://localhost:${started.port}`;
    // In development a page is compiled when it is first asked for.
    for (const path of ["/", "/more", "/streamed", "/members", "/visits/home", "/heard"])
      await fetch(url.replace("localhost", "127.0.0.1") + path);
  });
  afterAll(async () => {
    await started?.stop();
    application?.remove();
  });

  /** A browser with a jar of its own. */
  async function newPage(to = url): Promise<Page> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: to });
    onTestFinished(() => context.close());
    return context.newPage();
  }

  /** Opens a page whose scripts have started. */
  async function open(page: Page, path = "/"): Promise<void> {
    await page.goto(path, { waitUntil: "networkidle" });
  }

  const says = (page: Page) => page.locator("#visitor");
  const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
  const told = async (page: Page): Promise<string[]> => (await page.request.post("/heard")).json();

  async function waitFor(page: Page, text: string): Promise<void> {
    await page.locator("#visitor", { hasText: text }).waitFor();
  }

  async function cookies(page: Page): Promise<{ name: string; value: string }[]> {
    return (await page.context().cookies()).filter(({ name }) => name.endsWith("sessionid"));
  }

  /** A browser in which ann has signed in. */
  async function signedIn(to = url): Promise<Page> {
    const page = await newPage(to);
    await open(page);
    await press(page, "Sign in");
    await waitFor(page, "ann has");
    return page;
  }

  test("a login by an action is there behind its redirect, counts, and ends with the logout", async () => {
    const page = await newPage();
    await open(page);
    expect([await says(page).textContent(), await cookies(page)]).toEqual(["null has counted to 0", []]);
    await press(page, "Count");
    await waitFor(page, "null has counted to 1");
    const [anonymous] = await cookies(page);
    await press(page, "Sign in");
    await waitFor(page, "ann has counted to 1");
    const [signedIn, ...more] = await cookies(page);
    expect([signedIn?.name, more]).toEqual(["sessionid", []]);
    expect(signedIn?.value).not.toBe(anonymous?.value);
    expect(signedIn).toMatchObject({ httpOnly: true, secure: false, sameSite: "Lax", path: "/" });
    // No new cookie is sent from here on, so the action calls revalidatePath.
    await press(page, "Count");
    await waitFor(page, "ann has counted to 2");
    await page.reload();
    await waitFor(page, "ann has counted to 2");
    await press(page, "Sign out");
    await waitFor(page, "null has counted to 0");
    expect(await cookies(page)).toEqual([]);
  });

  test("it works without scripts in the browser", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, baseURL: url });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    for (const [button, html] of [
      ["Sign in", "ann has counted to 0"],
      ["Count", "ann has counted to 1"],
      ["Sign out", "null has counted to 0"],
    ] as const) {
      await page.goto("/"); // With cacheComponents the page that answers a form is shown by a script alone.
      await Promise.all([page.waitForEvent("load"), press(page, button)]);
      expect(await page.content()).toContain(html);
    }
  });

  test("two tabs that count at the same time are both counted", async () => {
    const page = await signedIn();
    const other = await page.context().newPage();
    await Promise.all([open(page, "/more"), open(other, "/more")]);
    await Promise.all([press(page, "countAtOnce"), press(other, "countAtOnce")]);
    await Promise.all([page.waitForURL(`${url}/`), other.waitForURL(`${url}/`)]);
    await open(page);
    expect(await says(page).textContent()).toBe("ann has counted to 2");
  });

  test("two tabs: what one does is seen by the other, and a logout holds in both", async () => {
    const page = await signedIn();
    const other = await page.context().newPage();
    await open(other);
    await press(other, "Count");
    await waitFor(other, "ann has counted to 1");
    await press(page, "Count");
    await waitFor(page, "ann has counted to 2");
    await press(other, "Sign out");
    await waitFor(other, "null has counted to 0");
    await press(page, "Count");
    await waitFor(page, "null has counted to 1");
  });

  test.each([
    ["signInToNothing", "not found"],
    ["signInToForbidden", "forbidden"],
  ])("a login is kept by an action that ends with %s", async (name, answer) => {
    const page = await newPage();
    await open(page, "/more");
    await press(page, name);
    await page.locator("#answer", { hasText: answer }).waitFor();
    await open(page);
    expect(await says(page).textContent()).toBe("ann has counted to 0");
  });

  test("a login is not kept by an action that fails", async () => {
    const page = await newPage();
    await open(page, "/more");
    await press(page, "signInAndFail");
    await page.locator("#answer", { hasText: "failed" }).waitFor();
    expect(await cookies(page)).toEqual([]);
  });

  test("a page that is forbidden to visitors is there for members", async () => {
    const page = await newPage();
    await open(page, "/members");
    expect(await page.getByText("Hello").count()).toBe(0);
    await open(page);
    await press(page, "Sign in");
    await waitFor(page, "ann has");
    await open(page, "/members");
    expect(await says(page).textContent()).toBe("Hello ann");
  });

  test("an action within an action has its session, and one that follows finds what it stored", async () => {
    for (const [action, count] of [
      ["signInWithin", 0],
      ["signInThenCount", 1],
    ] as const) {
      const page = await newPage();
      await open(page, "/more");
      await told(page);
      await press(page, action);
      await waitFor(page, "ann");
      expect(await told(page)).toEqual(["ann"]);
      await open(page);
      expect(await says(page).textContent()).toBe(`ann has counted to ${count}`);
    }
  });

  test("a component and after() can only read", async () => {
    const page = await signedIn();
    await open(page, "/more");
    const refused = Array.from({ length: 7 }, () => "SessionReadOnlyError");
    refused[1] = "done"; // There was no key to delete.
    expect(await says(page).textContent()).toBe(`ann ${refused.join(" ")}`);
    await told(page);
    await press(page, "countLater");
    await page.waitForURL(`${url}/`);
    await waitFor(page, "ann has counted to 1");
    await expect
      .poll(() => told(page))
      .toEqual(["ann has counted to 1", ...Array.from({ length: 4 }, () => "SessionReadOnlyError")]);
  });

  test("components that are streamed later have the session of the page", async () => {
    const page = await signedIn();
    await page.goto("/streamed", { waitUntil: "commit" });
    await page.locator("#early", { hasText: "ann" }).waitFor();
    expect(await page.locator("#waiting").count()).toBe(1);
    await page.request.post("/gate/open");
    await page.locator("#late", { hasText: "ann true" }).waitFor();
  });

  test("route handlers count, sign in, and send the cookie with what they throw", async () => {
    const visitor = new Visitor((started as Started).port);
    const get = (path: string) => visitor.visit(path);
    const post = (path: string) =>
      visitor.visit(path, {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": 0 },
      });
    const first = await get("/visits/home");
    expect([first.body, first.headers["cache-control"]]).toEqual([
      "null, visit 1 of home",
      "private, no-store",
    ]);
    expect(words(first.headers.vary)).toContain("Cookie");
    expect((await get("/visits/home")).setCookie).toEqual([]);
    const login = await post("/login");
    expect([login.status, login.headers.location, login.setCookie.length]).toEqual([303, "/visits/home", 1]);
    expect((await get("/visits/home")).body).toBe("ann, visit 3 of home");
    const logout = await post("/logout");
    expect([logout.status, visitor.cookie]).toEqual([303, undefined]);
    for (const [path, expected] of [
      ["/missing", 404],
      ["/guarded", 308],
      ["/saved", 200],
    ] as const) {
      visitor.cookie = undefined;
      const { status, setCookie, headers } = await get(path);
      expect([status, setCookie.length]).toEqual([expected, 1]);
      if (path !== "/saved") expect(headers["cache-control"]).toBe("private, no-store");
      expect((await get("/visits/home")).body).toBe("ann, visit 1 of home");
    }
    visitor.cookie = undefined;
    const broken = await get("/broken");
    expect([broken.status, broken.setCookie]).toEqual([500, []]);
  });

  test("a visitor who only reads pages stays known, and proxy.ts renews the cookie", async () => {
    const visitor = new Visitor((started as Started).port);
    await visitor.visit("/visits/home");
    for (let day = 0; day < 30; day += 10) {
      await new Visitor((started as Started).port).visit("/ahead", { method: "POST" });
      const { setCookie } = await visitor.visit("/");
      expect(setCookie).toHaveLength(site.files.has("proxy.ts") ? 1 : 0);
    }
    expect((await visitor.visit("/visits/home")).body).toBe("null, visit 2 of home");
  });

  test("behind a proxy that speaks https the cookie is __Host-sessionid and Secure", async () => {
    const proxy = await tlsProxyOf((started as Started).port);
    onTestFinished(proxy.close);
    const page = await signedIn(`https://localhost:${proxy.port}`);
    expect(await cookies(page)).toMatchObject([{ name: "__Host-sessionid", secure: true }]);
    await press(page, "Count");
    await waitFor(page, "ann has counted to 1");
    await press(page, "Sign out");
    await waitFor(page, "null has counted to 0");
    expect(await cookies(page)).toEqual([]);
  });
});
