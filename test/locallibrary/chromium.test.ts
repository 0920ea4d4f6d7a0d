import { type Browser as Chromium, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { browserMissing, chromiumPath } from "../servers/chromium.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

const why = browserMissing();

describe.skipIf(why)(`in Chromium${why ? ` (${why})` : ""}`, () => {
  let chromiumProcess: Chromium;

  // Long enough for the browser to be installed.
  beforeAll(async () => {
    chromiumProcess = await chromium.launch({
      executablePath: chromiumPath(),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  }, 900_000);
  afterAll(() => chromiumProcess?.close());

  /** A browser with its own cookies, at the home page; what the page complains of fails the test. */
  async function visitor(options: Parameters<Chromium["newContext"]>[0] = {}): Promise<Page> {
    const context = await chromiumProcess.newContext({ baseURL: site().url, ...options });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    onTestFinished(() => expect(complaints).toEqual([]));
    await page.goto("/");
    return page;
  }

  test("the home page counts each reload", async () => {
    const page = await visitor();
    expect(page.url()).toMatch(/\/catalog\/$/);
    await page.getByText("You have visited this page 1 time.").waitFor();
    await page.reload();
    await page.getByText("You have visited this page 2 times.").waitFor();
  });

  test("a reader signs in from a book, comes back to it, and signs out", async () => {
    const page = await visitor({ javaScriptEnabled: false });
    await page.getByLabel("Search titles and authors").fill("moby");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("link", { name: /Moby-Dick/ }).click();
    const book = page.url();
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByLabel("Username").fill("reader");
    await page.getByLabel("Password").fill("borrow-a-book");
    await page.getByRole("button", { name: "Sign in" }).click();
    expect(page.url()).toBe(book);
    await page.getByText("Signed in as Robin Reader").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  });

  test.each(["light", "dark"] as const)("nothing is wider than a 360 px phone in %s", async (colorScheme) => {
    const page = await visitor({ viewport: { width: 360, height: 740 }, colorScheme });
    for (const path of [
      "/catalog/",
      "/catalog/books/",
      "/catalog/book/1",
      "/catalog/authors/",
      "/catalog/genres/",
      "/accounts/login/",
    ]) {
      await page.goto(path);
      expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBe(360);
    }
  });

  test("the keyboard reaches the content first, and every control shows its focus", async () => {
    const page = await visitor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press("Tab");
      expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    }
  });
});
