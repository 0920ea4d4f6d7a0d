import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../examples/locallibrary/src/database/open.ts";
import { deleteUser, updateUser } from "../../examples/locallibrary/src/queries/user-administration.ts";
import { findUserByName } from "../../examples/locallibrary/src/queries/users.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { describeInChromium, signIn } from "./chromium.ts";
import { startHeldSite } from "./held-site.ts";
import { Reader } from "./reader.ts";
import { siteOfThisFile, temporaryDatabase } from "./site.ts";

const site = siteOfThisFile();

const secret = { fresh: "four horses in a teacup", again: "four horses in a teacup" };
const nia = {
  username: "nia",
  name: "Nia New",
  email: "nia@library.example",
  role: "reader",
  isActive: "yes",
};
const robin = { username: "reader", name: "Robin Reader", email: "reader@library.example", role: "reader" };

async function signedIn(url: string, username: "reader" | "librarian"): Promise<Reader> {
  const browser = new Reader(url);
  await browser.login(username, username === "reader" ? "borrow-a-book" : "mind-the-shelves");
  return browser;
}

/** The site in this process, with a librarian who has just signed in. */
async function library() {
  const clock = new MovedClock(Date.now());
  const own = await startHeldSite({ clock: clock.read });
  return { own, clock, desk: await signedIn(own.url, "librarian") };
}

/** The address of a user's page, which the list of users links. */
async function pageOf(desk: Reader, name: string): Promise<string> {
  const list = await desk.text(`/admin/users/?q=${encodeURIComponent(name)}`);
  const [, path] = new RegExp(`href="(/admin/users/\\d+/)">${name}<`).exec(list) ?? [];
  return path as string;
}

const posts = [
  "/admin/users/create/",
  "/admin/users/1/update/",
  "/admin/users/1/delete/",
  "/admin/users/1/sign-out/",
  "/admin/users/1/sessions/end/",
  "/admin/genres/create/",
  "/admin/genres/1/update/",
  "/admin/genres/1/delete/",
];

test("the administration is for librarians, its pages and its forms", async () => {
  const reader = await signedIn(site().url, "reader");
  for (const path of [
    "/admin/",
    "/admin/users/",
    "/admin/users/1/",
    "/admin/genres/",
    ...posts.slice(0, 3),
  ]) {
    expect((await reader.get(path)).status, path).toBe(403);
    expect((await new Reader(site().url).get(path)).status, path).toBe(303);
  }
  for (const path of posts) expect((await reader.post(path, nia)).status, path).toBe(403);
  expect(await reader.text("/catalog/")).not.toContain("/admin/");
});

test("its forms are accepted from the site's own pages only, and its links change nothing", async () => {
  const desk = await signedIn(site().url, "librarian");
  for (const path of posts) {
    expect((await desk.post(path, nia, { "sec-fetch-site": "cross-site" })).status, path).toBe(403);
    expect([200, 404], path).toContain((await desk.get(path)).status);
  }
});

test("users are found by name, username and address, whatever the case and the accents", async () => {
  const desk = await signedIn(site().url, "librarian");
  for (const search of ["béla", "BELA", "farkas", "bela@library"]) {
    const list = await desk.text(`/admin/users/?q=${encodeURIComponent(search)}`);
    expect(list, search).toContain("Béla Farkas");
    expect(list, search).not.toContain("Ada Quill");
  }
  expect(await desk.text("/admin/users/?q=%25")).toContain("0 users");
});

test("a user is added, changed and removed, and then has no account", async () => {
  const { own, desk } = await library();
  const created = await desk.post("/admin/users/create/", { ...nia, ...secret });
  expect(created.headers.get("location")).toMatch(/^\/admin\/users\/\d+\/$/);
  const page = created.headers.get("location") as string;
  const user = new Reader(own.url);
  expect((await user.login("nia", secret.fresh)).status).toBe(303);
  await desk.post(`${page}update/`, { ...nia, name: "Nia Older" });
  expect(await user.text("/catalog/books/")).toContain("Nia Older");
  expect(await desk.text(`${page}delete/`)).toContain("This cannot be undone.");
  expect((await desk.post(`${page}delete/`)).headers.get("location")).toBe("/admin/users/");
  expect(await user.text("/catalog/books/")).not.toContain("Nia");
  expect((await desk.get(page)).status).toBe(404);
  expect((await user.login("nia", secret.fresh)).status).toBe(422);
});

