import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

const bookLinks = (page: string) => [...page.matchAll(/href="\/catalog\/book\/(\d+)"/g)].map(([, id]) => id);

test("results per page and theme are kept without an account, and carried over at login", async () => {
  const browser = new Reader(site().url);
  expect(await browser.text("/catalog/books/")).toContain('<html lang="en">');
  await browser.post("/preferences/", { perPage: "24", theme: "dark" });
  const saved = await browser.text("/preferences/");
  expect(saved).toContain("Your preferences were saved.");
  expect(saved).toMatch(/value="24" checked/);
  for (const step of [() => {}, () => browser.login("reader", "borrow-a-book")]) {
    await step();
    const page = await browser.text("/catalog/books/");
    expect(bookLinks(page)).toHaveLength(24);
    expect(page).toContain('data-theme="dark"');
    expect(page).toContain('<meta name="color-scheme" content="dark">');
  }
});

test("preferences that are not offered are refused", async () => {
  const browser = new Reader(site().url);
  for (const form of [{ perPage: "1000", theme: "dark" }, { perPage: "12", theme: "pink" }, {}]) {
    expect((await browser.post("/preferences/", form)).status).toBe(400);
  }
  expect(browser.cookies.size).toBe(0);
});

test("the notice stays dismissed, through the login too, until it is asked for again", async () => {
  const browser = new Reader(site().url);
  const notice = 'aria-label="About this site"';
  expect(await browser.text("/catalog/books/")).toContain(notice);
  const dismissal = await browser.post("/preferences/notice/", {
    dismissed: "yes",
    next: "/catalog/authors/",
  });
  expect(dismissal.headers.get("location")).toBe("/catalog/authors/");
  expect(await browser.text("/catalog/books/")).not.toContain(notice);
  await browser.login("reader", "borrow-a-book");
  expect(await browser.text("/catalog/books/")).not.toContain(notice);
  await browser.post("/preferences/notice/");
  expect(await browser.text("/catalog/books/")).toContain(notice);
});

test("a reading list fills without an account, and comes along at login", async () => {
  const browser = new Reader(site().url);
  expect(await browser.text("/catalog/reading-list/")).toContain("Nothing on it yet.");
  for (const id of [5, 2, 5])
    await browser.post(`/catalog/book/${id}/list/`, { next: `/catalog/book/${id}` });
  expect(await browser.text("/catalog/book/5")).toContain("Take off the reading list");
  expect(bookLinks(await browser.text("/catalog/reading-list/"))).toEqual(["5", "2"]);
  await browser.login("reader", "borrow-a-book");
  const list = await browser.text("/catalog/reading-list/");
  expect(bookLinks(list)).toEqual(["5", "2"]);
  expect(list).toContain("Reading list (2)");
  await browser.post("/catalog/book/5/unlist/", { next: "/catalog/reading-list/" });
  expect(bookLinks(await browser.text("/catalog/reading-list/"))).toEqual(["2"]);
});

test("ten tabs that add a book at the same moment all find it on the list", async () => {
  const browser = new Reader(site().url);
  await browser.visit();
  const ids = Array.from({ length: 10 }, (_, i) => String(i + 1));
  await Promise.all(ids.map((id) => browser.post(`/catalog/book/${id}/list/`)));
  const listed = bookLinks(await browser.text("/catalog/reading-list/"));
  expect(listed.toSorted((a, b) => Number(a) - Number(b))).toEqual(ids);
});

test("a book that is not there cannot be listed", async () => {
  expect((await new Reader(site().url).post("/catalog/book/9999/list/")).status).toBe(404);
});

test("a message is shown once, by the next page, however many redirects lie between", async () => {
  const browser = new Reader(site().url);
  const listing = await browser.post("/catalog/book/1/list/", { next: "/catalog/mybooks/" });
  const onward = await browser.get(listing.headers.get("location") as string);
  const page = await browser.text(onward.headers.get("location") as string);
  expect(page).toContain("is on your reading list");
  expect(page).toContain("Sign in first");
  expect(await browser.text("/catalog/books/")).not.toContain("is on your reading list");
});
