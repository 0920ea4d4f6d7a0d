import { expect, onTestFinished, test, vi } from "vitest";
import { describeInChromium } from "./chromium.ts";
import { doubleClick, type HeldSite, startHeldSite } from "./held-site.ts";
import { Reader } from "./reader.ts";
import { siteOfThisFile, spawnSite, temporaryDatabase } from "./site.ts";

const site = siteOfThisFile();

const ROBIN = "reader@library.example";
const fresh = "four horses in a teacup";
const chosen = { fresh, again: fresh };

const letters = (own: HeldSite, recipient: string) =>
  own.database
    .prepare<[string], { subject: string; body: string }>(
      "SELECT subject, body FROM outbox WHERE recipient = ? ORDER BY id",
    )
    .all(recipient);

/** The path of the link in the newest letter to this address. Letters are written when the answer has left. */
async function linkTo(own: HeldSite, recipient: string, count = 1): Promise<string> {
  await expect.poll(() => letters(own, recipient).length).toBe(count);
  const [, path] =
    /^https:\/\/library\.example(\/\S+)$/m.exec(letters(own, recipient).at(-1)?.body ?? "") ?? [];
  return path as string;
}

/** A browser that has opened the link of a letter, and the address to which that led. */
async function opened(own: HeldSite, link: string): Promise<[Reader, string]> {
  const reader = new Reader(own.url);
  return [reader, (await reader.get(link)).headers.get("location") ?? ""];
}

test("by the link in a letter the reader gets a new password, and every device is signed out", async () => {
  const own = await startHeldSite();
  const [here, there, librarian] = [new Reader(own.url), new Reader(own.url), new Reader(own.url)];
  for (const device of [here, there]) await device.login("reader", "borrow-a-book");
  await librarian.login("librarian", "mind-the-shelves");

  const asked = await here.post("/accounts/password_reset/", { email: " Reader@Library.example " });
  expect(asked.headers.get("location")).toBe("/accounts/password_reset/done/");
  const link = await linkTo(own, ROBIN);
  expect((await here.get(link)).headers.get("location")).toBe("/accounts/reset/set-password/");
  expect(await here.text("/accounts/reset/set-password/")).toContain("reader");
  const set = await here.post("/accounts/reset/set-password/", chosen);
  expect(set.headers.get("location")).toBe("/accounts/reset/done/");

  for (const device of [here, there])
    expect(await device.text("/catalog/books/")).not.toContain("Robin Reader");
  expect(await librarian.text("/catalog/books/")).toContain("Lee Librarian");
  expect((await there.login("reader", "borrow-a-book")).status).toBe(422);
  expect((await there.login("reader", fresh)).status).toBe(303);
  expect(letters(own, ROBIN).at(-1)?.subject).toBe("Your password was changed");
});

test("a link sets one password: used, replaced, too old, for another purpose or garbled it opens nothing", async () => {
  const own = await startHeldSite();
  const worthless = async (path: string) =>
    expect((await new Reader(own.url).get(path)).status, path).toBe(410);
  const visitor = new Reader(own.url);
  for (const _ of "12") await visitor.post("/accounts/password_reset/", { email: ROBIN });
  const second = await linkTo(own, ROBIN, 2);
  const [, first] = /^https:\/\/library\.example(\/\S+)$/m.exec(letters(own, ROBIN)[0]?.body ?? "") ?? [];
  const [[browser], [late]] = [await opened(own, second), await opened(own, first as string)];
  await browser.post("/accounts/reset/set-password/", chosen);
  for (const link of [second, first as string, "/accounts/reset/x/"]) await worthless(link);
  expect((await late.post("/accounts/reset/set-password/", chosen)).status).toBe(410);
  expect((await new Reader(own.url).post("/accounts/reset/set-password/", chosen)).status).toBe(410);

  await visitor.post("/accounts/sign-up/", { email: "new@library.example" });
  const invitation = await linkTo(own, "new@library.example");
  await worthless(invitation.replace("sign-up", "reset"));
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60 * 60_000 });
  onTestFinished(() => void vi.useRealTimers());
  await worthless(invitation);
});

