import { expect, test } from "vitest";
import { describeInChromium, mouseOver, signIn } from "./chromium.ts";
import { afterAllHaveRead, doubleClick, startHeldSite } from "./held-site.ts";
import { Reader } from "./reader.ts";
import { siteOfThisFile, startSite } from "./site.ts";

const site = siteOfThisFile();

const passwords = { reader: "borrow-a-book", librarian: "mind-the-shelves" };
type Username = keyof typeof passwords;

async function signedIn(username: Username): Promise<Reader> {
  const browser = new Reader(site().url);
  await browser.login(username, passwords[username]);
  return browser;
}

/** Ends the user's session from another device. */
async function endSession(username: Username): Promise<void> {
  const other = await signedIn(username);
  await other.post("/accounts/sessions/end-others/");
}

/** The hidden fields of the form on a page that is sent to `action`. */
function hiddenFields(page: string, action: string): Record<string, string> {
  const [form = ""] = page.split(`action="${action}"`).slice(1);
  const fields = form
    .slice(0, form.indexOf("</form>"))
    .matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g);
  return Object.fromEntries([...fields].map(([, name, value]) => [name, value]));
}

/** Fills in the form of a page as a browser does, and sends it. */
async function send(browser: Reader, path: string, action: string, typed: Record<string, string> = {}) {
  const page = await browser.text(path);
  expect(page, path).toContain(`action="${action}"`);
  return browser.post(action, { ...hiddenFields(page, action), ...typed });
}

/** Follows the redirect to the login page, and signs in with the form that stands there. */
async function signInAt(
  browser: Reader,
  redirect: Response,
  username: Username,
  password = passwords[username],
) {
  const page = await browser.text(redirect.headers.get("location") as string);
  return browser.post("/accounts/login/", { ...hiddenFields(page, "/accounts/login/"), username, password });
}

const create = "/catalog/author/create/";
const author = (lastName: string) => ({ firstName: "", lastName, born: "", died: "" });
const borrowable = (page: string) => /\/catalog\/copy\/[0-9a-f-]{36}\/borrow\//.exec(page)?.[0] as string;

async function authorsNamed(name: string): Promise<number> {
  const librarian = await signedIn("librarian");
  const form = await librarian.text("/catalog/book/create/");
  return form.split(`>${name}</option>`).length - 1;
}

test("a form whose session ended while it was filled in is sent after signing in again", async () => {
  const browser = await signedIn("librarian");
  const page = await browser.text(create);
  await endSession("librarian");
  const refused = await browser.post(create, { ...hiddenFields(page, create), ...author("Sappho") });
  expect(refused.status).toBe(303);
  expect(refused.headers.get("location")).toBe(`/accounts/login/?next=${encodeURIComponent(create)}`);
  expect(await browser.text(refused.headers.get("location") as string)).toContain(
    "The form that you sent is kept.",
  );

  const done = await signInAt(browser, refused, "librarian");
  expect(done.headers.get("location")).toMatch(/^\/catalog\/author\/\d+$/);
  const added = await browser.text(done.headers.get("location") as string);
  expect(added).toContain("The author was added.");
  expect(added).toContain("<h1>Sappho</h1>");
  expect(await browser.text("/session/")).not.toContain("interrupted_form");
});

test("a wrong password on the way loses nothing, and a form with a mistake comes back as it was typed", async () => {
  const librarian = await signedIn("librarian");
  const page = await librarian.text(create);
  await endSession("librarian");
  const typed = { ...author("Catullus"), firstName: "Gaius", born: "long ago" };
  const interrupted = await librarian.post(create, { ...hiddenFields(page, create), ...typed });
  const login = await librarian.text(interrupted.headers.get("location") as string);
  const wrong = await librarian.post("/accounts/login/", {
    ...hiddenFields(login, "/accounts/login/"),
    username: "librarian",
    password: "wrong",
  });
  expect(wrong.status).toBe(422);
  const again = await librarian.post("/accounts/login/", {
    ...hiddenFields(await wrong.text(), "/accounts/login/"),
    username: "librarian",
    password: passwords.librarian,
  });
  expect(again.status).toBe(422);
  const form = await again.text();
  expect(form).toContain("Write a year in digits");
  expect(form).toContain('value="Gaius"');
  expect(form).toContain(`action="${create}"`);
  expect(form).toContain("Signed in as <strong>Lee Librarian");
});

test("a visitor who presses Borrow has the book after signing in", async () => {
  const browser = new Reader(site().url);
  const copy = borrowable(await browser.text("/catalog/book/6"));
  const refused = await send(browser, "/catalog/book/6", copy);
  const done = await signInAt(browser, refused, "reader");
  expect(done.headers.get("location")).toBe("/catalog/book/6");
  expect(await browser.text("/catalog/book/6")).toContain("is yours to read. Bring it back by");
});

