import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite, temporaryDatabase } from "./site.ts";

const site = siteOfThisFile();

test("a browser's visits are counted, one by one", async () => {
  const browser = new Reader(site().url);
  expect(await browser.visit()).toBe(1);
  expect(await browser.visit()).toBe(2);
  expect(await browser.visit()).toBe(3);
});

test("one visit is 1 time, more are times", async () => {
  const browser = new Reader(site().url);
  expect(await browser.text("/catalog/")).toContain("You have visited this page 1 time.");
  expect(await browser.text("/catalog/")).toContain("You have visited this page 2 times.");
});

test("each browser has its own count", async () => {
  const [one, other] = [new Reader(site().url), new Reader(site().url)];
  await one.visit();
  expect(await one.visit()).toBe(2);
  expect(await other.visit()).toBe(1);
});

test("the count survives a restart of the server", async () => {
  const database = temporaryDatabase();
  const before = await startSite(database);
  const browser = new Reader(before.url);
  for (const visit of [1, 2, 3]) expect(await browser.visit()).toBe(visit);
  await before.stop();

  const after = await startSite(database);
  const sameBrowser = new Reader(after.url);
  for (const [name, value] of browser.cookies) sameBrowser.cookies.set(name, value);
  expect(await sameBrowser.visit()).toBe(4);
});

test("100 simultaneous visits add exactly 100", async () => {
  const browser = new Reader(site().url);
  await browser.visit();
  // Two requests that read the session at the same time show the same number, but the stored number counts both.
  await Promise.all(Array.from({ length: 100 }, () => browser.visit()));
  expect(await browser.visit()).toBe(102);
});

test("two servers on one database lose no visit between them", async () => {
  const database = temporaryDatabase();
  const sites = [await startSite(database), await startSite(database)];
  const [first, second] = sites.map((site) => new Reader(site.url)) as [Reader, Reader];
  await first.visit();
  for (const [name, value] of first.cookies) second.cookies.set(name, value);
  const visits = [first, second].flatMap((browser) => Array.from({ length: 50 }, () => browser.visit()));
  await Promise.all(visits);
  expect(await first.visit()).toBe(102);
});

test("a visitor who only looks over the shelves gets no cookie", async () => {
  const browser = new Reader(site().url);
  for (const path of [
    "/catalog/books/",
    "/catalog/authors/",
    "/catalog/author/1",
    "/catalog/genres/",
    "/session/",
  ]) {
    await browser.get(path);
  }
  expect(browser.cookies.size).toBe(0);
});

test("the home page shows the books seen last, the last one first and each one once", async () => {
  const browser = new Reader(site().url);
  for (const id of [1, 2, 3, 1]) await browser.get(`/catalog/book/${id}`);
  const page = await browser.text("/catalog/");
  const recent = page.slice(page.indexOf("Recently viewed"), page.indexOf("On the shelf now"));
  expect([...recent.matchAll(/\/catalog\/book\/(\d+)/g)].map(([, id]) => id)).toEqual(["1", "3", "2"]);
});

test("two tabs that open different books at the same moment both count as seen", async () => {
  const browser = new Reader(site().url);
  await browser.visit();
  await Promise.all([1, 2, 3, 4, 5].map((id) => browser.get(`/catalog/book/${id}`)));
  const page = await browser.text("/catalog/");
  const recent = page.slice(page.indexOf("Recently viewed"), page.indexOf("On the shelf now"));
  expect([...recent.matchAll(/\/catalog\/book\/(\d+)/g)].map(([, id]) => id).sort()).toEqual([
    "1",
    "2",
    "3",
    "4",
    "5",
  ]);
});
