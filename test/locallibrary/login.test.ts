import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite } from "./site.ts";

const site = siteOfThisFile();

const credentials = { username: "reader", password: "borrow-a-book" };

test("a login lasts until the browser closes, or two weeks with “remember me”", async () => {
  const browser = new Reader(site().url);
  const short = await browser.post("/accounts/login/", credentials);
  expect(short.headers.getSetCookie().join()).not.toMatch(/max-age|expires/i);
  const long = await new Reader(site().url).post("/accounts/login/", { ...credentials, remember: "yes" });
  expect(long.headers.getSetCookie().join()).toContain("Max-Age=1209600");
});

test("the login page gives a cookie to see whether it comes back, and says so when it does not", async () => {
  const browser = new Reader(site().url);
  expect(await browser.text("/accounts/login/")).toContain('name="tested" value="yes"');
  expect(browser.cookies.size).toBe(1);
  const cookieless = new Reader(site().url);
  const refused = await cookieless.post("/accounts/login/", { ...credentials, tested: "yes" });
  expect(refused.status).toBe(422);
  const page = await refused.text();
  expect(page).toContain("Cookies are switched off");
  expect(page).toContain('value="reader"');

  expect((await browser.post("/accounts/login/", { ...credentials, tested: "yes" })).status).toBe(303);
  await browser.visit();
  expect(await browser.text("/session/")).not.toContain("testcookie");
});

test("five wrong passwords make an account wait, from that address and nobody else's", async () => {
  const own = await startSite();
  const browser = new Reader(own.url);
  for (let i = 0; i < 5; i++) expect((await browser.login("reader", "wrong")).status).toBe(422);
  const blocked = await browser.login("reader", "borrow-a-book");
  expect(blocked.status).toBe(429);
  expect(Number(blocked.headers.get("retry-after"))).toBeGreaterThan(800);
  expect(await blocked.text()).toContain("Too many wrong passwords");
  expect((await browser.login("librarian", "mind-the-shelves")).status).toBe(303);
});

test("guesses sent all at once do not slip through together", async () => {
  const own = await startSite();
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => new Reader(own.url).login("reader", "wrong")),
  );
  expect(answers.filter(({ status }) => status === 422)).toHaveLength(5);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
});

test("right passwords sent all at once are all let in", async () => {
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => new Reader(site().url).login("reader", "borrow-a-book")),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(303));
});

test("a right password starts the count anew", async () => {
  const own = await startSite();
  for (let round = 0; round < 3; round++) {
    const browser = new Reader(own.url);
    for (let i = 0; i < 4; i++) expect((await browser.login("reader", "wrong")).status).toBe(422);
    expect((await browser.login("reader", "borrow-a-book")).status).toBe(303);
  }
});

test("who is welcome is told so, once", async () => {
  const browser = new Reader(site().url);
  await browser.post("/accounts/login/", credentials);
  expect(await browser.text("/catalog/")).toContain("Welcome, Robin Reader.");
  expect(await browser.text("/catalog/")).not.toContain("Welcome, Robin");
});

test("a vanished test cookie proves nothing where a cookie came with the form", async () => {
  const tested = { ...credentials, tested: "yes" };
  const signIn = async (browser: Reader) => (await browser.post("/accounts/login/", tested)).status;

  const twoTabs = new Reader(site().url);
  for (let tab = 0; tab < 2; tab++) await twoTabs.text("/accounts/login/");
  expect(await signIn(twoTabs)).toBe(303);
  expect(await signIn(twoTabs)).toBe(303); // Also after Back.

  const cleared = new Reader(site().url);
  await cleared.text("/accounts/login/");
  await cleared.post("/session/clear/");
  expect(await signIn(cleared)).toBe(303);

  const [here, elsewhere] = [new Reader(site().url), new Reader(site().url)];
  for (const browser of [here, elsewhere]) await browser.login("reader", "borrow-a-book");
  await elsewhere.post("/accounts/sessions/end-others/");
  expect(here.cookies.size).toBe(1);
  expect(await signIn(here)).toBe(303);
});

test("a browser that has sent a cookie before is not tested again, and may sign out in another tab meanwhile", async () => {
  const browser = new Reader(site().url);
  await browser.visit();
  expect(await browser.text("/accounts/login/")).not.toContain('name="tested"');
  await browser.login("reader", "borrow-a-book");
  await browser.post("/accounts/logout/");
  expect((await browser.post("/accounts/login/", credentials)).status).toBe(303);
});
