import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite, temporaryDatabase } from "./site.ts";

const site = siteOfThisFile();

test("the login page names the demo users, and each can sign in", async () => {
  const page = await new Reader(site().url).text("/accounts/login/");
  const accounts = [...page.matchAll(/<code>([^<]+)<\/code><\/th>\s*<td><code>([^<]+)<\/code>/g)];
  expect(accounts.map(([, username]) => username)).toEqual(["reader", "librarian"]);

  for (const [, username, password] of accounts as unknown as [string, string, string][]) {
    const browser = new Reader(site().url);
    const response = await browser.login(username, password);
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe("/catalog/");
    expect(await browser.text("/catalog/")).toContain("Signed in as");
  }
});

test("signing in keeps the visits and replaces the cookie", async () => {
  const browser = new Reader(site().url);
  await browser.visit();
  await browser.visit();
  const before = new Map(browser.cookies);
  await browser.login("reader", "borrow-a-book");
  expect([...browser.cookies.keys()]).toEqual([...before.keys()]);
  expect([...browser.cookies.values()]).not.toEqual([...before.values()]);
  expect(await browser.visit()).toBe(3);
});

// Reports: CVE-2023-20862.
test("signing out forgets the reader and the visits, and a stolen cookie is worth nothing afterwards", async () => {
  const browser = new Reader(site().url);
  await browser.login("reader", "borrow-a-book");
  await browser.visit();
  const thief = new Reader(site().url);
  for (const [name, value] of browser.cookies) thief.cookies.set(name, value);
  expect(await thief.text("/catalog/books/")).toContain("Robin Reader");

  const response = await browser.post("/accounts/logout/");
  expect(response.status).toBe(303);
  expect(browser.cookies.size).toBe(0);
  expect(await browser.text(response.headers.get("location") as string)).toContain("You are signed out");
  expect(await thief.text("/catalog/books/")).not.toContain("Robin Reader");
  expect(await browser.visit()).toBe(1);
});

test("a link cannot sign anyone out", async () => {
  const browser = new Reader(site().url);
  await browser.login("librarian", "mind-the-shelves");
  expect(await browser.text("/accounts/logout/")).toContain("Sign out Lee Librarian");
  expect(await browser.text("/catalog/")).toContain("Lee Librarian");
});

test("the sign-in survives a restart of the server", async () => {
  const database = temporaryDatabase();
  const before = await startSite(database);
  const browser = new Reader(before.url);
  await browser.login("reader", "borrow-a-book");
  await before.stop();
  const after = await startSite(database);
  const sameBrowser = new Reader(after.url);
  for (const [name, value] of browser.cookies) sameBrowser.cookies.set(name, value);
  expect(await sameBrowser.text("/catalog/")).toContain("Robin Reader");
});

test("a wrong name and a wrong password get the same answer, and no cookie", async () => {
  const answers = [];
  for (const [username, password] of [
    ["reader", "wrong"],
    ["nobody", "borrow-a-book"],
    ["", ""],
  ] as const) {
    const browser = new Reader(site().url);
    const response = await browser.login(username, password);
    expect(response.status).toBe(422);
    expect(browser.cookies.size).toBe(0);
    const page = await response.text();
    expect(page).toContain("do not go together");
    const own = new RegExp(
      `name="username" value="${username}"|name="form_token" value="[^"]+"| autofocus`,
      "g",
    );
    answers.push(page.replaceAll(own, ""));
  }
  expect(new Set(answers).size).toBe(1);
});

test("a sign-in without fields, or with fields given twice, is answered and not broken", async () => {
  const empty = await fetch(`${site().url}/accounts/login/`, { method: "POST" });
  expect(empty.status).toBe(422);
  const body = "username=reader&username=librarian&password=mind-the-shelves";
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const twice = await fetch(`${site().url}/accounts/login/`, {
    method: "POST",
    body,
    headers,
    redirect: "manual",
  });
  expect(twice.status).toBe(303);
});

test("signing in leads back to the page one came from", async () => {
  const browser = new Reader(site().url);
  const page = await browser.text("/catalog/books/?q=emma&page=1");
  const link = /href="(\/accounts\/login\/\?next=[^"]+)"/.exec(page)?.[1] as string;
  expect(await browser.text(link)).toContain('name="next" value="/catalog/books/?q=emma&amp;page=1"');
  const response = await browser.login("reader", "borrow-a-book", "/catalog/books/?q=emma&page=1");
  expect(response.headers.get("location")).toBe("/catalog/books/?q=emma&page=1");
});

test.each([
  "//evil.example",
  "https://evil.example/",
  "/\\evil.example",
  "\\\\evil.example",
  "/\t/evil.example",
  "/\n/evil.example",
  " //evil.example",
  "javascript:alert(1)",
  "catalog/",
  "",
])("signing in does not lead to %j", async (next) => {
  const browser = new Reader(site().url);
  const asked = await browser.text(`/accounts/login/?next=${encodeURIComponent(next)}`);
  expect(asked).toContain('name="next" value="/catalog/"');
  const response = await browser.login("reader", "borrow-a-book", next);
  expect(response.headers.get("location")).toBe("/catalog/");
});
