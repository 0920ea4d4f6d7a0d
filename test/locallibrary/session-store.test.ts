import { join } from "node:path";
import { memoryStore, type StoreId } from "coatcheck";
import { expect, onTestFinished, test } from "vitest";
import { failFast } from "../../examples/locallibrary/src/session/fail-fast.ts";
import { heldStore } from "../instruments/held-store.ts";
import { redis } from "../servers/redis.ts";
import { describeWithServer } from "../servers/suite.ts";
import { Reader } from "./reader.ts";
import { spawnSite, temporaryDatabase } from "./site.ts";

async function siteOn(SESSION_STORE: string) {
  const site = spawnSite({ PORT: "0", LIBRARY_DATABASE: temporaryDatabase(), SESSION_STORE });
  onTestFinished(async () => void (await site.stop("SIGKILL")));
  return { ...site, url: await site.address };
}

/** What every store has to do for the site: visits, a login, the page of one's sessions, the dashboard. */
async function walkThrough(url: string): Promise<string> {
  const [one, other] = [new Reader(url), new Reader(url)];
  expect(await one.visit()).toBe(1);
  await one.login("librarian", "mind-the-shelves");
  expect(await one.visit()).toBe(2);
  await other.login("librarian", "mind-the-shelves");
  expect(await one.text("/accounts/sessions/")).toContain("Sign out all other devices");
  await one.post("/accounts/sessions/end-others/");
  expect(await other.text("/catalog/")).not.toContain("Lee Librarian");
  expect(await one.text("/session/")).toContain("bytes of JSON");
  return one.text("/librarian/sessions/");
}

describeWithServer(redis, (server) => {
  test("SESSION_STORE=redis://… runs the same site on Redis, and the banner says so", async () => {
    const site = await siteOn(server().url);
    expect(site.output()).toContain("redis://");
    expect(await walkThrough(site.url)).toContain("This store forgets expired sessions by itself");
  });
});

describeWithServer(redis, (server) => {
  test("while Redis is away the catalog can be read, and what needs the session says so until Redis is back", async () => {
    if (!server().own) return;
    const site = await siteOn(server().url);
    const browser = new Reader(site.url);
    await browser.login("reader", "borrow-a-book");
    await server().kill();

    for (const path of ["/catalog/books/", "/catalog/book/1", "/catalog/authors/", "/catalog/genre/1"]) {
      const response = await browser.get(path);
      expect(response.status, path).toBe(200);
      const page = await response.text();
      expect(page, path).toContain("Signing in is not possible just now");
      expect(page, path).not.toContain("/accounts/login/");
    }
    for (const path of ["/catalog/", "/catalog/mybooks/", "/catalog/reading-list/", "/session/"]) {
      const response = await browser.get(path);
      expect(response.status, path).toBe(503);
      expect(response.headers.get("retry-after"), path).toMatch(/^\d+$/);
      expect(await response.text(), path).toContain("Closed for a moment");
    }
    for (const path of [
      "/catalog/book/1/list/",
      "/preferences/notice/",
      "/accounts/login/",
      "/accounts/logout/",
    ]) {
      expect((await browser.post(path)).status, path).toBe(503);
    }

    await server().restart();
    await expect.poll(async () => (await browser.get("/catalog/")).status).toBe(200);
  });
});

const anyId = "a".repeat(64) as StoreId;
const call = () => ({ signal: AbortSignal.timeout(10_000), now: Date.now() });
const refuse = () => Promise.reject(new Error("connection refused"));

test("once the store is known to be away, nothing waits for it until it answers again", async () => {
  const { store, calls, answer, hold } = heldStore(memoryStore());
  const hasty = failFast(store);
  for (let i = 0; i < 2; i++) answer("read", refuse);
  const asked = hold("read");
  await expect(hasty.read(anyId, call())).rejects.toThrow("connection refused");

  await asked.arrived;
  const before = calls.length;
  for (const refused of [hasty.read(anyId, call()), hasty.delete(anyId, call())]) {
    await expect(refused).rejects.toThrow("The store is away");
  }
  expect(calls.length).toBe(before);

  asked.release();
  await expect.poll(() => hasty.read(anyId, call()).catch(() => "away")).toBe(null);
});

test("a call that fails while the store is there holds up no other", async () => {
  const { store, answer } = heldStore(memoryStore());
  const hasty = failFast(store);
  answer("delete", refuse);
  await expect(hasty.delete(anyId, call())).rejects.toThrow("connection refused");
  expect(await hasty.read(anyId, call())).toBe(null);
});

test("sessions can have a file of their own", async () => {
  const file = join(temporaryDatabase(), "../sessions.sqlite3");
  const site = await siteOn(`sqlite:${file}`);
  expect(site.output()).toContain("sessions.sqlite3");
  expect(await walkThrough(site.url)).toContain("Clear 0 expired sessions");
});

test.each([
  ["pigeon://coop", "begins with pigeon:"],
  ["memcached://127.0.0.1:1", "cannot list a user's sessions"],
  ["redis://:secret@127.0.0.1:1", "SESSION_STORE cannot be used"],
])("SESSION_STORE=%s is refused with the reason", async (SESSION_STORE, why) => {
  const site = spawnSite({ PORT: "0", LIBRARY_DATABASE: temporaryDatabase(), SESSION_STORE });
  expect((await site.ended).code).toBe(1);
  expect(site.output()).toMatch(/^LocalLibrary did not start: SESSION_STORE cannot be used/);
  expect(site.output()).toContain(why);
  expect(site.output()).not.toContain("secret");
});
