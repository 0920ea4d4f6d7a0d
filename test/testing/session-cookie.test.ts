import { createServer as createPlainServer } from "node:http";
import { createServer } from "node:https";
import { createSessions, memoryStore, type Options } from "coatcheck";
import { encryptedCookieStore, signedCookieStore } from "coatcheck/cookies";
import { session } from "coatcheck/node";
import { sessionCookie } from "coatcheck/testing";
import { chromium } from "playwright-core";
import { describe, expect, onTestFinished, test } from "vitest";
import { running } from "../frameworks/adapters/adapter.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { selfMadeCertificate } from "../instruments/self-made-certificate.ts";
import { browserMissing, chromiumArgs, chromiumPath } from "../servers/chromium.ts";

const made = (options: Options = {}) => createSessions({ store: memoryStore(), ...options });

describe("sessionCookie", () => {
  // Reports: jestjs/jest#9430.
  test("is the cookie of a session that is stored, with its user and data", async () => {
    const sessions = made();
    const { header } = await sessionCookie(sessions, {
      userId: 7,
      data: { cart: ["apple"] },
      label: "Firefox on Linux",
    });
    const session = await sessions.open(header, { secure: false });
    expect([session.userId, session.label, session.toObject()]).toEqual([
      "7",
      "Firefox on Linux",
      { cart: ["apple"] },
    ]);
    expect(session.authenticatedAt).toBeInstanceOf(Date);
    expect(await sessions.listUserSessions(7)).toHaveLength(1);
  });

  test("has name, value and attributes as the response would send them", async () => {
    expect(await sessionCookie(made())).toEqual({
      header: expect.stringMatching(/^sessionid=[a-z0-9]{32}$/),
      name: "sessionid",
      value: expect.stringMatching(/^[a-z0-9]{32}$/),
      path: "/",
      secure: false,
      httpOnly: true,
      sameSite: "Lax",
    });
    const cookie = { path: "/shop", httpOnly: false, sameSite: "strict", name: "shop" } as const;
    expect(await sessionCookie(made({ cookie }), { secure: true })).toMatchObject({
      name: "shop",
      path: "/shop",
      secure: true,
      httpOnly: false,
      sameSite: "Strict",
    });
  });

  test("over https has the name that the application looks for there", async () => {
    const sessions = made();
    const { header, name } = await sessionCookie(sessions, { userId: 7, secure: true });
    expect(name).toBe("__Host-sessionid");
    expect((await sessions.open(header, { secure: true })).userId).toBe("7");
  });

  test("of a visitor without user and data is stored too", async () => {
    const sessions = made();
    const { header } = await sessionCookie(sessions);
    const session = await sessions.open(header, { secure: false });
    expect([session.userId, session.size, session.handle === null]).toEqual([null, 0, false]);
  });

  test("works with lazy sessions, with sessions in the cookie, and at the application's own time", async () => {
    const clock = new MovedClock();
    const secrets = ["a secret of at least thirty-two characters"];
    for (const options of [
      { lazy: true },
      { store: signedCookieStore({ secrets }) },
      { store: encryptedCookieStore({ secrets }) },
      { clock: clock.read },
    ]) {
      const sessions = made(options);
      const { header } = await sessionCookie(sessions, { userId: "ann", data: { a: 1 } });
      const session = await sessions.open(header, { secure: false });
      await session.load();
      expect([session.userId, session.get("a")]).toEqual(["ann", 1]);
    }
  });

  test("ends as any session does", async () => {
    const clock = new MovedClock();
    const sessions = made({ clock: clock.read, cookieAge: 60 });
    const { header } = await sessionCookie(sessions, { userId: "ann" });
    clock.pass(60);
    expect((await sessions.open(header, { secure: false })).userId).toBeNull();
  });

  test("that no response would send is refused, and says what to write", async () => {
    await expect(sessionCookie(made({ cookie: { secure: true } }))).rejects.toThrow("{ secure: true }");
  });

  test("refuses data that is not JSON", async () => {
    await expect(sessionCookie(made(), { data: { at: new Date() } })).rejects.toThrow(TypeError);
  });

  const why = browserMissing();
  describe.skipIf(why)(`in Chromium${why ? ` (${why})` : ""}`, () => {
    test.each([false, true])(
      "signs the browser in (over https: %s)",
      { timeout: 180_000 },
      async (secure) => {
        const sessions = made();
        const handler = session(sessions, (req, res) => res.end(`user ${req.session.userId}`));
        const server = secure ? createServer(selfMadeCertificate(), handler) : createPlainServer(handler);
        const { port, close } = await running(server);
        onTestFinished(close);
        const browser = await chromium.launch({
          executablePath: chromiumPath(),
          args: [...chromiumArgs, "--ignore-certificate-errors"],
        });
        onTestFinished(() => browser.close());
        const context = await browser.newContext();
        const cookie = await sessionCookie(sessions, { userId: 7, secure });
        await context.addCookies([{ ...cookie, domain: "127.0.0.1" }]);
        const page = await context.newPage();
        await page.goto(`${secure ? "https" : "http"}://127.0.0.1:${port}/`);
        expect(await page.textContent("body")).toBe("user 7");
      },
    );
  });
});
