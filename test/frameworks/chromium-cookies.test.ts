/** What a real browser does with the cookies, over https with a self-made certificate. */
import { createServer } from "node:https";
import { createAdaptorServer } from "@hono/node-server";
import { memoryStore, type Options } from "coatcheck";
import { withSession } from "coatcheck/fetch";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { selfMadeCertificate } from "../instruments/self-made-certificate.ts";
import { browserMissing, chromiumArgs, chromiumPath } from "../servers/chromium.ts";
import { running } from "./adapters/adapter.ts";

const ARGS = [
  ...chromiumArgs,
  "--ignore-certificate-errors",
  // Two different sites for a browser.
  "--host-resolver-rules=MAP shop.test 127.0.0.1, MAP news.test 127.0.0.1",
];

const html = (text: string) =>
  new Response(`<!doctype html><p>${text}`, { headers: { "Content-Type": "text/html" } });

/** Counts visits; /login and /logout do as they say; /frames?of=… shows another site in a frame. */
async function site(cookie: Options["cookie"] = {}): Promise<number> {
  const serve = withSession({ store: memoryStore(), cookie }, (request, session) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/favicon.ico") return new Response(null, { status: 204 });
    if (pathname === "/frames") return html(`<iframe src="${searchParams.get("of")}"></iframe>`);
    if (pathname === "/login") {
      session.login("ann");
      return Response.redirect(new URL("/", request.url), 303);
    }
    if (pathname === "/logout") {
      session.logout();
      return html("goodbye");
    }
    const visits = session.update("visits", (n = 0) => n + 1);
    return html(`${session.userId}, visit ${visits}`);
  });
  const tls = { createServer, serverOptions: selfMadeCertificate() };
  const { port, close } = await running(createAdaptorServer({ fetch: serve, ...tls }));
  onTestFinished(close);
  return port;
}

const why = browserMissing();

describe.skipIf(why)(`in Chromium, over https${why ? ` (${why})` : ""}`, () => {
  let browser: Browser;
  // Long enough for the browser to be installed.
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath(), args: ARGS });
  }, 900_000);
  afterAll(() => browser?.close());

  async function newPage(): Promise<Page> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    onTestFinished(() => context.close());
    return context.newPage();
  }

  test("__Host-sessionid is kept, sent back, replaced at login and lost at logout", async () => {
    const url = `https://shop.test:${await site()}/`;
    const page = await newPage();
    const says = async (path: string) => {
      await page.goto(new URL(path, url).href);
      return page.locator("p").textContent();
    };

    expect([await says("/"), await says("/")]).toEqual(["null, visit 1", "null, visit 2"]);
    const [cookie, ...more] = await page.context().cookies();
    expect(more).toEqual([]);
    expect(cookie).toMatchObject({
      name: "__Host-sessionid",
      domain: "shop.test",
      path: "/",
      secure: true,
      httpOnly: true,
      sameSite: "Lax",
    });
    expect(await page.evaluate("document.cookie")).toBe("");

    expect(await says("/login")).toBe("ann, visit 3");
    const [renewed] = await page.context().cookies();
    expect(renewed?.value).not.toBe(cookie?.value);

    expect(await says("/logout")).toBe("goodbye");
    expect(await page.context().cookies()).toEqual([]);
    expect(await says("/")).toBe("null, visit 1");
  });

  /** The text of a frame of the shop on a page of the news, at the first visit and at the second. */
  async function inFrame(page: Page, shop: number, top: string): Promise<(string | null)[]> {
    const said: (string | null)[] = [];
    for (let visit = 0; visit < 2; visit++) {
      await page.goto(`${top}/frames?of=${encodeURIComponent(`https://shop.test:${shop}/`)}`);
      said.push(await page.frameLocator("iframe").locator("p").textContent());
    }
    return said;
  }

  test("in a frame of another site a Partitioned cookie is kept, and a jar of its own", async () => {
    const shop = await site({ sameSite: "none", partitioned: true });
    const news = `https://news.test:${await site()}`;
    const page = await newPage();
    expect(await inFrame(page, shop, news)).toEqual(["null, visit 1", "null, visit 2"]);
    // On the shop's own page it is another cookie: a partitioned cookie belongs to the page around the frame.
    await page.goto(`https://shop.test:${shop}/`);
    expect(await page.locator("p").textContent()).toBe("null, visit 1");
    expect(await inFrame(page, shop, news)).toEqual(["null, visit 3", "null, visit 4"]);
  });

  test("in a frame of another site the cookie that is Lax, the default, is not kept", async () => {
    const shop = await site();
    const page = await newPage();
    const said = await inFrame(page, shop, `https://news.test:${await site()}`);
    expect(said).toEqual(["null, visit 1", "null, visit 1"]);
  });
});
