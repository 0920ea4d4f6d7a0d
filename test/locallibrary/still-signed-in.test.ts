import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { describeInChromium, signIn } from "./chromium.ts";
import { startHeldSite } from "./held-site.ts";
import { Reader } from "./reader.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

const notice = (page: Page) => page.getByRole("alert").filter({ hasText: "You were signed out" });

/** The site in this process, and the streams that pages keep open: one signal for each, aborted when it is closed. */
async function startWatchedSite() {
  const own = await startHeldSite();
  const streams: AbortSignal[] = [];
  const { watch } = own.sessions;
  own.sessions.watch = (session, options) => {
    if (options?.signal) streams.push(options.signal);
    return watch.call(own.sessions, session, options);
  };
  const open = () => streams.filter(({ aborted }) => !aborted).length;
  return { ...own, open, opened: () => streams.length };
}

const events = async (browser: Reader, user: string) =>
  (await browser.text(`/accounts/still-signed-in/?user=${user}`)).match(/^data: .*$/gm);

test("a stream tells a page of a user who is not signed in any more, or is another, and ends", async () => {
  const [stranger, librarian] = [new Reader(site().url), new Reader(site().url)];
  await librarian.login("librarian", "mind-the-shelves");
  expect(await events(stranger, "1")).toEqual(["data: signed out"]);
  expect(await events(librarian, "1")).toEqual(["data: signed out"]);
  expect(await events(librarian, "")).toEqual(["data: signed out"]);
  const { headers } = await stranger.get("/accounts/still-signed-in/?user=1");
  expect([headers.get("content-type"), headers.get("cache-control")]).toEqual([
    "text/event-stream; charset=utf-8",
    "private, no-store",
  ]);
});

test("a stream is no visit: the inspector still shows the last one", async () => {
  const own = await startHeldSite();
  const browser = new Reader(own.url);
  await browser.login("reader", "borrow-a-book");
  await browser.visit();
  expect(await events(browser, "no such user")).toEqual(["data: signed out"]);
  expect(await browser.text("/session/")).toContain("<code>GET /catalog/</code>");
});

describeInChromium(
  () => site().url,
  (visitor) => {
    test("all tabs of a device say so when it was signed out elsewhere, more tabs than a browser has connections", async () => {
      const own = await startWatchedSite();
      const [first, other] = [await visitor({ baseURL: own.url }), await visitor({ baseURL: own.url })];
      for (const page of [first, other]) await signIn(page, "reader");
      const tabs = [first];
      for (let tab = 0; tab < 6; tab++) tabs.push(await first.context().newPage());
      for (const tab of tabs) await tab.goto("/catalog/book/7");
      // One stream for the whole browser, and one for the other device.
      await expect.poll(own.open).toBe(2);
      for (const tab of tabs) expect(await notice(tab).count()).toBe(0);

      await other.goto("/accounts/sessions/");
      await other.getByRole("button", { name: "Sign out all other devices" }).click();
      await Promise.all(tabs.map((tab) => notice(tab).waitFor()));
      expect(await notice(other).count()).toBe(0);
      await expect.poll(own.open).toBe(1);

      await first.getByRole("link", { name: "Sign in again" }).click();
      await first.getByLabel("Username").fill("reader");
      await first.getByLabel("Password").fill("borrow-a-book");
      await first.getByRole("main").getByRole("button", { name: "Sign in" }).click();
      await first.getByText("Signed in as Robin Reader").waitFor();
      expect(first.url()).toMatch(/\/catalog\/book\/7$/);
      expect(await notice(first).count()).toBe(0);
    });

    test("when the tab that listens is closed another listens, and no stream outlives its page", async () => {
      const own = await startWatchedSite();
      const first = await visitor({ baseURL: own.url });
      await signIn(first, "reader");
      await expect.poll(own.open).toBe(1);
      const second = await first.context().newPage();
      await second.goto("/catalog/book/7");
      const moved = second.waitForRequest(/still-signed-in/);
      await first.close();
      await moved;
      await expect.poll(own.open).toBe(1);
      await second.goto("/accounts/logout/");
      await expect.poll(own.open).toBe(1);
      await second.close();
      await expect.poll(own.open).toBe(0);
    });

    test("a new key keeps the stream, and a flush in another tab is told", async () => {
      const own = await startWatchedSite();
      const page = await visitor({ baseURL: own.url });
      await signIn(page, "reader");
      await expect.poll(own.open).toBe(1);
      const tab = await page.context().newPage();
      await tab.goto("/session/");
      await tab.getByRole("button", { name: "Rotate" }).click();
      await tab.getByText("The key was replaced").waitFor();
      // The stream was not opened anew.
      expect([own.open(), own.opened()]).toEqual([1, 1]);
      await tab.getByRole("button", { name: "Flush" }).click();
      await notice(page).waitFor();
    });

    test("one refusal is no end: it may have come to a key that another tab was changing", async () => {
      const own = await startWatchedSite();
      const page = await visitor({ baseURL: own.url });
      const refusal = "retry: 10\ndata: signed out\n\n";
      await page.route(
        "**/still-signed-in/**",
        (route) => route.fulfill({ contentType: "text/event-stream", body: refusal }),
        { times: 1 },
      );
      await signIn(page, "reader");
      await expect.poll(own.open).toBe(1);
      expect(await notice(page).count()).toBe(0);
    });
  },
);
