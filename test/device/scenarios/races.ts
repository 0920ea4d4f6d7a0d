/** A registration or refresh beside every other request that the browser may make at the same moment, in both orders. */
import { expect, test } from "vitest";
import type { BoundBrowser } from "../../instruments/bound-browser.ts";
import { Device } from "../../instruments/device.ts";
import type { Verb } from "../../instruments/wrapped-store.ts";
import { type Act, type Site, type Start, stranger } from "../site.ts";

const isEnd = ({ status, body }: { status: number; body: string }) =>
  status === 200 && JSON.parse(body).continue === false;

/** Runs a registration and another request at once, the one held at the store until the other is answered. */
async function beside(site: Site, browser: BoundBrowser, act: Act, order: Order, verb: Verb) {
  const device = new Device();
  if (order === "the registration first") {
    const held = site.store.hold(verb);
    const other = site.send(browser, act);
    await held.arrived;
    const registered = await browser.at(site.there.port).register({ device });
    held.release();
    return { device, registered, other: await other.answer };
  }
  const held = site.store.hold("update");
  const registering = browser.at(site.there.port).register({ device });
  await held.arrived;
  const other = await site.send(browser, act).answer;
  held.release();
  return { device, registered: await registering, other };
}

const orders = ["the registration first", "the registration last"] as const;
type Order = (typeof orders)[number];

