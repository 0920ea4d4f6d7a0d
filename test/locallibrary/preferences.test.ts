import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite } from "./site.ts";

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

test("a page that a longer page size has done away with is the last page", async () => {
  const browser = new Reader(site().url);
  const [, last] = /Page 1 of (\d+)/.exec(await browser.text("/catalog/books/")) ?? [];
  await browser.post("/preferences/", { perPage: "48", theme: "auto" });
  const response = await browser.get(`/catalog/books/?page=${last}`);
  expect(response.status).toBe(200);
  const [, number, count] = /Page (\d+) of (\d+)/.exec(await response.text()) ?? [];
  expect(Number(count)).toBeLessThan(Number(last));
  expect(number).toBe(count);
  expect((await browser.get(`/catalog/books/?page=${Number(last) + 1}`)).status).toBe(404);
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

test("dismissing the notice leads back to the page it was on", async () => {
  const browser = new Reader(site().url);
  await browser.login("reader", "borrow-a-book");
  for (const path of ["/accounts/sessions/", "/accounts/password/", "/catalog/books/?page=2"]) {
    const notice = (await browser.text(path)).split('aria-label="About this site"')[1];
    expect(/name="next" value="([^"]+)"/.exec(notice ?? "")?.[1], path).toBe(path);
  }
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

test("the account keeps preferences, dismissed notices and the reading list, through a sign-out and on every device", async () => {
  const own = await startSite();
  const desktop = new Reader(own.url);
  await desktop.login("reader", "borrow-a-book");
  await desktop.post("/preferences/", { perPage: "24", theme: "dark" });
  await desktop.post("/preferences/notice/", { dismissed: "yes" });
  for (const id of [7, 3]) await desktop.post(`/catalog/book/${id}/list/`);
  await desktop.post("/accounts/logout/");

  const signedOut = await desktop.text("/catalog/books/");
  expect(bookLinks(signedOut)).toHaveLength(12);
  expect(bookLinks(await desktop.text("/catalog/reading-list/"))).toEqual([]);

  const phone = new Reader(own.url);
  for (const browser of [desktop, phone]) {
    await browser.login("reader", "borrow-a-book");
    const page = await browser.text("/catalog/books/");
    expect(bookLinks(page)).toHaveLength(24);
    expect(page).toContain('data-theme="dark"');
    expect(page).not.toContain('aria-label="About this site"');
    expect(bookLinks(await browser.text("/catalog/reading-list/"))).toEqual(["7", "3"]);
  }
  await phone.post("/catalog/book/7/unlist/");
  expect(bookLinks(await desktop.text("/catalog/reading-list/"))).toEqual(["3"]);
});

test("what a visitor chose before signing in joins what the account keeps, and another account sees none of it", async () => {
  const own = await startSite();
  const [before, visitor, librarian] = [new Reader(own.url), new Reader(own.url), new Reader(own.url)];
  await before.login("reader", "borrow-a-book");
  await before.post("/catalog/book/4/list/");
  await before.post("/preferences/", { perPage: "48", theme: "dark" });

  for (const id of [9, 4]) await visitor.post(`/catalog/book/${id}/list/`);
  await visitor.post("/preferences/notice/", { dismissed: "yes" });
  await visitor.login("reader", "borrow-a-book");
  expect(bookLinks(await visitor.text("/catalog/reading-list/"))).toEqual(["4", "9"]);
  const page = await before.text("/catalog/books/");
  expect(page).toContain('data-theme="dark"');
  expect(page).not.toContain('aria-label="About this site"');

  await librarian.login("librarian", "mind-the-shelves");
  expect(bookLinks(await librarian.text("/catalog/reading-list/"))).toEqual([]);
  expect(await librarian.text("/catalog/books/")).toContain('aria-label="About this site"');
});

test("ten tabs of a user that add a book at the same moment all find it on the list, which holds a hundred", async () => {
  const own = await startSite();
  const browser = new Reader(own.url);
  await browser.login("reader", "borrow-a-book");
  const total = Number(/Books<\/a><\/dt><dd>(\d+)/.exec(await browser.text("/catalog/"))?.[1]);
  for (let first = 1; first <= Math.min(total, 105); first += 10) {
    const ids = Array.from({ length: 10 }, (_, i) => first + i).filter((id) => id <= total);
    await Promise.all(ids.map((id) => browser.post(`/catalog/book/${id}/list/`)));
  }
  const listed = bookLinks(await browser.text("/catalog/reading-list/"));
  expect(listed).toHaveLength(Math.min(total, 100));
  expect(new Set(listed).size).toBe(listed.length);
});

test("a book that leaves the library leaves the reading lists", async () => {
  const own = await startSite();
  const [reader, librarian] = [new Reader(own.url), new Reader(own.url)];
  await reader.login("reader", "borrow-a-book");
  await librarian.login("librarian", "mind-the-shelves");
  const fields = { title: "Short-lived", authorId: "1", languageId: "1", summary: "Here and gone." };
  const path = (await librarian.post("/catalog/book/create/", fields)).headers.get("location");
  await reader.post(`${path}/list/`);
  expect(await reader.text("/catalog/reading-list/")).toContain("Short-lived");
  expect((await librarian.post(`${path}/delete/`)).headers.get("location")).toBe("/catalog/books/");
  expect(await reader.text("/catalog/reading-list/")).toContain("Nothing on it yet.");
});
