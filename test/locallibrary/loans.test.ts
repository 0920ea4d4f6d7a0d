import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite, temporaryDatabase } from "./site.ts";

const FIRST_RELEASE = fileURLToPath(
  new URL("../../examples/locallibrary/migrations/0001-catalog.sql", import.meta.url),
);

const site = siteOfThisFile();

async function reader(): Promise<Reader> {
  const browser = new Reader(site().url);
  await browser.login("reader", "borrow-a-book");
  return browser;
}

async function librarian(): Promise<Reader> {
  const browser = new Reader(site().url);
  await browser.login("librarian", "mind-the-shelves");
  return browser;
}

/** The copies on a book's page that can be borrowed. */
const borrowable = (page: string) =>
  [...page.matchAll(/\/catalog\/copy\/([0-9a-f-]{36})\/borrow\//g)].map(([, id]) => id);
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

test("a reader borrows a copy, finds it among the own books, and brings it back", async () => {
  const browser = await reader();
  const [copy] = borrowable(await browser.text("/catalog/book/1"));
  const borrowed = await browser.post(`/catalog/copy/${copy}/borrow/`, { next: "/catalog/book/1" });
  expect(borrowed.status).toBe(303);
  const book = await browser.text(borrowed.headers.get("location") as string);
  expect(book).toContain("is yours to read. Bring it back by");
  expect(borrowable(book)).not.toContain(copy);

  const mine = await browser.text("/catalog/mybooks/");
  expect(mine).toContain(`/catalog/copy/${copy}/return/`);
  await browser.post(`/catalog/copy/${copy}/return/`, { next: "/catalog/mybooks/" });
  const after = await browser.text("/catalog/mybooks/");
  expect(after).toContain("is back on the shelf");
  expect(after).not.toContain(`/catalog/copy/${copy}/return/`);
});

test("of two readers who want the last copy at once, one gets it and the other is told", async () => {
  const [one, other] = [await reader(), await librarian()];
  const [copy] = borrowable(await one.text("/catalog/book/2"));
  const answers = await Promise.all(
    [one, other].map(async (browser) => {
      await browser.post(`/catalog/copy/${copy}/borrow/`);
      return browser.text("/catalog/book/2");
    }),
  );
  expect(answers.filter((page) => page.includes("is yours to read"))).toHaveLength(1);
  expect(answers.filter((page) => page.includes("Somebody was quicker"))).toHaveLength(1);
});

test("nobody returns what another has at home", async () => {
  const [one, other] = [await librarian(), await reader()];
  const [copy] = borrowable(await one.text("/catalog/book/3"));
  await one.post(`/catalog/copy/${copy}/borrow/`);
  await other.post(`/catalog/copy/${copy}/return/`);
  expect(await other.text("/catalog/mybooks/")).toContain("is not out on loan to you");
  expect(await one.text("/catalog/mybooks/")).toContain(`/catalog/copy/${copy}/return/`);
});

test("the reader's own books and the librarians' list mark what is overdue, the longest first", async () => {
  for (const page of [
    await (await reader()).text("/catalog/mybooks/"),
    await (await librarian()).text("/catalog/borrowed/"),
  ]) {
    expect(page).toMatch(/\d+ overdue/);
    const due = [...page.matchAll(/due back (\d+ \w+ \d{4})/g)].map(([, day]) => Date.parse(`${day} UTC`));
    expect(due).toEqual(due.toSorted((a, b) => a - b));
    expect(page.match(/class="due overdue"/g)).toHaveLength(
      due.filter((day) => day < Date.parse(inDays(0))).length,
    );
  }
});

test("a librarian sees who has what, and renews within four weeks", async () => {
  const browser = await librarian();
  const list = await browser.text("/catalog/borrowed/");
  expect(list).toMatch(/Ada Quill|Béla Farkas|Chidi Okafor|Dora Lindqvist/);
  const renewal = /href="(\/catalog\/book\/[0-9a-f-]{36}\/renew\/)"/.exec(list)?.[1] as string;
  expect(await browser.text(renewal)).toContain(`value="${inDays(21)}"`);

  for (const [dueBack, why] of [
    [inDays(-1), "That day is past"],
    [inDays(29), "more than four weeks ahead"],
    ["2026-02-30", "Give a day"],
    ["soon", "Give a day"],
    ["", "Give a day"],
  ] as const) {
    const refused = await browser.post(renewal, { dueBack });
    expect(refused.status, dueBack).toBe(422);
    const page = await refused.text();
    expect(page, dueBack).toContain(why);
    expect(page, dueBack).toContain('aria-invalid="true"');
  }

  const renewed = await browser.post(renewal, { dueBack: inDays(28) });
  expect(renewed.headers.get("location")).toBe("/catalog/borrowed/");
  expect(await browser.text("/catalog/borrowed/")).toContain("is now due back on");
});

test("who is not signed in is led over the login page and back", async () => {
  const browser = new Reader(site().url);
  const asked = await browser.get("/catalog/mybooks/");
  expect(asked.status).toBe(303);
  expect(asked.headers.get("location")).toBe("/accounts/login/?next=%2Fcatalog%2Fmybooks%2F");
  expect(await browser.text("/accounts/login/?next=%2Fcatalog%2Fmybooks%2F")).toContain("Sign in first");

  const [copy] = borrowable(await browser.text("/catalog/book/4"));
  const borrowing = await browser.post(`/catalog/copy/${copy}/borrow/`, { next: "/catalog/book/4" });
  expect(borrowing.headers.get("location")).toBe("/accounts/login/?next=%2Fcatalog%2Fbook%2F4");
});

test.each([
  "/catalog/borrowed/",
  "/catalog/book/create/",
  "/catalog/author/1/delete/",
  "/librarian/sessions/",
])("%s is for librarians only", async (path) => {
  expect((await new Reader(site().url).get(path)).status).toBe(303);
  const refused = await (await reader()).get(path);
  expect(refused.status).toBe(403);
  expect(await refused.text()).toContain("for librarians only");
  expect((await (await librarian()).get(path)).status).toBe(200);
});

test("a reader's forged forms change nothing either", async () => {
  const browser = await reader();
  for (const path of [
    "/catalog/author/1/delete/",
    "/catalog/book/1/delete/",
    "/catalog/book/1/copies/",
    "/librarian/sessions/clear/",
  ]) {
    expect((await browser.post(path)).status, path).toBe(403);
  }
});

test("a library of the first release is brought up to date, and its loans have readers unknown", async () => {
  const today = temporaryDatabase();
  await (await startSite(today)).stop();
  const old = temporaryDatabase();
  const client = new Database(old);
  client.exec(readFileSync(FIRST_RELEASE, "utf8"));
  client.exec(`ATTACH '${today}' AS today`);
  const columns = (table: string) => client.pragma(`table_info(${table})`) as { name: string }[];
  for (const table of ["authors", "genres", "languages", "books", "book_genres", "copies", "users"]) {
    const names = columns(table).map(({ name }) => name);
    client.exec(`INSERT INTO main.${table} (${names}) SELECT ${names} FROM today.${table}`);
  }
  client.pragma("main.user_version = 1");
  client.close();

  const browser = new Reader((await startSite(old)).url);
  await browser.login("librarian", "mind-the-shelves");
  const page = await browser.text("/catalog/borrowed/");
  expect(page).toContain("Reader unknown");
  const copy = /\/catalog\/copy\/([0-9a-f-]{36})\/return/.exec(page)?.[1];
  await browser.post(`/catalog/copy/${copy}/return/`, { next: "/catalog/borrowed/" });
  expect(await browser.text("/catalog/borrowed/")).toContain("is back on the shelf");
});
