import { beforeAll, expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

let browser: Reader;
beforeAll(async () => {
  browser = new Reader(site().url);
  await browser.login("librarian", "mind-the-shelves");
});

const author = { firstName: "Nella", lastName: "Larsen", born: "1891", died: "1964" };
const book = {
  title: "Passing",
  authorId: "1",
  languageId: "1",
  published: "1929",
  summary: "Two friends.",
  isbn: "",
};

/** Sends a form and answers where it leads. */
async function send(path: string, form: Record<string, string>): Promise<string> {
  const response = await browser.post(path, form);
  expect(response.status, await response.clone().text()).toBe(303);
  return response.headers.get("location") as string;
}

test("an author is added, changed and removed", async () => {
  const path = await send("/catalog/author/create/", author);
  const added = await browser.text(path);
  expect(added).toContain("The author was added.");
  expect(added).toContain("<h1>Nella Larsen</h1>");
  expect(added).toContain("1891–1964");

  expect(await browser.text(`${path}/update/`)).toContain('value="Larsen"');
  await send(`${path}/update/`, { ...author, firstName: "", died: "" });
  const changed = await browser.text(path);
  expect(changed).toContain("Your changes were saved.");
  expect(changed).toContain("<h1>Larsen</h1>");

  expect(await browser.text(`${path}/delete/`)).toContain("This cannot be undone.");
  expect(await send(`${path}/delete/`, {})).toBe("/catalog/authors/");
  expect(await browser.text("/catalog/authors/")).toContain("The author was removed.");
  expect((await browser.get(path)).status).toBe(404);
});

test("authors are in the order of their last names, whatever the case and the accents", async () => {
  for (const lastName of ["de Beauvoir", "Éluard", "zu Dohna"]) {
    await send("/catalog/author/create/", { firstName: "", lastName, born: "", died: "" });
  }
  const form = await browser.text("/catalog/book/create/");
  const [select = ""] = /<select id="authorId".*?<\/select>/s.exec(form) ?? [];
  const offered = [...select.matchAll(/<option value="\d+">([^<]+)/g)].map(([, name]) => name as string);
  const place = (name: string) => offered.findIndex((offer) => offer.startsWith(name));
  expect(place("de Beauvoir")).toBeGreaterThan(place("Chekhov"));
  expect(place("de Beauvoir")).toBeLessThan(place("Dickens"));
  expect(place("Éluard")).toBeGreaterThan(place("Dumas"));
  expect(place("Éluard")).toBeLessThan(place("Flaubert"));
  expect(offered.at(-1)).toBe("zu Dohna");
});

test("an author with books stays", async () => {
  expect(await browser.text("/catalog/author/1/delete/")).toContain("Remove the books first.");
  await send("/catalog/author/1/delete/", {});
  expect(await browser.text("/catalog/author/1")).toContain(
    "There are books by this author, so nothing was removed.",
  );
});

test.each([
  [{ lastName: " " }, "Fill this in."],
  [{ lastName: "x".repeat(101) }, "Use at most 100 characters."],
  [{ born: "MDCCC" }, "Write a year in digits"],
  [{ born: "1900", died: "1800" }, "Nobody dies before being born"],
])("an author's form with %j comes back with what is wrong, and what was typed", async (wrong, why) => {
  const response = await browser.post("/catalog/author/create/", { ...author, ...wrong });
  expect(response.status).toBe(422);
  const page = await response.text();
  expect(page).toContain(why);
  expect(page).toContain('value="Nella"');
});

test("a book is added with copies and genres, changed and removed", async () => {
  const response = await fetch(`${site().url}/catalog/book/create/`, {
    method: "POST",
    redirect: "manual",
    headers: {
      cookie: [...browser.cookies].map((pair) => pair.join("=")).join("; "),
      "content-type": "application/x-www-form-urlencoded",
    },
    body: `${new URLSearchParams({ ...book, isbn: "978-0-14-243727-0" })}&genreIds=1&genreIds=2&genreIds=2`,
  });
  const path = response.headers.get("location") as string;
  const added = await browser.text(path);
  expect(added).toContain("“Passing” was added.");
  expect(added).toContain("9780142437270");
  expect(added.match(/\/catalog\/genre\/\d/g)).toEqual(["/catalog/genre/1", "/catalog/genre/2"]);

  await send(`${path}/copies/`, { imprint: "First <edition>" });
  const stocked = await browser.text(path);
  expect(stocked).toContain("A copy of “Passing” was added.");
  expect(stocked).toContain("First &lt;edition&gt;");
  await send(`${path}/copies/`, { imprint: " " });
  expect(await browser.text(path)).toContain("The copy was not added. Its imprint: Fill this in.");

  await send(`${path}/update/`, { ...book, title: "Passing, again" });
  expect(await browser.text(path)).toContain("<h1>Passing, again</h1>");

  const copy = /\/catalog\/copy\/([0-9a-f-]+)\/borrow/.exec(stocked)?.[1];
  await send(`/catalog/copy/${copy}/borrow/`, {});
  await send(`${path}/delete/`, {});
  expect(await browser.text(path)).toContain("is on loan, so nothing was removed");
  await send(`/catalog/copy/${copy}/return/`, {});
  expect(await send(`${path}/delete/`, {})).toBe("/catalog/books/");
  expect(await browser.text("/catalog/books/")).toContain("was removed, with its copies.");
  expect((await browser.get(path)).status).toBe(404);
});

test("a copy is removed, but not while it is on loan", async () => {
  const page = await browser.text("/catalog/book/1");
  const onLoan = /\/catalog\/book\/([0-9a-f-]{36})\/renew/.exec(page)?.[1];
  await send(`/catalog/copy/${onLoan}/delete/`, {});
  expect(await browser.text("/catalog/book/1")).toContain("This copy is on loan, so it was not removed.");
  const free = /\/catalog\/copy\/([0-9a-f-]{36})\/delete/.exec(page)?.[1] as string;
  await send(`/catalog/copy/${free}/delete/`, {});
  const after = await browser.text("/catalog/book/1");
  expect(after).toContain("was removed.");
  expect(after).not.toContain(free);
});

test("a copy goes to maintenance and comes back, but never while it is on loan", async () => {
  const path = await send("/catalog/book/create/", { ...book, title: "The Repaired" });
  await send(`${path}/copies/`, { imprint: "Hardback" });
  const copy = /\/catalog\/copy\/([0-9a-f-]{36})\/borrow/.exec(await browser.text(path))?.[1];
  const status = async () => /class="status [\w-]+">([^<]+)</.exec(await browser.text(path))?.[1];
  await send(`/catalog/copy/${copy}/status/`, { status: "maintenance" });
  expect(await status()).toBe("Maintenance");
  expect(await browser.text(path)).not.toContain(`/catalog/copy/${copy}/borrow/`);
  await send(`/catalog/copy/${copy}/status/`, { status: "available" });
  expect(await status()).toBe("Available");

  await send(`/catalog/copy/${copy}/borrow/`, {});
  await send(`/catalog/copy/${copy}/status/`, { status: "available" });
  expect(await browser.text(path)).toContain("This copy is on loan");
  expect(await status()).toBe("On loan");
  expect((await browser.post(`/catalog/copy/${copy}/status/`, { status: "on loan" })).status).toBe(400);
});

test("every seeded copy in maintenance or reserved can be made available", async () => {
  for (const id of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    const page = await browser.text(`/catalog/book/${id}`);
    const waiting = page.match(/class="status (?:maintenance|reserved)"/g)?.length ?? 0;
    expect(page.match(/name="status" value="available"/g)?.length ?? 0, `book ${id}`).toBe(waiting);
  }
});

test.each([
  [{ title: "" }, "Fill this in."],
  [{ authorId: "" }, "Choose one from the list."],
  [{ authorId: "99999" }, "This has gone from the list meanwhile."],
  [{ languageId: "99999" }, "This has gone from the list meanwhile."],
  [{ genreIds: "99999" }, "This has gone from the list meanwhile."],
  [{ isbn: "12345" }, "An ISBN has 10 or 13 digits."],
  [{ isbn: "9780141439518" }, "has this ISBN already."],
  [{ published: "last year" }, "Write a year in digits"],
])("a book's form with %j comes back with what is wrong, and what was typed", async (wrong, why) => {
  const response = await browser.post("/catalog/book/create/", { ...book, ...wrong });
  expect(response.status).toBe(422);
  const page = await response.text();
  expect(page).toContain(why);
  expect(page).toContain(">Two friends.</textarea>");
});
