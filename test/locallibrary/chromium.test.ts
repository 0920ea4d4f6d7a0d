import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { describeInChromium, signIn, visitorWithoutCookies } from "./chromium.ts";
import { afterAllHaveRead, startHeldSite } from "./held-site.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

describeInChromium(
  () => site().url,
  (visitor) => {
    test("the home page counts each reload", async () => {
      const page = await visitor();
      await page.goto("/");
      expect(page.url()).toMatch(/\/catalog\/$/);
      await page.getByText("You have visited this page 1 time.").waitFor();
      await page.reload();
      await page.getByText("You have visited this page 2 times.").waitFor();
    });

    test("a reader signs in from a book, comes back to it, borrows it, returns it and signs out, without JavaScript", async () => {
      const page = await visitor({ javaScriptEnabled: false });
      await page.goto("/");
      await page.getByLabel("Search titles and authors").fill("moby");
      await page.getByRole("button", { name: "Search" }).click();
      await page.getByRole("link", { name: /Moby-Dick/ }).click();
      const book = page.url();
      await page.getByRole("link", { name: "Sign in" }).click();
      await page.getByLabel("Username").fill("reader");
      await page.getByLabel("Password").fill("borrow-a-book");
      await page.getByLabel("Remember me").check();
      await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
      await page.getByText("Welcome, Robin Reader.").waitFor();
      expect(page.url()).toBe(book);
      await page.getByText("Signed in as Robin Reader").waitFor();
      const [cookie] = await page.context().cookies();
      expect((cookie?.expires ?? 0) - Date.now() / 1000).toBeGreaterThan(13.9 * 86_400);

      await page.getByRole("button", { name: "Borrow" }).first().click();
      await page.getByText("is yours to read. Bring it back by").waitFor();
      await page.getByRole("link", { name: "My books" }).click();
      await page.getByRole("button", { name: "Return Moby-Dick" }).first().click();
      await page.getByText("is back on the shelf").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "You are signed out" }).waitFor();
    });

    test("a librarian adds an author and a book with a copy, renews a loan and takes it back", async () => {
      const page = await visitor({ javaScriptEnabled: false });
      await signIn(page, "librarian");
      await page.goto("/catalog/authors/");
      await page.getByRole("link", { name: "Add an author" }).click();
      await page.getByLabel("First names").fill("Zora Neale");
      await page.getByLabel("Last name").fill("Hurston");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("link", { name: "Add a book" }).click();
      await page.getByLabel("Title").fill("Their Eyes Were Watching God");
      expect(await page.getByLabel("Author").locator("option:checked").textContent()).toBe(
        "Hurston, Zora Neale",
      );
      await page.getByLabel("Written in").selectOption("English");
      await page.getByLabel("Summary").fill("Janie looks for love, and finds herself.");
      await page.getByLabel("Romance").check();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByLabel("Imprint of a new copy").fill("Hardback");
      await page.getByRole("button", { name: "Add a copy" }).click();
      await page.getByRole("button", { name: "Borrow" }).click();
      await page.getByText("is yours to read. Bring it back by").waitFor();
      await page.getByRole("link", { name: "All borrowed" }).click();
      await page
        .getByRole("link", { name: /^Renew/ })
        .first()
        .click();
      await page.getByRole("button", { name: "Renew" }).click();
      await page.getByText("is now due back on").waitFor();
      await page
        .getByRole("button", { name: /^Take back/ })
        .first()
        .click();
      await page.getByText("is back on the shelf").waitFor();
    });

    test("a reader at the librarians' desk sees why not", async () => {
      const page = await visitor();
      await signIn(page, "reader");
      await page.goto("/catalog/borrowed/");
      await page.getByText("for librarians only").waitFor();
    });

    test("preferences of an anonymous visitor stay through the login", async () => {
      const page = await visitor({ colorScheme: "light" });
      await page.goto("/catalog/book/1");
      await page.getByRole("button", { name: "Dismiss" }).click();
      await page.getByLabel("About this site").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Put on the reading list" }).click();
      await page.getByRole("button", { name: "Take off the reading list" }).waitFor();
      await page.getByRole("link", { name: "Preferences" }).click();
      await page.getByLabel("Dark").check();
      await page.getByLabel("24").check();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Your preferences were saved.").waitFor();
      await signIn(page, "reader");
      await page.goto("/catalog/books/");
      expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(23, 21, 18)");
      expect(await page.getByRole("listitem").count()).toBe(24);
      expect(await page.getByLabel("About this site").count()).toBe(0);
      await page.getByRole("link", { name: "Reading list (1)" }).click();
      await page.getByText("1 book to read some day.").waitFor();
    });

    test("after a failed sign-in the cursor is where the next try begins", async () => {
      const page = await visitor();
      await page.goto("/accounts/login/");
      await page.getByLabel("Username").fill("reader");
      await page.getByLabel("Password").fill("wrong");
      await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
      await page.getByText("do not go together").waitFor();
      await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("password");
    });

    test("a form that comes back has its cursor in the first field to mend", async () => {
      const page = await visitor();
      await signIn(page, "librarian");
      await page.goto("/catalog/author/create/");
      await page.getByLabel("Last name").fill(" ");
      await page.getByLabel("Year of birth").fill("MDCCC");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Write a year in digits").waitFor();
      await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("lastName");
    });

    test("the line breaks of a summary are kept", async () => {
      const page = await visitor();
      await signIn(page, "librarian");
      await page.goto("/catalog/book/create/?author=1");
      await page.getByLabel("Title").fill("Two Verses");
      await page.getByLabel("Written in").selectOption("English");
      await page.getByLabel("Summary").fill("The first line,\nand the second.");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("“Two Verses” was added.").waitFor();
      await expect.poll(() => page.locator("main").innerText()).toContain("The first line,\nand the second.");
    });

    test("with cookies off, the login page says so instead of asking for ever", async () => {
      const page = await visitorWithoutCookies(site().url);
      await signIn(page, "reader");
      await page.getByText("Cookies are switched off").waitFor();
      expect(await page.getByLabel("Username").inputValue()).toBe("reader");
    });

    test("with cookies off, lists and preferences say that nothing was kept", async () => {
      const page = await visitorWithoutCookies(site().url);
      const told = page.getByText("Nothing was kept: your browser did not send back the cookie");
      await page.goto("/catalog/book/1");
      await page.getByRole("button", { name: "Put on the reading list" }).click();
      await told.waitFor();
      await page.goto("/preferences/");
      expect(await told.count()).toBe(0);
      await page.getByLabel("Dark").check();
      await page.getByRole("button", { name: "Save" }).click();
      await told.waitFor();
      await page.goto("/catalog/books/?q=emma");
      await page.getByRole("button", { name: "Dismiss" }).click();
      await told.waitFor();
      expect(await page.getByRole("searchbox").inputValue()).toBe("emma");
    });

    test("with cookies on, a new visitor's first choice is kept, and nothing of the question is left", async () => {
      const page = await visitor();
      await page.goto("/preferences/");
      await page.getByLabel("Dark").check();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Your preferences were saved.").waitFor();
      expect(page.url()).toMatch(/\/preferences\/$/);
      expect(await page.getByLabel("Dark").isChecked()).toBe(true);
    });

    test("one device signs out the other, which is asked to sign in at its next click", async () => {
      const [desktop, phone] = [await visitor(), await visitor({ javaScriptEnabled: false })];
      for (const page of [desktop, phone]) await signIn(page, "reader");
      await desktop.getByRole("link", { name: "Your sessions" }).click();
      await desktop.getByText("This device").waitFor();
      await desktop.getByRole("button", { name: "Sign out all other devices" }).click();
      await desktop.getByText("signed out.").first().waitFor();
      await phone.getByRole("link", { name: "Your sessions" }).click();
      await phone.getByText("Sign in first, and you will be back here.").waitFor();
      await desktop.getByRole("link", { name: "My books" }).click();
      await desktop.getByRole("heading", { name: "My books" }).waitFor();
    });

    test("in the inspector my_car is set, changed inside and flushed, and the expiry counts down", async () => {
      const page = await visitor();
      await page.goto("/session/");
      await page.getByRole("button", { name: "Set", exact: true }).click();
      await page.getByText("The session was created").waitFor();
      await page.getByRole("button", { name: "Change" }).click();
      await page.getByText('"wheels":"alloy"').first().waitFor();
      const countdown = page.locator("[data-countdown]");
      const before = await countdown.textContent();
      await expect.poll(() => countdown.textContent()).not.toBe(before);
      await page.getByLabel("Ends after each change in, or when").selectOption("1 minute");
      await page.getByRole("button", { name: "Set expiry" }).click();
      await page.getByText(/^in 00:00:\d\d$/).waitFor();
      await page.getByRole("button", { name: "Flush" }).click();
      await page.getByText("Nothing is stored for you").waitFor();
      expect(await page.context().cookies()).toEqual([]);
    });

    test("two tabs that ask for a token at once ask the office once, and both get it, without JavaScript", async () => {
      const own = await startHeldSite();
      const page = await visitor({ baseURL: own.url, javaScriptEnabled: false });
      await page.goto("/session/");
      await page.getByRole("button", { name: "Set", exact: true }).click();
      await page.getByText("The session was created").waitFor();
      const tabs: Page[] = [];
      page.context().on("page", (tab) => tabs.push(tab));
      const ask = () => page.getByRole("button", { name: "Ask in a new tab" }).click();
      await afterAllHaveRead(own, [ask, ask]);
      await expect.poll(() => tabs.length).toBe(2);
      const said = await Promise.all(tabs.map((tab) => tab.getByText("It has token").innerText()));
      const tokens = said.map((text) => /It has token (\w+)/.exec(text)?.[1]);
      expect(tokens[0]).toMatch(/^\w{6}$/);
      expect(tokens[1]).toBe(tokens[0]);
      expect(said.filter((text) => text.startsWith("This tab asked the office."))).toHaveLength(1);
      for (const text of said) expect(text).toContain("The office has given 1 token for this session.");
    });

    test("a session that a visitor let expire waits on the dashboard, until a librarian clears it", async () => {
      const [visiting, desk] = [await visitor(), await visitor()];
      await signIn(desk, "librarian");
      await visiting.goto("/session/");
      await visiting.getByRole("button", { name: "Set", exact: true }).click();
      await visiting.getByLabel("Ends after each change in, or when").selectOption("10 seconds");
      await visiting.getByRole("button", { name: "Set expiry" }).click();
      await visiting.getByText("now: the next request begins a new session").waitFor();
      await desk.getByRole("link", { name: "Dashboard" }).click();
      await desk.getByRole("button", { name: /^Clear [1-9]/ }).click();
      await desk.getByText(/\d expired sessions? cleared/).waitFor();
      await desk.getByRole("img", { name: /^Expired and waiting over the last hour, now 0/ }).waitFor();
    });

    test("the keyboard reaches the content first, and every control shows its focus", async () => {
      const page = await visitor();
      await page.goto("/");
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
      for (let i = 0; i < 12; i++) {
        await page.keyboard.press("Tab");
        expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
      }
    });
  },
);
