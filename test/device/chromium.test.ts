/** Device-bound sessions in a real Chromium, over https, with LocalLibrary behind a proxy and its sessions in Redis. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { HttpsFront } from "../instruments/https-front.ts";
import { wire } from "../instruments/wire.ts";
import { signIn } from "../locallibrary/chromium.ts";
import { spawnSite } from "../locallibrary/site.ts";
import { redis } from "../servers/redis.ts";
import { describeWithServer } from "../servers/suite.ts";
import { launchWithKeys } from "./chromium-with-keys.ts";

vi.setConfig({ testTimeout: 180_000 });

const REFRESH = /\/refresh$/;
const BOUND = "__Host-sessionid-device";

type Library = ReturnType<typeof spawnSite>;

describeWithServer(redis, (server) => {
  describe("in Chromium", () => {
    let front: HttpsFront;
    let folder: string;
    let library: Library;
    let chromium: Browser;
    let store: Awaited<ReturnType<typeof wire>>;

    const start = async () => {
      const one = spawnSite({
        PORT: "0",
        LIBRARY_DATABASE: join(folder, "library.sqlite3"),
        SESSION_STORE: `redis://127.0.0.1:${store.port}`,
        DEVICE_BOUND: "yes",
        BEHIND_PROXY: "yes",
        MOVED_DATE_STEP: "700",
        NODE_OPTIONS: `--import=${new URL("../instruments/moved-date.ts", import.meta.url).href}`,
      });
      await one.address;
      return one;
    };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "locallibrary-bound-"));
      front = await HttpsFront.start();
      store = await wire(Number(new URL(server().url).port));
      library = await start();
      front.target = await library.address;
      chromium = await launchWithKeys();
    }, 900_000);
    afterAll(async () => {
      await chromium?.close();
      front?.close();
      store?.cut();
      await library?.stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });

    const url = (host = "library.example") => front.url(host);
    const browser = async () => {
      const context = await chromium.newContext({ baseURL: url() });
      onTestFinished(() => context.close());
      return context;
    };

    /** Does what binds the session of the page's user; resolves when the browser says that it has bound it. */
    async function binding(page: Page, act: () => Promise<void>): Promise<void> {
      const network = await page.context().newCDPSession(page);
      let isBound = false;
      network.on("Network.deviceBoundSessionEventOccurred", ({ creationEventDetails, succeeded }) => {
        if (creationEventDetails && succeeded) isBound = true;
      });
      await network.send("Network.enableDeviceBoundSessions", { enable: true });
      await act();
      await vi.waitUntil(() => isBound, { timeout: 60_000 });
      await network.detach();
    }

    /** A page whose user has signed in, and whose session is bound. */
    async function signedIn(context: BrowserContext): Promise<Page> {
      const page = await context.newPage();
      await binding(page, async () => {
        await signIn(page, "reader");
        await page.getByText("Welcome, Robin Reader.").waitFor();
      });
      return page;
    }

    const isSignedIn = async (page: Page, path = "/catalog/") => {
      await page.goto(path);
      return page.getByText("Signed in as Robin Reader").isVisible();
    };

    /** The session is served only with the bound cookie from here on: the server's clock goes on by 700 seconds. */
    const enforce = async (page: Page) => {
      expect(await isSignedIn(page)).toBe(true);
      library.signal("SIGUSR2");
      await runOut(page.context());
      expect(await isSignedIn(page)).toBe(true);
    };

    /** The bound cookie has run out in the browser. */
    const runOut = (context: BrowserContext) => context.clearCookies({ name: BOUND });

    test("a login by form and redirect is bound, and goes on when the bound cookie has run out", async () => {
      const context = await browser();
      const page = await signedIn(context);
      expect((await context.cookies()).map(({ name }) => name).sort()).toEqual(["__Host-sessionid", BOUND]);
      await page.goto("/accounts/sessions/");
      await page.getByText("Bound to this device").waitFor();
      const mark = front.passed.length;
      await runOut(context);
      expect(await isSignedIn(page)).toBe(true);
      // One trip: the browser had a challenge from the registration.
      expect(front.statuses(REFRESH, mark)).toEqual([200]);
    });

    test("a login that begins at another host is bound, and so is the page of a link from there", async () => {
      const body = "username=reader&password=borrow-a-book&next=%2Fcatalog%2F";
      front.forms.set("/sso", { path: "/accounts/login/", body });
      front.pages.set(
        "other.example/",
        `<a href="${url()}/sso">sign in</a> <a href="${url()}/catalog/books/">books</a>`,
      );
      const context = await browser();
      const page = await context.newPage();
      await page.goto(url("other.example"));
      await binding(page, async () => {
        await page.getByText("sign in").click();
        await page.getByText("Signed in as Robin Reader").waitFor();
      });
      await page.goto(url("other.example"));
      const before = front.passed.length;
      await runOut(context);
      await page.getByText("books").click();
      await page.getByText("Signed in as Robin Reader").waitFor();
      const [refresh, ...rest] = front.passed.slice(before).filter(({ path }) => REFRESH.test(path));
      expect([refresh?.status, refresh?.headers.cookie, rest]).toEqual([200, undefined, []]);
    });

    test("four requests at once wait for one refresh", async () => {
      const context = await browser();
      const page = await signedIn(context);
      await page.goto("/catalog/");
      const mark = front.passed.length;
      await runOut(context);
      const texts: string[] = await page.evaluate(() =>
        Promise.all([1, 2, 3, 4].map(async (n) => (await fetch(`/catalog/?${n}`)).text())),
      );
      expect(texts.map((text) => text.includes("Robin Reader"))).toEqual([true, true, true, true]);
      expect(front.statuses(REFRESH, mark)).toEqual([200]);
    });

    test("cycleKey() changes the session cookie, and the binding goes on", async () => {
      const context = await browser();
      const page = await signedIn(context);
      const key = async () =>
        (await context.cookies()).find(({ name }) => name === "__Host-sessionid")?.value as string;
      const before = await key();
      await page.goto("/session/");
      await page.locator("form[action='/session/rotate/'] button").click();
      await page.getByText("The key was replaced").waitFor();
      expect(await key()).not.toBe(before);
      const mark = front.passed.length;
      await runOut(context);
      expect(await isSignedIn(page)).toBe(true);
      expect(front.statuses(REFRESH, mark)).toEqual([200]);
    });

    test("a foreign bound cookie is removed, and the next page is signed in", async () => {
      const context = await browser();
      const page = await signedIn(context);
      await enforce(page);
      await context.addCookies([
        { name: BOUND, value: "foreign", url: url(), secure: true, httpOnly: true, sameSite: "Lax" },
      ]);
      expect(await isSignedIn(page)).toBe(false);
      expect(await isSignedIn(page)).toBe(true);
    });

    test("a logout removes both cookies and ends the binding", async () => {
      const context = await browser();
      const page = await signedIn(context);
      await page.goto("/accounts/sessions/");
      await page.getByRole("button", { name: "Sign out here" }).click();
      await page.waitForURL(/logout/);
      expect((await context.cookies()).map(({ name }) => name)).toEqual([]);
      await page.goto("/catalog/");
      // The first page after it finds the browser refreshing in vain, and is the last to do so.
      const mark = front.passed.length;
      await page.goto("/catalog/");
      expect(front.statuses(REFRESH, mark)).toEqual([]);
      expect(await page.getByText("Signed in as").isVisible()).toBe(false);
    });

    test("a session that a second device has ended is ended", async () => {
      const [one, other] = [await browser(), await browser()];
      const [page, second] = [await signedIn(one), await signedIn(other)];
      await second.goto("/accounts/sessions/");
      await second.getByRole("button", { name: "Sign out all other devices" }).click();
      await second.getByText("signed out.").waitFor();
      await runOut(one);
      expect(await isSignedIn(page)).toBe(false);
      expect(await isSignedIn(second)).toBe(true);
    });

    test("LocalLibrary's tour: the thief of a bound session's cookie is turned away", async () => {
      const context = await browser();
      const page = await signedIn(context);
      await enforce(page);
      await page.goto("/tour/");
      await page.getByRole("button", { name: "Begin the tour" }).click();
      await page.getByText("Stop 1 of 6").waitFor();
      await page.goto("/tour/");
      await page.getByRole("button", { name: /^Go to stop 6/ }).click();
      await page.getByRole("button", { name: "Steal my cookie" }).click();
      await page.getByText("The thief was turned away.").waitFor();
      expect(await isSignedIn(page)).toBe(true);
    });

    test("a second process on the same store, and the end of the first, change nothing", async () => {
      const context = await browser();
      const starting = start();
      const page = await signedIn(context);
      const [first, second] = [library, await starting];
      front.target = await second.address;
      library = second;
      await runOut(context);
      expect(await isSignedIn(page)).toBe(true);
      await first.stop();
      const mark = front.passed.length;
      await runOut(context);
      expect(await isSignedIn(page)).toBe(true);
      expect(front.statuses(REFRESH, mark)).toEqual([200]);
    });

    test("a store that is away for a while keeps the binding", async () => {
      const context = await browser();
      const page = await signedIn(context);
      await enforce(page);
      store.cut();
      const mark = front.passed.length;
      await runOut(context);
      expect(await isSignedIn(page)).toBe(false);
      expect(front.statuses(REFRESH, mark)).toContain(503);
      store.mend();
      await vi.waitUntil(() => isSignedIn(page), { timeout: 60_000, interval: 500 });
      expect((await context.cookies()).map(({ name }) => name).sort()).toEqual(["__Host-sessionid", BOUND]);
    });

    test("a thief with all cookies is a stranger after cookieAge, and the owner goes on", async () => {
      const context = await browser();
      const page = await signedIn(context);
      expect(await isSignedIn(page)).toBe(true);
      const thief = await browser();
      await thief.addCookies(await context.cookies());
      const stolen = await thief.newPage();
      expect(await isSignedIn(stolen)).toBe(true);
      library.signal("SIGUSR2");
      await runOut(context);
      await vi.waitUntil(async () => !(await isSignedIn(stolen)), { timeout: 60_000 });
      expect(await isSignedIn(page)).toBe(true);
      expect(await isSignedIn(stolen)).toBe(false);
    });
  });
});
