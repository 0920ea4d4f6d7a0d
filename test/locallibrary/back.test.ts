import type { Page } from "playwright-core";
import { expect, test, vi } from "vitest";
import { describeInChromium, signIn, visitorWithBackCache } from "./chromium.ts";
import { Reader } from "./reader.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

/**
 * Goes back, and answers what the page shows. Asks the page itself: playwright does not notice that a page which the
 * browser had kept is there again.
 */
async function back(page: Page): Promise<string> {
  const left = new URL(page.url()).pathname;
  await page.evaluate("history.back()");
  const arrived = "document.readyState === 'complete' && location.pathname";
  await expect.poll(() => page.evaluate(arrived).catch(() => false)).toSatisfy((at) => at && at !== left);
  return (await page.evaluate("document.body.innerText")) as string;
}

const signInButton = (page: Page) => page.getByRole("main").getByRole("button", { name: "Sign in" });

describeInChromium(
  () => site().url,
  () => {
    test("Back after signing out shows nothing of the user", async () => {
      const page = await visitorWithBackCache(site().url);
      // It keeps none that took it too long to put away.
      const keepsPages = async () => {
        await page.goto("/catalog/authors/");
        await page.evaluate("window.isKept = true");
        await page.goto("/catalog/genres/");
        await back(page);
        return page.evaluate("window.isKept");
      };
      await expect.poll(keepsPages, { message: "this browser keeps pages for Back" }).toBe(true);

      for (const path of ["/catalog/borrowed/", "/accounts/sessions/", "/catalog/book/1", "/session/"]) {
        await signIn(page, "librarian");
        await page.goto(path);
        await page.getByText("Signed in as Lee Librarian").waitFor();
        await page.getByRole("button", { name: "Sign out" }).first().click();
        await page.getByRole("heading", { name: "You are signed out" }).waitFor();
        const seen = await back(page);
        expect(seen, path).toContain("Sign in");
        expect(seen, path).not.toMatch(/Lee Librarian|Signed in as|Ada Quill|This device/);
      }
    });

    test("a form that the browser had kept for Back can be sent again", async () => {
      // The browser keeps none that took it too long to put away.
      const backAtTheForm = async () => {
        const page = await visitorWithBackCache(site().url);
        await page.goto("/accounts/login/");
        await page.evaluate("window.isKept = true");
        await page.getByLabel("Username").fill("reader");
        await page.getByLabel("Password").fill("borrow-a-book");
        await signInButton(page).click();
        await page.getByText("Welcome, Robin Reader.").waitFor();
        const seen = await back(page);
        if (!(await page.evaluate("window.isKept"))) return null;
        expect(seen).toContain("Password");
        return page;
      };
      const page = await vi.waitUntil(backAtTheForm, { timeout: 60_000 });
      await signInButton(page).click();
      await page.getByText("Signed in as Robin Reader").waitFor();
    });
  },
);

test("no cache keeps a page of a user, and none shows a visitor's page to another", async () => {
  const browser = new Reader(site().url);
  const cacheControl = async () => (await browser.get("/catalog/")).headers.get("cache-control");
  await browser.visit();
  expect(await cacheControl()).toMatch(/^private, no-(cache|store)$/);
  await browser.login("reader", "borrow-a-book");
  expect(await cacheControl()).toBe("private, no-store");
});
