import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

const bookLinks = (page: string) => [...page.matchAll(/href="\/catalog\/book\/(\d+)"/g)].map(([, id]) => id);
const authorLinks = (page: string) =>
  [...page.matchAll(/href="\/catalog\/author\/(\d+)"/g)].map(([, id]) => id);

test("the site's root leads to the catalog", async () => {
  const response = await new Reader(site().url).get("/");
  expect(response.status).toBe(302);
  expect(response.headers.get("location")).toBe("/catalog/");
});

test("every page of the catalog answers", async () => {
  const browser = new Reader(site().url);
  for (const path of [
    "/catalog/",
    "/catalog/books/",
    "/catalog/book/1",
    "/catalog/authors/",
    "/catalog/author/1",
    "/catalog/genres/",
    "/catalog/genre/1",
    "/catalog/languages/",
    "/catalog/language/1",
  ]) {
    const response = await browser.get(path);
    expect(response.status, path).toBe(200);
    expect(response.headers.get("content-type"), path).toBe("text/html; charset=utf-8");
    expect(await response.text(), path).toContain("<h1>");
  }
});

test("the home page counts what the library holds", async () => {
  const page = await new Reader(site().url).text("/catalog/");
  const count = (of: string) => Number(new RegExp(`${of}(?:</a>)?</dt><dd>(\\d+)</dd>`).exec(page)?.[1]);
  expect(count("Books")).toBeGreaterThanOrEqual(30);
  expect(count("Copies")).toBeGreaterThan(count("Books"));
  expect(count("Copies available")).toBeLessThan(count("Copies"));
  expect(count("Authors")).toBeGreaterThan(20);
  expect(count("Genres")).toBeGreaterThan(5);
  expect(count("Languages")).toBeGreaterThan(5);
});

test("paging through the books shows each of them once", async () => {
  const browser = new Reader(site().url);
  const home = await browser.text("/catalog/");
  const total = Number(/Books<\/a><\/dt><dd>(\d+)/.exec(home)?.[1]);

  const seen: (string | undefined)[] = [];
  let next: string | undefined = "/catalog/books/";
  while (next) {
    const page = await browser.text(next);
    seen.push(...bookLinks(page));
    next = /rel="next" href="([^"]+)"/.exec(page)?.[1];
  }
  expect(seen).toHaveLength(total);
  expect(new Set(seen).size).toBe(total);
});

test("the second page of authors follows the first", async () => {
  const browser = new Reader(site().url);
  const first = await browser.text("/catalog/authors/");
  const second = await browser.text("/catalog/authors/?page=2");
  expect(first).toContain("Page 1 of");
  expect(second).toContain("Page 2 of");
  expect(authorLinks(second).filter((id) => authorLinks(first).includes(id))).toEqual([]);
});

test("a page or a row that there is not is not found", async () => {
  const browser = new Reader(site().url);
  for (const path of [
    "/catalog/books/?page=0",
    "/catalog/books/?page=99",
    "/catalog/books/?page=two",
    "/catalog/authors/?page=-1",
    "/catalog/book/9999",
    "/catalog/book/1x",
    "/catalog/author/0",
    "/catalog/genre/9999",
    "/catalog/language/9999",
  ]) {
    const response = await browser.get(path);
    expect(response.status, path).toBe(404);
    expect(await response.text(), path).toContain("Not on our shelves");
  }
});

test("search finds titles and authors, whatever the case and the accents", async () => {
  const browser = new Reader(site().url);
  expect(await browser.text("/catalog/books/?q=MISERABLES")).toContain("Les Misérables");
  expect(await browser.text("/catalog/books/?q=bronte")).toContain("Jane Eyre");
  expect(await browser.text("/catalog/books/?q=austen+emma")).toContain("1 book for");
  expect(await browser.text("/catalog/books/?q=dragonriders")).toContain("0 books for");
});

test("a search takes any number of words, and each of them counts", async () => {
  const browser = new Reader(site().url);
  const asked = async (words: string[]) => {
    const response = await browser.get(`/catalog/books/?q=${words.join("+")}`);
    expect(response.status).toBe(200);
    return response.text();
  };
  const thousand = Array.from({ length: 1500 }, (_, i) => `w${i}`);
  expect(await asked(thousand)).toContain("0 books for");
  expect(await asked(Array(1500).fill("emma"))).toContain("1 book for");
  expect(await asked([...Array(1500).fill("emma"), "moby"])).toContain("0 books for");
});

test("what is searched for is shown as text, never as markup", async () => {
  const page = await new Reader(site().url).text(
    `/catalog/books/?q=${encodeURIComponent('"><script>alert(1)</script>')}`,
  );
  expect(page.match(/<script[^>]*>/g)).toEqual([expect.stringMatching(/ src="\/static\/sent-once\.js/)]);
  expect(page).toContain("&lt;script&gt;");
});

test("paging keeps the search", async () => {
  const browser = new Reader(site().url);
  const page = await browser.text("/catalog/books/?q=the");
  expect(page).toContain('rel="next" href="/catalog/books/?q=the&amp;page=2"');
});

test("a book's page names its author, summary, language, genres and copies", async () => {
  const browser = new Reader(site().url);
  const [id] = bookLinks(await browser.text("/catalog/books/?q=frankenstein"));
  const page = await browser.text(`/catalog/book/${id}`);
  for (const text of [
    "Mary Shelley",
    "A student gives life",
    "English",
    "Gothic fiction",
    "9780141439471",
    "On loan",
    "due back",
  ]) {
    expect(page).toContain(text);
  }
});

test("styles may be kept for a year, pages never without asking", async () => {
  const browser = new Reader(site().url);
  const page = await browser.get("/catalog/books/");
  expect(page.headers.get("cache-control")).toBe("private, no-cache");
  const stylesheet = /<link rel="stylesheet" href="([^"]+)">/.exec(await page.text())?.[1] as string;
  const css = await browser.get(stylesheet);
  expect(css.status).toBe(200);
  expect(css.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(css.headers.get("x-content-type-options")).toBe("nosniff");
});
