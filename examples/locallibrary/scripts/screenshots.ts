// Takes the pictures in screenshots/: starts the site on a new library and visits it with the Chromium at the path CHROMIUM.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { demoUsers } from "../src/seed/users.ts";

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
};

const temporary = mkdtempSync(join(tmpdir(), "locallibrary-screenshots-"));
const database = join(temporary, "library.sqlite3");
const site = await start();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  mkdirSync(FOLDER, { recursive: true });
  liveThroughADay();
  for (const userAgent of [IPAD, FIREFOX]) await visit(browser, { userAgent }, "reader");
  for (const [screen, options] of Object.entries(screens)) {
    for (const colorScheme of ["light", "dark"] as const) {
      const reader = await visit(browser, { ...options, colorScheme }, "reader");
      const librarian = await visit(browser, { ...options, colorScheme }, "librarian");
      for (const [name, path] of Object.entries(pages)) {
        const page = name === "dashboard" ? librarian : reader;
        await page.goto(site.url + path);
        if (name === "inspector") await changeMyCar(page);
        await shoot(page, `${name}-${screen}-${colorScheme}.webp`);
      }
      for (const page of [reader, librarian])
        await page.getByRole("button", { name: "Sign out" }).first().click();
    }
  }
} finally {
  await browser.close();
  site.child.kill();
  await once(site.child, "close");
  rmSync(temporary, { recursive: true, force: true });
}

async function start() {
  const child = spawn(
    process.execPath,
    [...process.execArgv, join(import.meta.dirname, "../src/server.ts")],
    {
      env: { ...process.env, PORT: "0", LIBRARY_DATABASE: database, SESSION_STORE: "" },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [banner] = await once(child.stdout, "data");
  const url = /http:\/\/localhost:\d+/.exec(String(banner))?.[0];
  if (!url) throw new Error(`The site did not start:\n${banner}`);
  return { child, url };
}

/** Writes the samples that the site would have counted in a day, for the plots. */
function liveThroughADay(): void {
  const client = new Database(database);
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
async function visit(chromium: Browser, options: BrowserContextOptions, username: string): Promise<Page> {
  const context = await chromium.newContext({ baseURL: site.url, ...options });
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

async function changeMyCar(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await page.getByRole("button", { name: "Change" }).click();
}

/** Takes a picture as WebP, by Chromium's own protocol: Playwright cannot write WebP. */
async function shoot(page: Page, name: string): Promise<void> {
  await page.bringToFront();
  // Chromium takes no picture before it has drawn the page.
  await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
  const protocol = await page.context().newCDPSession(page);
  const { data } = await protocol.send("Page.captureScreenshot", { format: "webp", quality: QUALITY });
  writeFileSync(join(FOLDER, name), Buffer.from(data, "base64"));
}
