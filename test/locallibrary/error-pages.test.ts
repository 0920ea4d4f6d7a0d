import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite, temporaryDatabase } from "./site.ts";

const site = siteOfThisFile();

test("an address that cannot be decoded is a bad request", async () => {
  const response = await new Reader(site().url).get("/catalog/book/%E0%A4");
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("We could not read that");
});

test("a form in an encoding that cannot be read is a bad request", async () => {
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=klingon" };
  const response = await new Reader(site().url).post("/accounts/login/", { username: "reader" }, headers);
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("We could not read that");
});

test("an address that leads nowhere is not found", async () => {
  const response = await new Reader(site().url).get("/no/such/page");
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("Not on our shelves");
});

test("a form far too large is refused", async () => {
  const response = await new Reader(site().url).login("reader", "x".repeat(50_000));
  expect(response.status).toBe(413);
  expect(await response.text()).toContain("Too much to carry");
});

test("when the books cannot be read the visitor sees a plain page and nothing of the inside", async () => {
  const database = temporaryDatabase();
  const own = await startSite(database);
  const client = new Database(database);
  client.exec("ALTER TABLE copies RENAME TO lost");
  client.close();
  const browser = new Reader(own.url);
  const response = await browser.get("/catalog/books/");
  expect(response.status).toBe(500);
  const page = await response.text();
  expect(page).toContain("Something fell off a shelf");
  expect(page).not.toMatch(/copies|sqlite|at .*\.ts/i);
  expect(own.output()).toContain("copies");
});

test("when the sessions cannot be reached the visitor is asked to wait, and keeps the cookie", async () => {
  const database = temporaryDatabase();
  const own = await startSite(database);
  const browser = new Reader(own.url);
  await browser.visit();
  const cookies = new Map(browser.cookies);

  const client = new Database(database);
  const [table] = client
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%session%'")
    .pluck()
    .all();
  client.exec(`ALTER TABLE "${table}" RENAME TO away`);
  const response = await browser.get("/catalog/");
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
  const page = await response.text();
  expect(page).toContain("Closed for a moment");
  expect(page).not.toContain("Sign in");
  expect(browser.cookies).toEqual(cookies);

  client.exec(`ALTER TABLE away RENAME TO "${table}"`);
  client.close();
  expect(await browser.visit()).toBe(2);
});

test("every page, an error page too, allows no script but the site's own files, and nothing from elsewhere", async () => {
  const browser = new Reader(site().url);
  for (const path of ["/catalog/", "/accounts/login/", "/session/", "/no/such/page"]) {
    const response = await browser.get(path);
    const policy = response.headers.get("content-security-policy");
    expect(policy, path).toContain("default-src 'none'");
    expect(policy, path).toContain("script-src 'self';");
    expect(policy, path).toContain("frame-ancestors 'none'");
    expect(policy, path).not.toContain("unsafe");
    const page = await response.text();
    expect(page, path).not.toMatch(
      /<script(?! type="module" src="\/static\/)|\sstyle=|\son\w+=|(?:src|href)="(?:https?:)?\/\//i,
    );
  }
});
