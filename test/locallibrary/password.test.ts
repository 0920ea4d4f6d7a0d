import { expect, test } from "vitest";
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

  const changed = await here.post("/accounts/password/", { old: "borrow-a-book", fresh, again: fresh });
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

test.each([
  [{ old: "wrong" }, "This is not your present password."],
  [{ fresh: "short", again: "short" }, "Use at least 10 characters"],
  [{ again: "four horses in a tea cup" }, "This differs from the new password."],
  [{ fresh: "borrow-a-book", again: "borrow-a-book" }, "This is the password you have."],
])("a change with %j is refused, and nobody is signed out", async (wrong, why) => {
  const [here, there] = [new Reader(site().url), new Reader(site().url)];
  for (const browser of [here, there]) await browser.login("reader", "borrow-a-book");
  const refused = await here.post("/accounts/password/", {
    old: "borrow-a-book",
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