test("the id of a user who was removed is given to no other, so a session that is left opens no account", async () => {
  const { desk } = await library();
  const add = async (username: string) => {
    const fields = { ...nia, username, email: `${username}@library.example`, ...secret };
    return (await desk.post("/admin/users/create/", fields)).headers.get("location") as string;
  };
  const first = await add("nia");
  await desk.post(`${first}delete/`);
  expect(await add("noor")).not.toBe(first);
});

test.each([
  [{ username: "reader" }, "Another user has this name."],
  [{ email: "Reader@library.example" }, "Another user has this address."],
  [{ email: "nia" }, "Give an e-mail address"],
  [{ role: "king" }, "Choose one from the list."],
  [{ fresh: "short", again: "short" }, "Use at least 10 characters"],
])("a user with %j is refused, and the form comes back as it was typed", async (wrong, why) => {
  const desk = await signedIn(site().url, "librarian");
  const refused = await desk.post("/admin/users/create/", { ...nia, ...secret, ...wrong });
  expect(refused.status).toBe(422);
  const form = await refused.text();
  expect(form).toContain(why);
  expect(form).toContain("Nia New");
  expect(form).not.toContain(secret.fresh);
});

test("a user who is barred is signed out everywhere at once, and cannot sign in or get a new password", async () => {
  const { own, desk } = await library();
  const devices = [await signedIn(own.url, "reader"), await signedIn(own.url, "reader")];
  const page = await pageOf(desk, "Robin Reader");
  await desk.post(`${page}update/`, robin);
  for (const device of devices) expect(await device.text("/catalog/books/")).not.toContain("Robin Reader");
  expect(await desk.text(page)).toContain("Signed in on 0 devices");
  expect((await new Reader(own.url).login("reader", "borrow-a-book")).status).toBe(422);
  await desk.post("/accounts/password_reset/", { email: robin.email });
  await desk.post("/accounts/password_reset/", { email: "librarian@library.example" });
  const sent = () => own.database.prepare("SELECT recipient FROM outbox").pluck().all();
  await expect.poll(sent).toEqual(["librarian@library.example"]);

  await desk.post(`${page}update/`, { ...robin, isActive: "yes" });
  expect((await new Reader(own.url).login("reader", "borrow-a-book")).status).toBe(303);
});

test("a change of the role signs the user out, and counts at the next sign-in", async () => {
  const { own, desk } = await library();
  const reader = await signedIn(own.url, "reader");
  const page = await pageOf(desk, "Robin Reader");
  await desk.post(`${page}update/`, { ...robin, role: "librarian", isActive: "yes" });
  expect(await reader.text("/catalog/books/")).not.toContain("Robin Reader");
  await reader.login("reader", "borrow-a-book");
  expect((await reader.get("/admin/")).status).toBe(200);
});

test("a librarian's own rights stay, and a user who has books at home stays, signed in", async () => {
  const { own, desk } = await library();
  const self = await pageOf(desk, "Lee Librarian");
  const lee = { username: "librarian", name: "Lee Librarian", email: "librarian@library.example" };
  for (const wish of [{ role: "reader", isActive: "yes" }, { role: "librarian" }])
    await desk.post(`${self}update/`, { ...lee, ...wish });
  await desk.post(`${self}delete/`);
  expect((await desk.get("/admin/")).status).toBe(200);

  const reader = await signedIn(own.url, "reader");
  const page = await pageOf(desk, "Robin Reader");
  expect(await desk.text(`${page}delete/`)).toContain("at home. Take them back first.");
  expect((await desk.post(`${page}delete/`)).headers.get("location")).toBe(page);
  expect(await desk.text(page)).toContain("so the account was not removed");
  expect(await reader.text("/catalog/books/")).toContain("Robin Reader");
});

test("no change leaves the library without a librarian, also where two processes make it at once", () => {
  const database = openDatabase(temporaryDatabase());
  onTestFinished(() => void database.$client.close());
  const lee = findUserByName(database, "librarian");
  if (!lee) throw new Error("There is no librarian.");
  expect(updateUser(database, lee.id, { ...lee, role: "reader" })).toBe(false);
  expect(updateUser(database, lee.id, { ...lee, isActive: false })).toBe(false);
  expect(deleteUser(database, lee.id)).toBe("last librarian");
  expect(findUserByName(database, "librarian")).toEqual(lee);
  expect(updateUser(database, lee.id, { ...lee, name: "Lea Librarian" })).toBe(true);
});