export function races(start: Start): void {
  for (const order of orders) {
    // Reports: report-uri/dbsc-php, its first version (a key registered beside the next page).
    test(`beside the page after the login, both are kept: ${order}`, async () => {
      const site = await start();
      const browser = await site.signedIn();
      const { registered } = await beside(
        site,
        browser,
        (session) => void session.set("page", 1),
        order,
        "update",
      );
      expect(registered.status).toBe(200);
      expect(await site.look(browser)).toEqual({ user: "ada", isBound: true, data: { page: 1 } });
      site.clock.pass(700);
      expect(await site.look(browser)).toEqual({ user: "ada", isBound: true, data: { page: 1 } });
    });

    test(`beside a logout, nothing comes back: ${order}`, async () => {
      const site = await start();
      const browser = await site.signedIn();
      const thief = browser.thief();
      const { registered } = await beside(site, browser, (session) => session.logout(), order, "delete");
      if (order === "the registration last") expect(isEnd(registered)).toBe(true);
      expect(await site.look(thief)).toEqual(stranger);
      expect(await site.look(browser)).toEqual(stranger);
    });

    test(`beside cycleKey(), the key goes on with the session: ${order}`, async () => {
      const site = await start();
      const browser = await site.signedIn();
      const { registered, other } = await beside(
        site,
        browser,
        (session) => session.cycleKey(),
        order,
        "rotate",
      );
      expect([registered.status, other.status]).toEqual([200, 200]);
      expect(await site.look(browser)).toEqual({ user: "ada", isBound: true, data: {} });
      site.clock.pass(700);
      const thief = browser.thief();
      expect(await site.look(browser)).toEqual({ user: "ada", isBound: true, data: {} });
      expect(await site.look(thief)).toEqual(stranger);
    });

    test(`beside a second login of the same user, the browser ends up bound or can be: ${order}`, async () => {
      const site = await start();
      const browser = await site.signedIn();
      await beside(site, browser, (session) => session.login("ada"), order, "rotate");
      if (!(await site.look(browser)).isBound) await browser.register();
      expect(await site.look(browser)).toEqual({ user: "ada", isBound: true, data: {} });
      site.clock.pass(700);
      const thief = browser.thief();
      expect(await site.look(browser)).toEqual({ user: "ada", isBound: true, data: {} });
      expect(await site.look(thief)).toEqual(stranger);
    });

    test(`beside the login of another user, who gets a binding of her own: ${order}`, async () => {
      const site = await start();
      const browser = await site.signedIn();
      const { device } = await beside(site, browser, (session) => session.login("bea"), order, "create");
      expect(await site.look(browser)).toEqual({ user: "bea", isBound: false, data: {} });
      const { body } = await browser.register();
      expect(JSON.parse(body).session_identifier).not.toBe(device.thumbprint);
      expect(await site.look(browser)).toEqual({ user: "bea", isBound: true, data: {} });
      site.clock.pass(700);
      expect(await site.look(browser)).toEqual({ user: "bea", isBound: true, data: {} });
      expect(browser.bindings).toHaveLength(1);
    });

    test(`beside another registration, one key stays and the browser goes on with it: ${order}`, async () => {
      const site = await start();
      const browser = await site.signedIn();
      const held = site.store.hold("update", order === "the registration first" ? "before" : "after");
      const first = browser.at(site.there.port).register();
      await held.arrived;
      const second = await browser.register();
      held.release();
      expect([(await first).status, second.status]).toEqual([200, 200]);
      expect(browser.bindings).toHaveLength(2);
      expect(await site.look(browser)).toEqual({ user: "ada", isBound: true, data: {} });
      site.clock.pass(700);
      // The browser renews with one after the other, and ends the one that the session does not know.
      for (const binding of [...browser.bindings]) await browser.refresh(binding);
      expect(browser.bindings).toHaveLength(1);
      site.clock.pass(700);
      expect(await site.look(browser)).toEqual({ user: "ada", isBound: true, data: {} });
    });
  }

  test("a lost answer to the registration is made good by the same key, or by another", async () => {
    const site = await start();
    const browser = await site.signedIn();
    const device = new Device();
    await browser.register({ device, keep: false });
    site.clock.pass(100);
    expect(await site.look(browser)).toMatchObject({ user: "ada" });
    const again = await browser.register({ device });
    expect(JSON.parse(again.body).session_identifier).toBe(device.thumbprint);
    const other = new Device();
    expect((await browser.register({ device: other })).status).toBe(200);
    await site.look(browser);
    site.clock.pass(31);
    expect((await browser.register({ keep: false })).status).toBe(409);
    // The same key again is answered as the first time: the browser sends it again after a broken connection.
    expect((await browser.register({ device: other })).status).toBe(200);
    expect(await site.look(browser)).toMatchObject({ user: "ada", isBound: true });
  });

  test("a refresh beside revoke() brings nothing back", async () => {
    const site = await start();
    const browser = await site.bound();
    let handle = "";
    await browser.visit(
      site.path((session) => {
        handle = session.handle as string;
      }),
    );
    const held = site.store.hold("read", "after");
    const refreshing = browser.at(site.there.port).refresh();
    await held.arrived;
    expect(await site.sessions.revoke(handle, { userId: "ada" })).toBe(true);
    held.release();
    expect((await refreshing).status).toBe(200);
    expect(await site.look(browser)).toEqual(stranger);
    expect(isEnd(await browser.refresh())).toBe(true);
  });

  test("a refresh beside cycleKey(), whose challenge then is the older one, still leads to the session", async () => {
    const site = await start();
    const browser = await site.bound();
    const held = site.store.hold("read", "after");
    const refreshing = browser.at(site.there.port).refresh();
    await held.arrived;
    await site.send(browser, (session) => session.cycleKey()).answer;
    held.release();
    await refreshing;
    // The mark at the old id is gone by now.
    site.clock.pass(700);
    expect(await site.look(browser)).toMatchObject({ user: "ada", isBound: true });
    site.clock.pass(700);
    expect(await site.look(browser)).toMatchObject({ user: "ada", isBound: true });
    expect(browser.bindings).toHaveLength(1);
  });

  for (const off of [-50, 50]) {
    test(`servers whose clocks are ${off} s apart serve the same browser`, async () => {
      const site = await start();
      const browser = await site.bound();
      await browser.refresh();
      const elsewhere = browser.at(site.there.port);
      site.clock.pass(590);
      const cookie = browser.cookie;
      site.clock.pass(off);
      const look = site.path((session) => void session.set("seen", session.userId));
      await elsewhere.ask(look, { headers: { Cookie: cookie } });
      site.clock.pass(-off);
      expect((await site.look(browser)).data).toEqual({ seen: "ada" });
    });
  }
}
