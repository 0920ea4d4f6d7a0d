import { expect, test } from "vitest";
import { MovedClock } from "../instruments/moved-clock.ts";
import { describeInChromium, signIn } from "./chromium.ts";
import { doubleClick, startHeldSite } from "./held-site.ts";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite } from "./site.ts";

const site = siteOfThisFile();

const fresh = "four horses in a teacup";

test("a new password signs out the other devices, keeps this one with a new key, and is the one that counts", async () => {
  const own = await startSite();
  const [here, there, elsewhere] = [new Reader(own.url), new Reader(own.url), new Reader(own.url)];
  for (const browser of [here, there]) await browser.login("reader", "borrow-a-book");
  await elsewhere.login("librarian", "mind-the-shelves");
  const thief = new Reader(own.url);
  for (const [name, value] of here.cookies) thief.cookies.set(name, value);

  const changed = await here.post("/accounts/password/", { fresh, again: fresh });
  expect(changed.status).toBe(303);
  expect(await here.text("/accounts/sessions/")).toContain(
    "Your password was changed, and 1 other device was signed out.",
  );
  expect(await there.text("/catalog/")).not.toContain("Robin Reader");
  expect(await thief.text("/catalog/")).not.toContain("Robin Reader");
  expect(await elsewhere.text("/catalog/")).toContain("Lee Librarian");

  const later = new Reader(own.url);
  expect((await later.login("reader", "borrow-a-book")).status).toBe(422);
  expect((await later.login("reader", fresh)).status).toBe(303);
  const loginPage = await elsewhere.post("/accounts/logout/").then(() => elsewhere.text("/accounts/login/"));
  expect(loginPage).not.toContain("borrow-a-book");
  expect(loginPage).toContain("mind-the-shelves");
});

test.each<[Record<string, string>, string]>([
  [{ fresh: "short", again: "short" }, "Use at least 10 characters"],
  [{ again: "four horses in a tea cup" }, "This differs from the new password."],
  [{ fresh: "borrow-a-book", again: "borrow-a-book" }, "This is the password you have."],
])("a change with %j is refused, and nobody is signed out", async (wrong, why) => {
  const [here, there] = [new Reader(site().url), new Reader(site().url)];
  for (const browser of [here, there]) await browser.login("reader", "borrow-a-book");
  const refused = await here.post("/accounts/password/", {
    fresh,
    again: fresh,
    ...wrong,
  });
  expect(refused.status).toBe(422);
  const page = await refused.text();
  expect(page).toContain(why);
  expect(page).not.toContain(fresh);
  expect(await there.text("/catalog/")).toContain("Robin Reader");
});

/** A reader on a site of its own who signed in longer ago than a password stays fresh. */
async function signedInAWhileAgo() {
  const clock = new MovedClock(Date.now());
  const own = await startHeldSite({ clock: clock.read });
  const browser = new Reader(own.url);
  await browser.login("reader", "borrow-a-book");
  clock.pass(5 * 60 + 1);
  return { own, clock, browser };
}

const CONFIRM = "/accounts/confirm/?next=%2Faccounts%2Fpassword%2F";
const confirmed = { next: "/accounts/password/", password: "borrow-a-book" };

test("some minutes after signing in, the password is asked for again before it is changed, and with a new key", async () => {
  const { browser, clock } = await signedInAWhileAgo();
  for (const response of [
    await browser.get("/accounts/password/"),
    await browser.post("/accounts/password/", { fresh, again: fresh }),
  ]) {
    expect([response.status, response.headers.get("location")]).toEqual([303, CONFIRM]);
  }
  expect(await browser.text(CONFIRM)).toContain("Your password, please");
  const [before] = browser.cookies.values();

  const answer = await browser.post("/accounts/confirm/", confirmed);
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/accounts/password/"]);
  expect([...browser.cookies.values()]).not.toEqual([before]);
  clock.pass(5 * 60 - 1);
  const changed = await browser.post("/accounts/password/", { fresh, again: fresh });
  expect(changed.headers.get("location")).toBe("/accounts/sessions/");
});

test("a wrong password confirms nothing, is counted, and leads nowhere", async () => {
  const { browser } = await signedInAWhileAgo();
  for (let count = 0; count < 5; count++) {
    const wrong = await browser.post("/accounts/confirm/", { ...confirmed, password: "wrong" });
    expect(wrong.status).toBe(422);
    expect(await wrong.text()).toContain("This is not your password.");
  }
  const late = await browser.post("/accounts/confirm/", confirmed);
  expect([late.status, Number(late.headers.get("retry-after")) > 0]).toEqual([429, true]);
  expect((await browser.get("/accounts/password/")).headers.get("location")).toBe(CONFIRM);
});

test("a confirmation leads to pages of this site only, and a stranger to the login", async () => {
  const { browser, own } = await signedInAWhileAgo();
  const away = await browser.post("/accounts/confirm/", { ...confirmed, next: "//evil.example/" });
  expect(away.headers.get("location")).toBe("/catalog/");
  const stranger = await new Reader(own.url).post("/accounts/confirm/", confirmed);
  expect(stranger.headers.get("location")).toBe("/accounts/login/?next=%2Faccounts%2Fpassword%2F");
});

describeInChromium(
  () => site().url,
  (visitor) => {
    test("the way to a new password leads over the old one and back, also by a double click and without JavaScript", async () => {
      const clock = new MovedClock(Date.now());
      const own = await startHeldSite({ clock: clock.read });
      const page = await visitor({ baseURL: own.url, javaScriptEnabled: false });
      await signIn(page, "reader");
      await page.getByRole("link", { name: "Your sessions" }).click();
      clock.pass(3600);
      await page.getByRole("link", { name: "change your password" }).click();
      await page.getByRole("heading", { name: "Your password, please" }).waitFor();
      await page.getByLabel("Password").fill("wrong");
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByText("This is not your password.").waitFor();
      await page.getByLabel("Password").fill("borrow-a-book");
      await doubleClick(page.getByRole("button", { name: "Go on" }), own);
      await page.getByRole("heading", { name: "Change your password" }).waitFor();
      await page.reload();
      for (const label of ["New password", "New password again"])
        await page.getByLabel(label, { exact: true }).fill(fresh);
      await doubleClick(page.getByRole("button", { name: "Change password" }), own);
      await page.getByText("Your password was changed").waitFor();
      expect(await own.sessions.listUserSessions(1)).toHaveLength(1);
    });
  },
);
