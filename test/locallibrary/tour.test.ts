import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { Meetings } from "../../examples/locallibrary/src/tour/guest-book.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { describeInChromium, signIn } from "./chromium.ts";
import { startHeldSite } from "./held-site.ts";
import { Reader } from "./reader.ts";
import { siteOfThisFile, spawnSite, temporaryDatabase } from "./site.ts";

const site = siteOfThisFile();

/** A reader who is on the tour, at the stop with this number. */
async function onTour(url: string, number: number): Promise<Reader> {
  const reader = new Reader(url);
  await reader.post("/tour/begin/");
  await reader.post("/tour/stop/", { number: String(number) });
  return reader;
}

test("only a visitor who takes the tour sees its panel, and looking at the offer begins no session", async () => {
  const reader = new Reader(site().url);
  const books = await reader.text("/catalog/books/");
  expect(books).toContain("Take the tour");
  expect(books).not.toContain("Guided tour");
  expect(reader.cookies.size).toBe(0);
  await reader.post("/tour/stop/", { number: "3" });
  expect(await reader.text("/catalog/books/")).not.toContain("Guided tour");
});

test("a panel that was closed stays closed, and the tour goes on where it was", async () => {
  const reader = await onTour(site().url, 2);
  await reader.post("/tour/close/");
  expect(await reader.text("/catalog/")).not.toContain("Guided tour");
  expect(await reader.text("/tour/")).toContain("Go on with stop 2");
  await reader.post("/tour/stop/", { number: "2" });
  expect(await reader.text("/catalog/")).toContain("Stop 2 of 6");
});

test("a tab that was closed before it signed meets no other", async () => {
  const meetings = new Meetings();
  const closed = AbortSignal.abort();
  expect(await meetings.come("book", closed)).toBe(null);
  const open = AbortSignal.timeout(60_000);
  const met = await Promise.all([meetings.come("book", open), meetings.come("book", open)]);
  expect(met).toEqual([expect.any(String), met[0]]);
});

test.each(["0", "7", "1.5", "x", ""])("there is no stop %j to go to", async (number) => {
  const reader = await onTour(site().url, 2);
  await reader.post("/tour/stop/", { number });
  expect(await reader.text("/catalog/books/")).toContain("Stop 2 of 6");
});

test("a sign-out ends the session and keeps the tour; without a tour it leaves no cookie", async () => {
  const [touring, other] = [await onTour(site().url, 3), new Reader(site().url)];
  for (const reader of [touring, other]) {
    await reader.login("reader", "borrow-a-book");
    expect(await reader.text("/catalog/books/")).toContain("Robin Reader");
    await reader.post("/accounts/logout/");
    expect(await reader.text("/catalog/books/")).not.toContain("Robin Reader");
  }
  expect(await touring.text("/catalog/books/")).toContain("Done: Signing in changes the key");
  expect(other.cookies.size).toBe(0);
});

test("an outage takes the store away from one session and from no other, and nothing of that session is lost", async () => {
  const clock = new MovedClock(Date.now());
  const own = await startHeldSite({ clock: clock.read });
  const [touring, other] = [await onTour(own.url, 5), new Reader(own.url)];
  for (const reader of [touring, other]) await reader.login("reader", "borrow-a-book");
  expect([await touring.visit(), await touring.visit(), await other.visit()]).toEqual([1, 2, 1]);

  expect((await touring.post("/tour/outage/")).status).toBe(303);
  const closed = await touring.get("/catalog/");
  expect([closed.status, closed.headers.getSetCookie()]).toEqual([503, []]);
  expect(await closed.text()).toContain("It is back in 10 seconds");
  expect((await touring.get("/catalog/books/")).status).toBe(200);
  expect((await touring.post("/catalog/book/1/list/")).status).toBe(503);
  expect(await other.visit()).toBe(2);

  clock.pass(10);
  expect(await touring.visit()).toBe(3);
  const back = await touring.text("/catalog/books/");
  expect(back).toContain("Robin Reader");
  expect(back).toContain("Done: The store goes away");
});

test("the visitor who has not met the outage has not done its stop", async () => {
  const clock = new MovedClock(Date.now());
  const own = await startHeldSite({ clock: clock.read });
  const touring = await onTour(own.url, 5);
  await touring.post("/tour/outage/");
  clock.pass(10);
  expect(await touring.text("/catalog/books/")).not.toContain("Done:");
});