test("of two requests with one token at the same moment, one sets the password", async () => {
  const own = await startHeldSite();
  await new Reader(own.url).post("/accounts/password_reset/", { email: ROBIN });
  const link = await linkTo(own, ROBIN);
  const browsers = [(await opened(own, link))[0], (await opened(own, link))[0]];
  const answers = await Promise.all(
    browsers.map((browser, index) => {
      const password = `${fresh} ${index}`;
      return browser.post("/accounts/reset/set-password/", { fresh: password, again: password });
    }),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([303, 410]);
});

test("the database keeps no token, and no session does", async () => {
  const own = await startHeldSite();
  await new Reader(own.url).post("/accounts/password_reset/", { email: ROBIN });
  const link = await linkTo(own, ROBIN);
  const token = link.split("/").at(-2) as string;
  expect(token).toMatch(/^[\w-]{43}$/);
  expect(JSON.stringify(own.database.prepare("SELECT * FROM mail_tokens").all())).not.toContain(token);
  const [browser] = await opened(own, link);
  const inspector = await browser.text("/session/");
  expect(inspector).toContain("reset_token");
  expect(inspector).not.toContain(token);
});

test.each(["password_reset", "sign-up"])(
  "%s answers a known address as it does an unknown one",
  async (form) => {
    const own = await startHeldSite();
    const answers = [];
    for (const email of [ROBIN, "stranger@library.example"]) {
      const { status, headers } = await new Reader(own.url).post(`/accounts/${form}/`, { email });
      const page = await new Reader(own.url).text(headers.get("location") ?? "");
      answers.push([
        status,
        headers.get("location"),
        headers.getSetCookie(),
        page.replaceAll(/value="[0-9a-f-]{36}"/g, ""),
      ]);
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.[0]).toBe(303);
    const unknown = letters(own, "stranger@library.example").length;
    expect(unknown).toBe(form === "sign-up" ? 1 : 0);
  },
);

test("an address gets three letters within a quarter of an hour, and the answer does not say so", async () => {
  const own = await startHeldSite();
  const visitor = new Reader(own.url);
  for (let count = 0; count < 5; count++) {
    const { headers } = await visitor.post("/accounts/password_reset/", { email: ROBIN });
    expect(headers.get("location")).toBe("/accounts/password_reset/done/");
  }
  await visitor.post("/accounts/password_reset/", { email: "librarian@library.example" });
  await linkTo(own, "librarian@library.example");
  expect(letters(own, ROBIN)).toHaveLength(3);
});

test("a visitor who asks for very many letters has to wait, and a wrong address is no letter", async () => {
  const own = await startHeldSite();
  const visitor = new Reader(own.url);
  for (let count = 0; count < 20; count++)
    await visitor.post("/accounts/sign-up/", { email: `reader${count}@else.example` });
  const refused = await visitor.post("/accounts/password_reset/", { email: ROBIN });
  expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([429, true]);
  const garbled = await visitor.post("/accounts/password_reset/", { email: "reader@" });
  expect(garbled.status).toBe(422);
});

test.each([
  ["/accounts/password_reset/", ROBIN, "/accounts/reset/set-password/"],
  ["/accounts/sign-up/", "nia@library.example", "/accounts/sign-up/details/"],
])(
  "%s: a stranger who planted a key in the browser cannot go on where the letter's reader is",
  async (form, email, next) => {
    const own = await startHeldSite();
    const [stranger, owner] = [new Reader(own.url), new Reader(own.url)];
    await stranger.visit();
    for (const [name, value] of stranger.cookies) owner.cookies.set(name, value);
    await owner.post(form, { email });
    await owner.get(await linkTo(own, email));
    expect((await owner.get(next)).status).toBe(200);
    expect((await stranger.get(next)).status).toBe(410);
  },
);

test("while the session store is away the password stays, and the link goes on to be good", async () => {
  const own = await startHeldSite();
  const device = new Reader(own.url);
  await device.login("reader", "borrow-a-book");
  await device.post("/accounts/password_reset/", { email: ROBIN });
  const link = await linkTo(own, ROBIN);
  const [browser] = await opened(own, link);
  own.answer("delete", () => Promise.reject(new Error("connection refused")));
  expect((await browser.post("/accounts/reset/set-password/", chosen)).status).toBe(503);
  expect((await new Reader(own.url).login("reader", "borrow-a-book")).status).toBe(303);
  expect((await browser.post("/accounts/reset/set-password/", chosen)).status).toBe(303);
  expect(await device.text("/catalog/books/")).not.toContain("Robin Reader");
});

test("a form that failed while the store was away sets the password when it is sent again", async () => {
  const own = await startHeldSite();
  const device = new Reader(own.url);
  await device.login("reader", "borrow-a-book");
  await device.post("/accounts/password_reset/", { email: ROBIN });
  const [browser] = await opened(own, await linkTo(own, ROBIN));
  const form = { ...chosen, form_token: crypto.randomUUID() };
  own.answer("delete", () => Promise.reject(new Error("connection refused")));
  expect((await browser.post("/accounts/reset/set-password/", form)).status).toBe(503);
  await browser.post("/accounts/reset/set-password/", form);
  expect((await new Reader(own.url).login("reader", fresh)).status).toBe(303);
});

test("a password that was changed makes the links worthless that were asked for before", async () => {
  const own = await startHeldSite();
  const device = new Reader(own.url);
  await device.login("reader", "borrow-a-book");
  await device.post("/accounts/password_reset/", { email: ROBIN });
  const link = await linkTo(own, ROBIN);
  await device.post("/accounts/password/", chosen);
  expect((await device.get(link)).status).toBe(410);
});

test("links in letters lead to the site's own address, whatever the request calls it", async () => {
  const own = await startHeldSite();
  await new Reader(own.url).post(
    "/accounts/password_reset/",
    { email: ROBIN },
    { "x-forwarded-host": "evil.example" },
  );
  expect(await linkTo(own, ROBIN)).toMatch(/^\/accounts\/reset\//);
});

const newcomer = { username: "new.reader", name: "Nia New", ...chosen };

test("a new reader proves the address, chooses a name, and is signed in; the link is used up", async () => {
  const own = await startHeldSite();
  await new Reader(own.url).post("/accounts/sign-up/", { email: "nia@library.example" });
  const link = await linkTo(own, "nia@library.example");
  const [browser, details] = await opened(own, link);
  for (const [wrong, why] of [
    [{ username: "reader" }, "Another reader has this username."],
    [{ username: "Nia!" }, "Use small letters"],
    [{ fresh: "short", again: "short" }, "Use at least 10 characters"],
  ] as const) {
    const refused = await browser.post(details, { ...newcomer, ...wrong });
    expect(refused.status).toBe(422);
    expect(await refused.text()).toContain(why);
  }
  expect((await browser.post(details, newcomer)).headers.get("location")).toBe("/catalog/");
  expect(await browser.text("/accounts/sessions/")).toContain("Nia New");
  expect((await new Reader(own.url).get(link)).status).toBe(410);
  expect((await new Reader(own.url).login("new.reader", fresh)).status).toBe(303);
  expect(await new Reader(own.url).text("/accounts/login/")).not.toContain("new.reader");
});

test("a link is worthless when its address has got an account meanwhile", async () => {
  const own = await startHeldSite();
  await new Reader(own.url).post("/accounts/sign-up/", { email: "nia@library.example" });
  const [browser, details] = await opened(own, await linkTo(own, "nia@library.example"));
  const desk = new Reader(own.url);
  await desk.login("librarian", "mind-the-shelves");
  const account = { username: "nia", name: "Nia New", email: "nia@library.example", role: "reader" };
  await desk.post("/admin/users/create/", { ...account, ...chosen, isActive: "yes" });
  expect((await browser.post(details, newcomer)).status).toBe(410);
});

test("a visitor who signs up with an address that has an account gets a letter that says so, and no second account", async () => {
  const own = await startHeldSite();
  await new Reader(own.url).post("/accounts/sign-up/", { email: ROBIN });
  expect(await linkTo(own, ROBIN)).toBe("/accounts/password_reset/");
  expect(letters(own, ROBIN)[0]?.body).toContain("its username is reader");
});

test("with NODE_ENV=production there is no outbox, and no form that would write to it", async () => {
  const production = spawnSite({ PORT: "0", LIBRARY_DATABASE: temporaryDatabase(), NODE_ENV: "production" });
  onTestFinished(async () => void (await production.stop("SIGKILL")));
  const reader = new Reader(await production.address);
  for (const path of [
    "/outbox/",
    "/accounts/password_reset/",
    "/accounts/sign-up/",
    "/accounts/reset/set-password/",
  ])
    expect((await reader.get(path)).status, path).toBe(404);
  const login = await reader.text("/accounts/login/");
  for (const word of ["Forgot", "Become a reader", "outbox"]) expect(login).not.toContain(word);
});

describeInChromium(
  () => site().url,
  (visitor) => {
    test("a reader who forgot the password reads the letter in the outbox and is back, without JavaScript", async () => {
      const own = await startHeldSite();
      const page = await visitor({ baseURL: own.url, javaScriptEnabled: false });
      await page.goto("/accounts/login/");
      await page.getByRole("link", { name: "Forgot your password?" }).click();
      await page.getByLabel("E-mail address").fill(ROBIN);
      await page.getByRole("button", { name: "Send me the letter" }).click();
      await page.getByRole("link", { name: "Open the outbox" }).click();
      const link = await page.getByRole("article").getByRole("link").getAttribute("href");
      await page.goto(new URL(link as string).pathname);
      await page.getByRole("heading", { name: "Choose a new password" }).waitFor();
      expect(page.url()).toMatch(/\/accounts\/reset\/set-password\/$/);
      for (const label of ["New password", "New password again"])
        await page.getByLabel(label, { exact: true }).fill(fresh);
      await doubleClick(page.getByRole("button", { name: "Set the password" }), own);
      await page.getByRole("heading", { name: "Your password is set" }).waitFor();
      await page.getByRole("main").getByRole("link", { name: "Sign in" }).click();
      await page.getByLabel("Username").fill("reader");
      await page.getByLabel("Password").fill(fresh);
      await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
      await page.getByText("Welcome, Robin Reader.").waitFor();
    });
  },
);
