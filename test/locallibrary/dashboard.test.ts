import Database from "better-sqlite3";
import type { Store, StoreId } from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { gate } from "../instruments/loopback.ts";
import { describeInChromium, signIn } from "./chromium.ts";
import { startHeldSite } from "./held-site.ts";
import { Reader } from "./reader.ts";
import { startSite, temporaryDatabase } from "./site.ts";

/** A site of its own with this many sessions that expired yesterday, and a librarian who is signed in. */
async function siteWithExpired(expired: number) {
  const database = temporaryDatabase();
  const site = await startSite(database);
  const librarian = new Reader(site.url);
  await librarian.login("librarian", "mind-the-shelves");
  const client = new Database(database);
  client
    .prepare(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
       INSERT INTO coatcheck_sessions (id, data, version, created_at, expires_at, format)
       SELECT printf('%064x', n), '{}', 1, 0, unixepoch() * 1000 - 86400000, 1 FROM numbers`,
    )
    .run(expired);
  client.close();
  return { site, librarian };
}

/** The same in this process, where each of the first two batches of a clearing waits until `goOn` is called. */
async function siteThatClearsSlowly(expired: number) {
  const inner = sqliteStore(":memory:");
  onTestFinished(() => void inner.close());
  const yesterday = Date.now() - 86_400_000;
  const record = { data: "{}", version: 1, userId: null, createdAt: 0, authenticatedAt: null, expiry: null };
  const call = { signal: new AbortController().signal, now: 0 };
  for (let n = 0; n < expired; n++) {
    const id = n.toString(16).padStart(64, "0") as StoreId;
    await inner.create(id, { ...record, expiresAt: yesterday, format: 1 }, call);
  }
  const gates = [gate(), gate()];
  const closed = [...gates];
  const store: Store = {
    ...inner,
    async clearExpired(given) {
      await closed.shift()?.promise;
      return inner.clearExpired(given);
    },
  };
  const site = await startHeldSite({}, store);
  const librarian = new Reader(site.url);
  await librarian.login("librarian", "mind-the-shelves");
  return { site, librarian, goOn: () => gates.shift()?.resolve() };
}

const count = (page: string, of: string) => new RegExp(`<dt>${of}</dt><dd>([^<]+)</dd>`).exec(page)?.[1];

test("the dashboard counts what is active, signed in, expired and waiting, and names the store", async () => {
  const { site, librarian } = await siteWithExpired(7);
  await new Reader(site.url).visit();
  const page = await librarian.text("/librarian/sessions/");
  expect(page).toContain("Kept in SQLite, with the books.");
  expect(count(page, "Active")).toBe("2");
  expect(count(page, "Signed in")).toBe("1");
  expect(count(page, "Expired, waiting")).toBe("7");
  expect(count(page, "Size")).toMatch(/^\d+(\.\d+)?k?B$/);
});

test("the plots are drawn from what was sampled over time", async () => {
  const { site, librarian } = await siteWithExpired(3);
  const before = await librarian.text("/librarian/sessions/");
  for (let i = 0; i < 3; i++) await new Reader(site.url).visit();
  const page = await librarian.text("/librarian/sessions/?span=day");
  expect(page.match(/<svg/g)).toHaveLength(4);
  expect(page).toContain('aria-label="Active over the last day, now 4"');
  const curve = (of: string) => /class="curve" d="(M[^"]+)"/.exec(of)?.[1] ?? "";
  expect(curve(page).length).toBeGreaterThan(curve(before).length);
  expect((await librarian.get("/librarian/sessions/?span=constructor")).status).toBe(200);
});

test("expired sessions are cleared in batches, and the page says how many went", async () => {
  const { site, librarian } = await siteWithExpired(2500);
  const started = await librarian.post("/librarian/sessions/clear/");
  expect(started.headers.get("location"), site.output()).toBe("/librarian/sessions/");
  await expect.poll(() => librarian.text("/librarian/sessions/")).toContain("2500 expired sessions cleared.");
  const page = await librarian.text("/librarian/sessions/");
  expect(count(page, "Expired, waiting")).toBe("0");
  expect(page).toContain("Signed in as <strong>Lee Librarian");
});

test("while it goes on, the page shows how far it is, and comes again by itself where no script runs", async () => {
  const { librarian, goOn } = await siteThatClearsSlowly(2500);
  await librarian.post("/librarian/sessions/clear/");
  const page = await librarian.text("/librarian/sessions/");
  expect(page).toMatch(/<progress id="progress" value="\d+" max="2500">/);
  expect(page).toContain('<noscript><meta http-equiv="refresh" content="1"></noscript>');
  const progress = async () => (await librarian.get("/librarian/sessions/clearing")).json();
  expect(await progress()).toMatchObject({ expected: 2500, isOver: false, hasFailed: false });
  for (let batch = 0; batch < 2; batch++) goOn();
  await expect.poll(progress).toEqual({ expected: 2500, deleted: 2500, isOver: true, hasFailed: false });
});

describeInChromium(
  () => "",
  (visitor) => {
    test("the bar moves while a clearing goes on, and the end is told without a click", async () => {
      const { site, goOn } = await siteThatClearsSlowly(2500);
      const page = await visitor({ baseURL: site.url });
      await signIn(page, "librarian");
      await page.goto("/librarian/sessions/");
      await page.getByRole("button", { name: "Clear 2500 expired sessions" }).click();
      const deleted = page.locator("#deleted");
      await deleted.filter({ hasText: /^0$/ }).waitFor();
      goOn();
      await deleted.filter({ hasText: /^1000$/ }).waitFor();
      goOn();
      await page.getByText("2500 expired sessions cleared.").waitFor();
    });
  },
);
