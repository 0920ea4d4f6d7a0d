import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { describeInChromium, signIn } from "./chromium.ts";
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
  await expect
    .poll(() => librarian.text("/librarian/sessions/"), { timeout: 10_000 })
    .toContain("2500 expired sessions cleared.");
  const page = await librarian.text("/librarian/sessions/");
  expect(count(page, "Expired, waiting")).toBe("0");
  expect(page).toContain("Signed in as <strong>Lee Librarian");
});

test("while it goes on, the page shows how far it is, and comes again by itself where no script runs", async () => {
  const { librarian } = await siteWithExpired(100_000);
  await librarian.post("/librarian/sessions/clear/");
  const page = await librarian.text("/librarian/sessions/");
  expect(page).toMatch(/<progress id="progress" value="\d+" max="100000">/);
  expect(page).toContain('<noscript><meta http-equiv="refresh" content="1"></noscript>');
  const progress = await (await librarian.get("/librarian/sessions/clearing")).json();
  expect(progress).toMatchObject({ expected: 100_000, hasFailed: false });
});

describeInChromium(
  () => "",
  (visitor) => {
    test("the bar moves while a clearing goes on, and the end is told without a click", async () => {
      const { site } = await siteWithExpired(100_000);
      const page = await visitor({ baseURL: site.url });
      await signIn(page, "librarian");
      await page.goto("/librarian/sessions/");
      await page.getByRole("button", { name: "Clear 100000 expired sessions" }).click();
      const deleted = page.locator("#deleted");
      const before = await deleted.textContent();
      await expect.poll(() => deleted.textContent()).not.toBe(before);
      await page.getByText("100000 expired sessions cleared.").waitFor({ timeout: 30_000 });
    }, 60_000);
  },
);
