// Takes the pictures in screenshots/, but for the film: see film.ts.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { BrowserContextOptions, Page } from "playwright-core";
import { demoUsers } from "../src/seed/users.ts";
import { picture } from "./picture.ts";
import { startSite } from "./started-site.ts";

const FOLDER = join(import.meta.dirname, "../screenshots");
const QUALITY = 72;

const IPAD =
  "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
const FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";

const screens: Record<string, BrowserContextOptions> = {
  desktop: { viewport: { width: 1200, height: 860 } },
  phone: { viewport: { width: 390, height: 800 }, deviceScaleFactor: 1.5 },
};

const pages = {
  home: "/catalog/",
  book: "/catalog/book/7",
  "my-books": "/catalog/mybooks/",
  "your-sessions": "/accounts/sessions/",
  inspector: "/session/",
  dashboard: "/librarian/sessions/?span=day",
  administration: "/admin/users/1/",
  tour: "/catalog/",
};
const ofLibrarian = ["dashboard", "administration"];

const site = await startSite();
try {
  mkdirSync(FOLDER, { recursive: true });
  liveThroughADay();
  for (const userAgent of [IPAD, FIREFOX]) await visit({ userAgent }, "reader");
  for (const [screen, options] of Object.entries(screens)) {
    for (const colorScheme of ["light", "dark"] as const) {
      const reader = await visit({ ...options, colorScheme }, "reader");
      const librarian = await visit({ ...options, colorScheme }, "librarian");
      for (const [name, path] of Object.entries(pages)) {
        const page = ofLibrarian.includes(name) ? librarian : reader;
        if (name === "tour") await beginTour(page);
        await page.goto(site.url + path);
        if (name === "inspector") await changeMyCar(page);
        await shoot(page, `${name}-${screen}-${colorScheme}.webp`);
      }
      for (const page of [reader, librarian])
        await page.getByRole("button", { name: "Sign out" }).first().click();
    }
  }
} finally {
  await site.stop();
}

/** Writes the samples that the site would have counted in a day, for the plots. */
function liveThroughADay(): void {
  const client = new Database(site.database);
  const insert = client.prepare("INSERT INTO store_samples VALUES (?, ?, ?, ?, ?)");
  const now = Date.now();
  for (let minute = 24 * 60; minute > 1; minute -= 4) {
    const bustle = 1 - Math.cos((minute / (24 * 60)) * 2 * Math.PI);
    const live = Math.round(4 + bustle * (60 + 5 * Math.sin(minute / 17)));
    const expired = minute % 60;
    insert.run(now - minute * 60_000, live, Math.round(4 + live * 0.4), expired, live * 290 + expired * 180);
  }
  client.close();
}

/** A page of a visitor who has looked at a few books and signed in. */
async function visit(options: BrowserContextOptions, username: string): Promise<Page> {
  const context = await site.browser.newContext({ baseURL: site.url, ...options });
  const page = await context.newPage();
  await page.goto("/catalog/book/1");
  await page.getByRole("button", { name: "Dismiss" }).click();
  for (const id of [12, 20, 3, 31, 7]) await page.goto(`/catalog/book/${id}`);
  await page.getByRole("button", { name: "Put on the reading list" }).click();
  await page.goto("/accounts/login/?next=/catalog/genres/");
  await page.getByLabel("Username").fill(username);
  await page
    .getByLabel("Password")
    .fill(demoUsers.find((user) => user.username === username)?.password ?? "");
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  return page;
}

/** Goes to the third stop, which is done where the visitor has signed in. */
async function beginTour(page: Page): Promise<void> {
  await page.goto("/tour/");
  await page.getByRole("button", { name: "Begin the tour" }).click();
  await page.goto("/tour/");
  await page.getByRole("button", { name: /^Go to stop 3/ }).click();
}

async function changeMyCar(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await page.getByRole("button", { name: "Change" }).click();
}

async function shoot(page: Page, name: string): Promise<void> {
  writeFileSync(join(FOLDER, name), await picture(page, QUALITY));
}