test("the devices of a user are listed, and one or all are signed out, but those of no other user", async () => {
  const { own, desk } = await library();
  const devices = [await signedIn(own.url, "reader"), await signedIn(own.url, "reader")];
  const [page, self] = [await pageOf(desk, "Robin Reader"), await pageOf(desk, "Lee Librarian")];
  const listed = await desk.text(page);
  expect(listed).toContain("Signed in on 2 devices");
  const handle = /name="handle" value="([0-9a-f]+)"/.exec(listed)?.[1] as string;
  await desk.post(`${self}sessions/end/`, { handle });
  expect(await desk.text(page)).toContain("Signed in on 2 devices");
  await desk.post(`${page}sessions/end/`, { handle });
  expect(await desk.text(page)).toContain("Signed in on 1 device");
  await desk.post(`${page}sign-out/`);
  for (const device of devices) expect(await device.text("/catalog/books/")).not.toContain("Robin Reader");
  await desk.post(`${self}sign-out/`);
  expect((await desk.get("/admin/")).status).toBe(200);
});

test("accounts are changed with a password that was given within five minutes", async () => {
  const { clock, desk } = await library();
  const page = await pageOf(desk, "Robin Reader");
  clock.pass(5 * 60 + 1);
  const confirm = (next: string) => `/accounts/confirm/?next=${encodeURIComponent(next)}`;
  for (const form of ["/admin/users/create/", `${page}update/`, `${page}delete/`]) {
    expect((await desk.get(form)).headers.get("location")).toBe(confirm(form));
    expect((await desk.post(form, { ...robin, next: form })).headers.get("location")).toBe(confirm(form));
  }
  expect(await desk.text(page)).not.toContain("Barred");
});

test("a genre is added once, renamed and removed, but not while a book has it", async () => {
  const { desk } = await library();
  const add = (name: string) => desk.post("/admin/genres/create/", { name });
  await add("Travel");
  expect(await desk.text("/admin/genres/?q=trav")).toContain("The genre “Travel” was added.");
  await add("TRAVEL");
  expect(await desk.text("/admin/genres/")).toContain("There is a genre of this name already.");
  const found = await desk.text("/admin/genres/?q=travel");
  expect(found).toContain("1 genre for");
  const [, path] = /href="(\/admin\/genres\/\d+\/)update\/">Travel</.exec(found) ?? [];
  expect((await desk.post(`${path}update/`, { name: " " })).status).toBe(422);
  await desk.post(`${path}update/`, { name: "Travels" });
  expect(await desk.text("/catalog/genres/")).toContain("Travels");
  await desk.post(`${path}delete/`);
  expect(await desk.text("/admin/genres/")).toContain("was removed.");
  expect(await desk.text("/catalog/genres/")).not.toContain("Travels");

  const used = "/admin/genres/1/delete/";
  expect(await desk.text(used)).toContain("Give them another first.");
  await desk.post(used);
  expect(await desk.text("/admin/genres/")).toContain("so it was not removed");
  expect((await desk.get("/catalog/genre/1")).status).toBe(200);
});

describeInChromium(
  () => site().url,
  (visitor) => {
    test("a librarian bars a reader, who is signed out in the open page, and lets the reader in again", async () => {
      const [desk, reader] = [await visitor(), await visitor()];
      for (const [page, name] of [
        [desk, "librarian"],
        [reader, "reader"],
      ] as const)
        await signIn(page, name);
      await desk.getByRole("link", { name: "Administration" }).click();
      await desk.getByRole("link", { name: "Users", exact: true }).click();
      await desk.getByRole("searchbox").fill("robin");
      await desk.getByRole("button", { name: "Search" }).click();
      await desk.getByRole("link", { name: "Robin Reader" }).click();
      await desk.getByText(/^Signed in on [1-9] device/).waitFor();
      await desk.getByRole("link", { name: "Edit" }).click();
      await desk.getByLabel("May sign in").uncheck();
      await desk.getByRole("button", { name: "Save" }).click();
      await desk.getByText("Signed in on 0 devices").waitFor();
      await reader.getByText("You were signed out, on another device").waitFor();
      await desk.getByRole("link", { name: "Edit" }).click();
      await desk.getByLabel("May sign in").check();
      await desk.getByRole("button", { name: "Save" }).click();
      await desk.getByText("Your changes were saved.").waitFor();
      await signIn(reader, "reader");
      await reader.getByText("Welcome, Robin Reader.").waitFor();
    });
  },
);
