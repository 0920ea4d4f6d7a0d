import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { Reader } from "./reader.ts";
import { spawnSite, startSite, temporaryDatabase } from "./site.ts";

test("the first start makes and fills the database, and the banner says all one needs", async () => {
  const database = temporaryDatabase();
  const site = await startSite(database);
  expect(existsSync(database)).toBe(true);
  for (const text of [
    site.url,
    "reader / borrow-a-book",
    "librarian / mind-the-shelves",
    "library.sqlite3",
  ]) {
    expect(site.output()).toContain(text);
  }
});

test("the banner names no password that its reader has changed", async () => {
  const database = temporaryDatabase();
  const first = await startSite(database);
  const browser = new Reader(first.url);
  await browser.login("reader", "borrow-a-book");
  const fresh = "four horses in a teacup";
  await browser.post("/accounts/password/", { fresh, again: fresh });
  await first.stop();
  const { output } = await startSite(database);
  expect(output()).not.toContain("borrow-a-book");
  expect(output()).not.toContain(fresh);
  expect(output()).toContain("librarian / mind-the-shelves");
});

test("it answers on this machine only, by name and by number", async () => {
  const site = await startSite();
  const { port } = new URL(site.url);
  expect((await fetch(`http://127.0.0.1:${port}/catalog/`)).status).toBe(200);
  expect((await fetch(`http://localhost:${port}/catalog/`)).status).toBe(200);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends it, even with connections left open and a page that listens",
  async (signal) => {
    const site = await startSite();
    const browser = new Reader(site.url);
    await browser.login("reader", "borrow-a-book");
    const [, id] = /data-user="(\d+)"/.exec(await browser.text("/catalog/")) ?? [];
    const stream = await browser.get(`/accounts/still-signed-in/?user=${id}`);
    const ended = stream.text().catch(() => {});
    const idle = connect(Number(new URL(site.url).port), "127.0.0.1");
    idle.on("error", () => {});
    onTestFinished(() => void idle.destroy());
    await once(idle, "connect");
    expect(await site.stop(signal)).toEqual({ code: 0 });
    await ended;
  },
);

test("two servers that start on one new file at once share one library", async () => {
  const database = temporaryDatabase();
  const [one, other] = await Promise.all([startSite(database), startSite(database)]);
  const books = async (url: string) =>
    /Books<\/a><\/dt><dd>(\d+)/.exec(await new Reader(url).text("/catalog/"))?.[1];
  expect(await books(one.url)).toBe(await books(other.url));
});

test("a port that is taken is said in one line, with what to do", async () => {
  const site = await startSite();
  const { port } = new URL(site.url);
  expect(await refusal({ PORT: port })).toBe(
    `LocalLibrary did not start: port ${port} cannot be had (another program listens there). Set PORT to another, or to 0 for any free one.\n`,
  );
});

test.each(["http", "70000", "-1"])("PORT=%s is refused with what it takes", async (port) => {
  expect(await refusal({ PORT: port })).toBe(
    `LocalLibrary did not start: PORT is "${port}". Set it to a number from 1 to 65535, or to 0 for any free port.\n`,
  );
});

test("a file that is no database, or a newer version's, is refused", async () => {
  const file = temporaryDatabase();
  writeFileSync(file, "This is a letter, not a database.");
  expect(await refusal({ LIBRARY_DATABASE: file })).toMatch(
    /not a database\)\. Set LIBRARY_DATABASE to another file\.\n$/,
  );
  expect(readFileSync(file, "utf8")).toBe("This is a letter, not a database.");

  const newer = temporaryDatabase();
  new Database(newer).pragma("user_version = 99");
  expect(await refusal({ LIBRARY_DATABASE: newer })).toContain("a newer LocalLibrary made it");
});

/** What the site says when it will not start with these variables. */
async function refusal(variables: Record<string, string>): Promise<string> {
  const site = spawnSite({ PORT: "0", LIBRARY_DATABASE: temporaryDatabase(), ...variables });
  expect((await site.ended).code).toBe(1);
  return site.output();
}
