import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
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