test("a tab whose partner has gone signs alone, and the stop is not done", async () => {
  const own = await startHeldSite();
  const touring = await onTour(own.url, 2);
  const cookie = [...touring.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const read = own.hold("read", "after");
  const body = new URLSearchParams({ tab: "First" });
  const abandoned = new AbortController();
  const waiting = fetch(`${own.url}/tour/tabs/`, {
    method: "POST",
    body,
    headers: { cookie },
    signal: abandoned.signal,
  }).catch(String);
  await read.arrived;
  read.release();
  abandoned.abort();
  await waiting;
  await expect.poll(() => touring.text("/tour/tabs/")).toContain("signed alone");
  expect(await touring.text("/tour/tabs/")).not.toContain("Done:");
});

test.each(["races", "device-bound"])(
  "docs/%s.md can be read on the site, each heading with its anchor",
  async (page) => {
    const reader = new Reader(site().url);
    expect(await reader.text(`/docs/${page}/`)).toMatch(/<pre class="document" id="[a-z-]+">#/);
    for (const none of ["/docs/nothing/", "/docs/..%2Fpackage/"])
      expect((await reader.get(none)).status, none).toBe(404);
  },
);

test("every stop leads to a heading that its page of the docs has", async () => {
  const reader = new Reader(site().url);
  const links = [...(await reader.text("/tour/")).matchAll(/href="(\/docs\/[a-z-]+\/)#([a-z-]+)"/g)];
  expect(links).toHaveLength(6);
  for (const [, path, heading] of links)
    expect(await reader.text(path as string)).toContain(`id="${heading}"`);
});

test("with NODE_ENV=production there is no tour, and no switch for the store", async () => {
  const production = spawnSite({ PORT: "0", LIBRARY_DATABASE: temporaryDatabase(), NODE_ENV: "production" });
  onTestFinished(async () => void (await production.stop("SIGKILL")));
  const reader = new Reader(await production.address);
  for (const path of ["/tour/", "/docs/races/"]) expect((await reader.get(path)).status, path).toBe(404);
  for (const path of ["/tour/begin/", "/tour/outage/"])
    expect((await reader.post(path)).status, path).toBe(404);
  expect(await reader.text("/catalog/")).not.toContain("tour");
});

describeInChromium(
  () => site().url,
  (visitor) => {
    test("a visitor goes through the six stops, without JavaScript", async () => {
      const clock = new MovedClock(Date.now());
      const own = await startHeldSite({ clock: clock.read });
      const options = { baseURL: own.url, javaScriptEnabled: false };
      const page = await visitor(options);
      const panel = page.getByLabel("Guided tour");
      const button = (name: string) => page.getByRole("button", { name });
      const goOn = () => panel.getByRole("button", { name: "Next stop" }).click();

      await page.goto("/");
      await button("Take the tour").click();
      await panel.getByRole("link", { name: "Load this page again" }).click();
      await panel.getByText("Done: A counter").waitFor();
      await goOn();

      await panel.getByRole("link", { name: "Open the guest book" }).click();
      const tabs: Page[] = [];
      page.context().on("page", (tab) => tabs.push(tab));
      for (const tab of ["first", "second"]) await button(`Open the ${tab} tab`).click();
      await expect.poll(() => tabs.length).toBe(2);
      for (const tab of tabs) {
        await tab.getByText("Every signature is here").waitFor();
        await expect
          .poll(() => tab.getByRole("row").allInnerTexts())
          .toEqual([
            expect.stringContaining("Tab"),
            expect.stringContaining("0 signatures"),
            expect.stringContaining("0 signatures"),
          ]);
        await tab.close();
      }
      await page.reload();
      await panel.getByText("Done: Two tabs").waitFor();
      await goOn();
      await panel.getByText("Stop 3 of 6").waitFor();

      await signIn(page, "reader");
      await panel.getByText("Done: Signing in").waitFor();
      await goOn();

      const phone = await visitor(options);
      await signIn(phone, "reader");
      await panel.getByRole("link", { name: "Open your sessions" }).click();
      await page.getByRole("button", { name: /^Sign out \w+ \d+/ }).click();
      await panel.getByText("Done: Sign out another device").waitFor();
      await goOn();

      await button("Take the store away").click();
      await page.getByText("Closed for a moment").waitFor();
      clock.pass(10);
      await page.getByRole("link", { name: "Load again" }).click();
      await panel.getByText("Done: The store goes away").waitFor();
      await goOn();

      await button("Steal my cookie").click();
      await panel.getByText("The thief was let in.").waitFor();
      await button("Finish").click();
      await expect.poll(() => page.getByText("Done", { exact: true }).count()).toBe(6);
      expect(await panel.count()).toBe(0);
    });
  },
);
