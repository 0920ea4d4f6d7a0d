import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite } from "./site.ts";

const site = siteOfThisFile();

const FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

async function signedIn(
  userAgent: string,
  url = site().url,
  username = "reader",
  password = "borrow-a-book",
) {
  const browser = new Reader(url);
  await browser.post("/accounts/login/", { username, password }, { "user-agent": userAgent });
  return browser;
}

const handles = (page: string) =>
  [...page.matchAll(/name="handle" value="([0-9a-f]+)"/g)].map(([, handle]) => handle as string);

test("each device is listed with browser and address, this one first and marked", async () => {
  const own = await startSite();
  const desktop = await signedIn(FIREFOX, own.url);
  await signedIn(IPHONE, own.url);
  const page = await desktop.text("/accounts/sessions/");
  const names = [...page.matchAll(/<h2>([^<]+)/g)].map(([, name]) => name?.trim());
  expect(names).toEqual(["Firefox 140 on Windows", "Safari 18 on iOS"]);
  expect(page.match(/This device/g)).toHaveLength(1);
  expect(page).toContain("127.0.0.1");
  expect(page).toContain("First seen");
  expect(page).toContain("Last seen");
  expect(handles(page)).toHaveLength(1);
});

test("a user has at most five devices: the one that is signed in longest goes", async () => {
  const own = await startSite();
  const first = await signedIn(IPHONE, own.url);
  const others: Reader[] = [];
  for (let count = 0; count < 5; count++) others.push(await signedIn(FIREFOX, own.url));
  expect(await first.text("/catalog/")).not.toContain("Robin Reader");
  for (const browser of others) expect(await browser.text("/catalog/")).toContain("Robin Reader");
  expect(handles((await others[0]?.text("/accounts/sessions/")) ?? "")).toHaveLength(4);
});

test("one device is signed out from another", async () => {
  const own = await startSite();
  const desktop = await signedIn(FIREFOX, own.url);
  const phone = await signedIn(IPHONE, own.url);
  expect(await phone.text("/catalog/books/")).toContain("Robin Reader");
  const [handle] = handles(await desktop.text("/accounts/sessions/"));
  await desktop.post("/accounts/sessions/end/", { handle: handle as string });
  expect(await desktop.text("/accounts/sessions/")).toContain("That device is signed out");
  expect(await phone.text("/catalog/books/")).not.toContain("Robin Reader");
  await desktop.post("/accounts/sessions/end/", { handle: handle as string });
  expect(await desktop.text("/accounts/sessions/")).toContain("signed out already");
});

test("all others are signed out, and this one stays", async () => {
  const own = await startSite();
  const here = await signedIn(FIREFOX, own.url);
  const others = [await signedIn(IPHONE, own.url), await signedIn(FIREFOX, own.url)];
  await here.post("/accounts/sessions/end-others/");
  const page = await here.text("/accounts/sessions/");
  expect(page).toContain("2 other devices were signed out.");
  expect(page).not.toContain("Sign out all other devices");
  for (const other of others) expect(await other.text("/catalog/books/")).not.toContain("Robin Reader");
});

test("nobody signs out another reader", async () => {
  const own = await startSite();
  const [one, two] = [await signedIn(FIREFOX, own.url), await signedIn(IPHONE, own.url)];
  const librarian = await signedIn(FIREFOX, own.url, "librarian", "mind-the-shelves");
  const [handle] = handles(await one.text("/accounts/sessions/"));
  for (const forged of [handle as string, "", "x".repeat(64)]) {
    await librarian.post("/accounts/sessions/end/", { handle: forged });
    expect(await librarian.text("/accounts/sessions/")).toContain("signed out already");
  }
  await librarian.post("/accounts/sessions/end-others/");
  for (const browser of [one, two]) expect(await browser.text("/catalog/books/")).toContain("Robin Reader");
});

test("what a browser calls itself is shown as text, and an unknown one is no error", async () => {
  const own = await startSite();
  const browser = await signedIn("<b>Lynx</b>", own.url);
  await signedIn("", own.url);
  const page = await browser.text("/accounts/sessions/");
  expect(page).not.toContain("<b>Lynx");
  expect(page).toContain("Unknown browser");
});