test("a kept form is nobody else's: another user who signs in does not send it", async () => {
  const browser = await signedIn("reader");
  const page = await browser.text("/catalog/book/8");
  const copy = borrowable(page);
  await endSession("reader");
  const refused = await browser.post(copy, hiddenFields(page, copy));
  const done = await signInAt(browser, refused, "librarian");
  expect(done.headers.get("location")).toBe("/catalog/book/8");
  expect(borrowable(await browser.text("/catalog/book/8"))).toBe(copy);
});

test("a kept form is not sent by a sign-in that did not announce it", async () => {
  const browser = new Reader(site().url);
  const copy = borrowable(await browser.text("/catalog/book/9"));
  await send(browser, "/catalog/book/9", copy);
  await browser.login("reader", passwords.reader, "/catalog/books/");
  expect(borrowable(await browser.text("/catalog/book/9"))).toBe(copy);
});

test("passwords are never kept", async () => {
  const browser = await signedIn("reader");
  const page = await browser.text("/accounts/password/");
  await endSession("reader");
  const fresh = "four horses in a teacup";
  const form = { fresh, again: fresh };
  const refused = await browser.post("/accounts/password/", {
    ...hiddenFields(page, "/accounts/password/"),
    ...form,
  });
  expect(refused.headers.get("location")).toBe("/accounts/login/?next=%2Faccounts%2Fpassword%2F");
  expect(await browser.text("/session/")).not.toMatch(/horses|interrupted_form/);
  expect((await signInAt(browser, refused, "reader")).headers.get("location")).toBe("/accounts/password/");
});

test("the password that a librarian gives a new user is not kept either", async () => {
  const browser = await signedIn("librarian");
  const page = await browser.text("/admin/users/create/");
  await endSession("librarian");
  const fresh = "four horses in a teacup";
  const refused = await browser.post("/admin/users/create/", {
    ...hiddenFields(page, "/admin/users/create/"),
    ...{ username: "nia", name: "Nia New", email: "nia@library.example", role: "reader" },
    ...{ fresh, again: fresh },
  });
  expect(refused.headers.get("location")).toBe("/accounts/login/?next=%2Fadmin%2Fusers%2Fcreate%2F");
  expect(await browser.text("/session/")).not.toMatch(/horses|interrupted_form/);
});

test("every form of every page leads back to its page when the session has ended", async () => {
  const librarian = await signedIn("librarian");
  const list = await librarian.text("/catalog/borrowed/");
  const renewal = /href="(\/catalog\/book\/[0-9a-f-]{36}\/renew\/)"/.exec(list)?.[1] as string;
  for (const path of [
    "/catalog/book/1",
    "/catalog/book/create/",
    "/catalog/book/1/update/",
    "/catalog/book/1/delete/",
    "/catalog/author/create/",
    "/catalog/author/1/update/",
    renewal,
    "/catalog/borrowed/",
    "/catalog/mybooks/",
    "/accounts/sessions/",
    "/accounts/password/",
    "/librarian/sessions/?span=day",
  ]) {
    const page = await librarian.text(path);
    const actions = [...page.matchAll(/method="post" action="([^"]+)"/g)].map(
      ([, action]) => action as string,
    );
    for (const action of new Set(actions)) {
      if (/^\/accounts\/logout|\/list\/$|^\/preferences|^\/tour/.test(action)) continue; // They need no sign-in.
      const stranger = new Reader(site().url);
      const refused = await stranger.post(action, hiddenFields(page, action));
      expect(refused.headers.get("location"), `${action} on ${path}`).toBe(
        `/accounts/login/?next=${encodeURIComponent(path)}`,
      );
    }
  }
});

