/** The life of a binding, from the login to the logout, and a thief with copied cookies. */
import { expect, test } from "vitest";
import { Device } from "../../instruments/device.ts";
import { type Start, stranger } from "../site.ts";

const ada = { user: "ada", isBound: true, data: {} };

export function life(start: Start): void {
  for (const algorithm of ["ES256", "RS256"] as const) {
    test(`a login is bound to the device's ${algorithm} key, and copied cookies open nothing after cookieAge`, async () => {
      const site = await start();
      const browser = await site.signedIn();
      expect(await site.look(browser)).toEqual({ ...ada, isBound: false });
      const device = new Device(algorithm);
      const { status, body } = await browser.register({ device });
      expect([status, JSON.parse(body).session_identifier]).toEqual([200, device.thumbprint]);
      expect(await site.look(browser)).toEqual(ada);
      const thief = browser.thief();
      site.clock.pass(31);
      expect(await site.look(thief)).toEqual(ada);

      site.clock.pass(600 + 60);
      expect(await site.look(thief)).toEqual(stranger);
      expect(await site.look(browser)).toEqual(ada);
      expect(browser.refreshes).toBe(1);
      expect(await site.look(browser.at(site.there.port))).toEqual(ada);
    });
  }

  test("a session cookie without the bound one opens nothing, over http neither", async () => {
    const site = await start({ cookie: { name: "sid" } });
    const browser = await site.bound();
    const thief = browser.thief();
    thief.jar.delete("sid-device");
    expect(await site.look(thief)).toEqual(stranger);
    let user: string | null = "";
    const path = site.path(async (session) => {
      await session.load();
      user = session.userId;
    });
    await thief.ask(path, { secure: false });
    expect(user).toBeNull();
    await browser.ask(path);
    expect(user).toBe("ada");
  });

  test("a refresh is one read of the store and no write, and a request costs what it costs without", async () => {
    const site = await start();
    const browser = await site.bound();
    const before = site.store.calls.length;
    await browser.refresh();
    expect(site.store.calls.slice(before)).toEqual(["read"]);
    await site.look(browser);
    expect(site.store.calls.slice(before)).toEqual(["read", "read"]);
  });

  test("a logout removes both cookies, and the browser forgets the binding", async () => {
    const site = await start();
    const browser = await site.bound();
    const { setCookie } = await browser.visit(site.path((session) => session.logout()));
    const removals = setCookie.map((line) => line.split(";", 2).join(";"));
    expect(removals).toEqual(["__Host-sessionid=; Max-Age=0", "__Host-sessionid-device=; Max-Age=0"]);
    expect(browser.cookie).toBe("");
    const { status, body } = await browser.refresh();
    expect([status, JSON.parse(body).continue]).toEqual([200, false]);
    expect(browser.bindings).toEqual([]);
  });

  test("a login that another site began is bound too: the registration comes without cookies", async () => {
    const site = await start();
    const browser = await site.signedIn();
    const cookies = [...browser.jar];
    browser.jar.clear();
    const { status } = await browser.register();
    expect(status).toBe(200);
    for (const [name, cookie] of cookies) browser.jar.set(name, cookie);
    expect(await site.look(browser)).toEqual(ada);
    site.clock.pass(700);
    // And so does the refresh that a link from another site waits for.
    browser.jar.clear();
    expect((await browser.refresh()).status).toBe(200);
    for (const [name, cookie] of cookies) browser.jar.set(name, cookie);
    expect(await site.look(browser, { as: "ask" })).toEqual(ada);
  });
}
