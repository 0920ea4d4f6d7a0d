import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished } from "vitest";
import { browserMissing, chromiumArgs, chromiumPath } from "../servers/chromium.ts";

/** A new visitor, with cookies of its own. An error or a message in the page's console fails the test. */
export type Visitor = (options?: BrowserContextOptions) => Promise<Page>;

/** A suite in one Chromium, with new cookies for each test; skipped by name on a machine without one. */
export function describeInChromium(url: () => string, tests: (visitor: Visitor) => void): void {
  const why = browserMissing();
  // Each step of a test waits for several processes, and a busy machine may stop any of them.
  describe.skipIf(why)(`in Chromium${why ? ` (${why})` : ""}`, { timeout: 180_000 }, () => {
    let browser: Browser;
    // Long enough for the browser to be installed.
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArgs });
    }, 900_000);
    afterAll(() => browser?.close());

    tests(async (options = {}) => pageOf(await browser.newContext({ baseURL: url(), ...options })));
  });
}

/** A visitor who has switched cookies off in the browser's settings: a Chromium of its own, as the setting is one for a whole profile. */
export async function visitorWithoutCookies(url: string): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), "chromium-without-cookies-"));
  onTestFinished(() => rmSync(profile, { recursive: true, force: true }));
  mkdirSync(join(profile, "Default"));
  const block = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify(block));
  const options = { executablePath: chromiumPath(), args: chromiumArgs, baseURL: url };
  return pageOf(await chromium.launchPersistentContext(profile, options));
}

/** A person whose Chromium keeps pages for Back, as browsers do: playwright switches that off by default. */
export async function visitorWithBackCache(url: string): Promise<Page> {
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: chromiumArgs,
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
  onTestFinished(() => browser.close());
  return pageOf(await browser.newContext({ baseURL: url }));
}

async function pageOf(context: BrowserContext): Promise<Page> {
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  // A form that is refused answers 4xx, and a store that is away 503, which the console reports; that is no error of the page.
  onTestFinished(() => expect(complaints.filter((text) => !/status of (4\d\d|503)/.test(text))).toEqual([]));
  return page;
}

const passwords = { reader: "borrow-a-book", librarian: "mind-the-shelves" };

/** Fills in the login page and sends it; resolves when the page that answers is there. Another click or `goto` would undo the sending. */
export async function signIn(page: Page, username: keyof typeof passwords): Promise<void> {
  await page.goto("/accounts/login/");
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password").fill(passwords[username]);
  await Promise.all([
    page.waitForEvent("load"),
    page.getByRole("main").getByRole("button", { name: "Sign in" }).click(),
  ]);
}

/** Finds the place of a button, and returns a click there, which also goes on while the page waits for another: `locator.click` does not. */
export async function mouseOver(button: Locator): Promise<() => Promise<void>> {
  await button.scrollIntoViewIfNeeded();
  const box = await button.boundingBox();
  if (!box) throw new Error("The button cannot be seen.");
  return () => button.page().mouse.click(box.x + box.width / 2, box.y + box.height / 2);
}