test("a form that is sent ten times at the same moment adds one author, one book and one copy", async () => {
  const browser = await signedIn("librarian");
  const tenTimes = async (path: string, action: string, typed: Record<string, string>) => {
    const fields = { ...hiddenFields(await browser.text(path), action), ...typed };
    const answers = await Promise.all(Array.from({ length: 10 }, () => browser.post(action, fields)));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(303));
  };
  await tenTimes(create, create, author("Once"));
  expect(await authorsNamed("Once")).toBe(1);

  const book = { title: "Only Once", authorId: "1", languageId: "1", summary: "One copy of it." };
  await tenTimes("/catalog/book/create/", "/catalog/book/create/", book);
  const found = await browser.text("/catalog/books/?q=only+once");
  expect(found).toContain("1 book for");
  const path = /href="(\/catalog\/book\/\d+)"/.exec(found)?.[1] as string;
  await tenTimes(path, `${path}/copies/`, { imprint: "Hardback" });
  expect((await browser.text(path)).match(/\/borrow\/"/g)).toHaveLength(1);
});

test("of two sendings that have both read the session, one adds the author", async () => {
  const held = await startHeldSite();
  const browser = new Reader(held.url);
  await browser.login("librarian", passwords.librarian);
  const fields = { ...hiddenFields(await browser.text(create), create), ...author("Raced") };
  const send = () => browser.post(create, fields);
  const answers = await afterAllHaveRead(held, [send, send]);
  expect(answers.map(({ status }) => status)).toEqual([303, 303]);
  const count = held.database.prepare("SELECT count(*) FROM authors WHERE last_name = 'Raced'").pluck();
  expect(count.get()).toBe(1);
});

test("of two sign-ins that have both read the session, one device remains, and its answer came last", async () => {
  const held = await startHeldSite();
  const { url, sessions } = held;
  const tab = new Reader(url);
  const page = await tab.text("/accounts/login/");
  const form = { ...hiddenFields(page, "/accounts/login/"), username: "reader", password: passwords.reader };
  const answered: Reader[] = [];
  const signIn = async () => {
    const browser = new Reader(url);
    for (const [name, value] of tab.cookies) browser.cookies.set(name, value);
    const response = await browser.post("/accounts/login/", form);
    answered.push(browser);
    return response;
  };
  const answers = await afterAllHaveRead(held, [signIn, signIn]);
  expect(answers.map(({ status }) => status)).toEqual([303, 303]);
  expect(await sessions.listUserSessions(1)).toHaveLength(1);
  expect(await answered.at(-1)?.text("/catalog/books/")).toContain("Robin Reader");
});

test("a new password that is sent twice is never called the old one, whenever the second comes", async () => {
  const held = await startHeldSite();
  const browser = new Reader(held.url);
  await browser.login("reader", passwords.reader);
  const path = "/accounts/password/";
  const fresh = "four horses in a teacup";
  const fields = { ...hiddenFields(await browser.text(path), path), fresh, again: fresh };
  const keyBefore = new Map(browser.cookies);
  const sendWithTheOldKey = async () => {
    const second = new Reader(held.url);
    for (const [name, value] of keyBefore) second.cookies.set(name, value);
    const { status, headers } = await second.post(path, fields);
    return [status, headers.get("location")];
  };

  // The second reads the session before it has its new key, and the user after the password has changed.
  const newKey = held.hold("rotate");
  const first = browser.post(path, fields);
  await newKey.arrived;
  const read = held.hold("read", "after");
  const second = sendWithTheOldKey();
  await read.arrived;
  newKey.release();
  expect((await first).headers.get("location")).toBe("/accounts/sessions/");
  read.release();
  expect(await second).toEqual([303, "/accounts/sessions/"]);
  expect(await browser.text("/accounts/sessions/")).toContain("Your password was changed.");

  // The old key has ended.
  expect(await sendWithTheOldKey()).toEqual([303, `/accounts/login/?next=${encodeURIComponent(path)}`]);
});

test("a new account that is sent twice is made once, and its name is not called taken", async () => {
  const browser = await signedIn("librarian");
  const path = "/admin/users/create/";
  const secret = { fresh: "four horses in a teacup", again: "four horses in a teacup" };
  const user = { username: "sender", name: "Sam Sender", email: "sam@library.example", role: "reader" };
  const fields = { ...hiddenFields(await browser.text(path), path), ...user, ...secret, isActive: "yes" };
  const [first, again] = [await browser.post(path, fields), await browser.post(path, fields)];
  expect(first.headers.get("location")).toMatch(/^\/admin\/users\/\d+\/$/);
  expect([again.status, again.headers.get("location")]).toEqual([303, "/admin/users/"]);
});

test("a form that is sent again leads to the page of the first answer, and says that it counted once", async () => {
  const browser = await signedIn("librarian");
  const fields = { ...hiddenFields(await browser.text(create), create), ...author("Again") };
  const [first, again] = [await browser.post(create, fields), await browser.post(create, fields)];
  expect(again.headers.get("location")).toBe(first.headers.get("location"));
  expect(await browser.text(again.headers.get("location") as string)).toContain("counted once");
});

test("the same form opened again is another form", async () => {
  const browser = await signedIn("librarian");
  for (let i = 0; i < 2; i++) {
    const page = await browser.text(create);
    await browser.post(create, { ...hiddenFields(page, create), ...author("Twice") });
  }
  expect(await authorsNamed("Twice")).toBe(2);
});

test("a login form that is sent twice begins one session, whichever of the two comes first", async () => {
  const own = new Reader(site().url);
  const page = await own.text("/accounts/login/");
  const fields = {
    ...hiddenFields(page, "/accounts/login/"),
    username: "reader",
    password: passwords.reader,
  };
  const beforehand = new Map(own.cookies);
  await endSession("reader");
  const devices = async () => {
    const looking = await signedIn("reader");
    return ((await looking.text("/accounts/sessions/")).match(/<h2>/g) ?? []).length - 2; // Itself, and the one that ended the rest.
  };

  // One after the other, with the cookie that the form came with: the browser did not take the first answer.
  const [first, second] = [new Reader(site().url), new Reader(site().url)];
  for (const browser of [first, second]) {
    for (const [name, value] of beforehand) browser.cookies.set(name, value);
    expect((await browser.post("/accounts/login/", fields)).status).toBe(303);
  }
  expect(await devices()).toBe(1);
  expect(await second.text("/catalog/books/")).toContain("Robin Reader");

  // Once more with the cookie of the second answer: it is signed in already.
  const key = [...second.cookies.values()].join();
  expect((await second.post("/accounts/login/", fields)).status).toBe(303);
  expect([...second.cookies.values()].join()).toBe(key);
});

describeInChromium(
  () => site().url,
  (visitor) => {
    test("a librarian whose session ends while a book is filled in signs in again, and the book is there", async () => {
      const page = await visitor({ javaScriptEnabled: false });
      await signIn(page, "librarian");
      await page.goto("/catalog/book/create/?author=1");
      await page.getByLabel("Title").fill("The Interrupted");
      await page.getByLabel("Written in").selectOption("English");
      await page.getByLabel("Summary").fill("It was begun in one session\nand finished in another.");
      await page.getByLabel("Satire").check();
      await endSession("librarian");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("The form that you sent is kept.").waitFor();
      await page.getByLabel("Username").fill("librarian");
      await page.getByLabel("Password").fill(passwords.librarian);
      await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
      await page.getByText("“The Interrupted” was added.").waitFor();
      await page.getByRole("link", { name: "Satire" }).waitFor();
    });

    test("a double click on Save makes one author, also without JavaScript", async () => {
      const own = await startHeldSite();
      const page = await visitor({ baseURL: own.url, javaScriptEnabled: false });
      await signIn(page, "librarian");
      await page.goto(create);
      await page.getByLabel("Last name").fill("Doubleday");
      await doubleClick(page.getByRole("button", { name: "Save" }), own);
      await page.getByRole("heading", { name: "Doubleday" }).waitFor();
      const count = own.database
        .prepare("SELECT count(*) FROM authors WHERE last_name = 'Doubleday'")
        .pluck();
      expect(count.get()).toBe(1);
    });

    test("a double click on Sign in signs one device in, also without JavaScript", async () => {
      const own = await startHeldSite();
      const page = await visitor({ baseURL: own.url, javaScriptEnabled: false });
      await page.goto("/accounts/login/?next=/accounts/sessions/");
      await page.getByLabel("Username").fill("reader");
      await page.getByLabel("Password").fill(passwords.reader);
      await doubleClick(page.getByRole("main").getByRole("button", { name: "Sign in" }), own);
      await page.getByRole("heading", { name: "Your sessions" }).waitFor();
      await page.reload();
      expect(await page.locator(".devices li").count()).toBe(1);
    });

    test("a second click while the first is under way sends nothing, and the answer with the new key is taken", async () => {
      const own = await startSite();
      const page = await visitor({ baseURL: own.url });
      await signIn(page, "reader");
      await page.goto("/accounts/password/");
      for (const label of ["New password", "New password again"]) {
        await page.getByLabel(label, { exact: true }).fill("four horses in a teacup");
      }
      const underWay = Promise.withResolvers<void>();
      const clickedTwice = Promise.withResolvers<void>();
      let sent = 0;
      await page.route("/accounts/password/", async (route) => {
        sent++;
        underWay.resolve();
        await clickedTwice.promise;
        await route.continue();
      });
      const click = await mouseOver(page.getByRole("button", { name: "Change password" }));
      await click();
      await underWay.promise;
      await click();
      clickedTwice.resolve();
      await page.getByRole("heading", { name: "Your sessions" }).waitFor();
      await page.reload();
      expect(await page.locator(".devices li").count()).toBe(1);
      expect(sent).toBe(1);
      const later = new Reader(own.url);
      expect((await later.login("reader", "four horses in a teacup")).status).toBe(303);
    });
  },
);
