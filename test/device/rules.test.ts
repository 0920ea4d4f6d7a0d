/** The rules of device-bound sessions, one by one, through Express. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSessions, memoryStore, type Options, type Store } from "coatcheck";
import { encryptedCookieStore, signedCookieStore } from "coatcheck/cookies";
import { session } from "coatcheck/express";
import { session as fastify } from "coatcheck/fastify";
import express from "express";
import createFastify from "fastify";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { everyAdapter } from "../frameworks/adapters/every-adapter.ts";
import { type BoundAnswer, BoundBrowser, type Offer } from "../instruments/bound-browser.ts";
import { clearStore } from "../instruments/clear-store.ts";
import { Device } from "../instruments/device.ts";
import { faultyStore } from "../instruments/faulty-store.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { overhear } from "../instruments/overheard.ts";
import { type Site, starter, stranger } from "./site.ts";

const adapter = everyAdapter[0] as (typeof everyAdapter)[number];
const start = starter(adapter);
const ada = { user: "ada", isBound: true, data: {} };

const offerIn = ({ headers }: BoundAnswer) => headers["secure-session-registration"];
const isEnd = ({ status, body }: BoundAnswer) => status === 200 && JSON.parse(body).continue === false;
const nothing = () => {};

/** A browser whose login was answered without its offer reaching it. */
async function unbound(site: Site) {
  const browser = await site.signedIn();
  browser.offer = null;
  return browser;
}

describe("the two cookies", () => {
  test("have the same attributes, and the bound one lives for cookieAge", async () => {
    const site = await start({ deviceBound: { cookieAge: 120 } });
    const browser = await site.signedIn();
    const { setCookie } = await browser.register();
    expect(setCookie).toEqual([
      expect.stringMatching(
        /^__Host-sessionid-device=[0-9a-z]+\.[\w-]{43}; Max-Age=120; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
      ),
    ]);
    expect(Number.parseInt(setCookie[0]?.split(/[=.]/)[1] as string, 36)).toBe(
      Math.floor(site.clock.now / 1000) + 120 + 60,
    );
  });

  test("a bound cookie of another session, or with another end, is none", async () => {
    const site = await start();
    const [browser, other] = [await site.bound(), await site.bound("bea")];
    const [exp = "", mac = ""] = (browser.boundCookie as string).split(".");
    const later = (Number.parseInt(exp, 36) + 1).toString(36);
    const [, otherMac = ""] = (other.boundCookie as string).split(".");
    for (const value of [
      other.boundCookie,
      `${later}.${mac}`,
      `${exp}.${otherMac}`,
      `${exp}.`,
      `.${mac}`,
      `0${exp}.${mac}`,
    ]) {
      const thief = browser.thief();
      thief.jar.set("__Host-sessionid-device", { value: value as string, until: Number.POSITIVE_INFINITY });
      expect(await site.look(thief, { as: "ask" })).toEqual(stranger);
    }
    expect(await site.look(browser, { as: "ask" })).toEqual(ada);
  });

  test("a value is good for a minute after its cookie has run out, for requests under way", async () => {
    const site = await start();
    const browser = await site.bound();
    await browser.refresh();
    const cookie = browser.cookie;
    const user = async () => {
      let seen: string | null = null;
      const path = site.path((session) => {
        seen = session.userId;
      });
      await site.browser().ask(path, { headers: { Cookie: cookie } });
      return seen;
    };
    site.clock.pass(600 + 59);
    expect(await user()).toBe("ada");
    site.clock.pass(1);
    expect(await user()).toBeNull();
  });
});

describe("the binding is offered", () => {
  test("with the response to a login or a confirmation, which is private", async () => {
    const site = await start();
    const browser = site.browser();
    for (const act of ["login", "confirm"] as const) {
      const answer = await browser.visit(
        site.path((session) => (act === "login" ? session.login("ada") : session.confirm())),
      );
      expect(offerIn(answer)).toMatch(
        /^\(ES256 RS256\);path="\/\.coatcheck\/__Host-sessionid\/registration";challenge="[0-9a-f]{64}\.[0-9a-z]+\.[\w-]{43}"$/,
      );
      expect(answer.headers["cache-control"]).toBe("private, no-store");
    }
    expect((await browser.register()).status).toBe(200);
  });

  test("over https only, and only where the login was stored", async () => {
    const site = await start({ cookie: { name: "sid" } });
    const login = site.path((session) => session.login("ada"));
    expect(offerIn(await site.browser().ask(login, { secure: false }))).toBeUndefined();
    const failed = site.path((session) => {
      session.login("ada");
      return 500;
    });
    expect(offerIn(await site.browser().ask(failed))).toBeUndefined();
    expect(
      offerIn(await site.browser().ask(site.path((session) => void session.set("a", 1)))),
    ).toBeUndefined();
    expect(offerIn(await site.browser().ask(login))).toBeDefined();
  });

  test("with a page from 10 seconds to 5 minutes after the login, and never later", async () => {
    const site = await start();
    const browser = await unbound(site);
    const page = { headers: { "Sec-Fetch-Dest": "document" } };
    const offered = async (request = page) =>
      offerIn(await browser.visit(site.path(nothing), request)) !== undefined;
    expect(await offered()).toBe(false);
    site.clock.pass(9);
    expect(await offered()).toBe(false);
    site.clock.pass(1);
    expect(await offered()).toBe(true);
    expect(await offered({ headers: { "Sec-Fetch-Dest": "image" } })).toBe(false);
    const answer = await browser.open(site.path(nothing));
    expect([answer.headers["cache-control"], answer.headers.vary]).toEqual(["private, no-store", "Cookie"]);
    site.clock.pass(290);
    expect(await offered()).toBe(true);
    site.clock.pass(1);
    expect(await offered()).toBe(false);
    expect(offerIn(await browser.visit(site.path((session) => session.cycleKey())))).toBeUndefined();
    expect(await offered()).toBe(false);
    await browser.visit(site.path((session) => session.confirm()));
    site.clock.pass(10);
    expect(await offered()).toBe(true);
  });

  test("only while the session is unbound: a login of the same user keeps the binding", async () => {
    const site = await start();
    const browser = await site.bound();
    const again = await browser.visit(site.path((session) => session.login("ada")));
    expect(offerIn(again)).toBeUndefined();
    expect(offerIn(await browser.visit(site.path((session) => session.confirm())))).toBeUndefined();
    site.clock.pass(20);
    expect(offerIn(await browser.open(site.path(nothing)))).toBeUndefined();
    expect(await site.look(browser, { as: "ask" })).toEqual(ada);
  });

  test("anew at the next login or confirmation where no request has shown the key yet: its answer may have been lost", async () => {
    const site = await start();
    for (const act of ["login", "confirm"] as const) {
      const browser = await site.signedIn();
      const thief = browser.thief();
      await thief.register({ offer: browser.offer });
      const again = await browser.visit(
        site.path((session) => (act === "login" ? session.login("ada") : session.confirm())),
      );
      expect(offerIn(again)).toBeDefined();
      expect(await site.look(browser)).toEqual({ ...ada, isBound: false });
      expect((await browser.register()).status).toBe(200);
      await site.look(browser);
      site.clock.pass(31);
      expect(await site.look(browser)).toEqual(ada);
      // What a thief has registered before is worth nothing.
      expect(isEnd(await thief.refresh())).toBe(true);
    }
  });

  test("anew after the login of another user, whose session begins unbound", async () => {
    const site = await start();
    const browser = await site.bound();
    const old = browser.boundCookie;
    expect(offerIn(await browser.visit(site.path((session) => session.login("bea"))))).toBeDefined();
    expect(await site.look(browser, { as: "ask" })).toEqual({ ...ada, user: "bea", isBound: false });
    const device = browser.bindings[0]?.device as Device;
    // The old key, which belongs to the browser too, may be registered; the old bound cookie is worth nothing.
    await browser.register({ device });
    expect(browser.boundCookie).not.toBe(old);
    await site.look(browser);
    site.clock.pass(31);
    const thief = browser.thief();
    thief.jar.set("__Host-sessionid-device", { value: old as string, until: Number.POSITIVE_INFINITY });
    expect(await site.look(thief, { as: "ask" })).toEqual(stranger);
  });

  test("where the login did not come along, a registration within 5 minutes of the offer is taken, and no later one", async () => {
    const site = await start();
    const browser = await site.signedIn();
    site.clock.pass(301);
    expect((await browser.register()).status).toBe(400);
    expect(await site.look(browser)).toEqual({ ...ada, isBound: false });
  });

  test("and a session from before the option is bound by a confirmation", async () => {
    const inner = memoryStore();
    const before = await starter(adapter, () => inner)({ deviceBound: false });
    const after = await starter(adapter, () => inner)();
    const browser = (await before.signedIn()).at(after.here.port);
    expect(browser.offer).toBeNull();
    expect(offerIn(await browser.visit(after.path((session) => session.cycleKey())))).toBeUndefined();
    await browser.visit(after.path((session) => session.confirm()));
    expect((await browser.register()).status).toBe(200);
    expect(await after.look(browser)).toEqual(ada);
  });
});

describe("the key", () => {
  test("is enforced from 30 seconds after the first valid bound cookie", async () => {
    const site = await start();
    const browser = await site.signedIn();
    await browser.register();
    const thief = browser.thief();
    thief.jar.delete("__Host-sessionid-device");
    site.clock.pass(500);
    expect(await site.look(thief)).toEqual(ada);
    expect(await site.look(browser, { as: "ask" })).toEqual(ada);
    site.clock.pass(29);
    expect(await site.look(thief)).toEqual(ada);
    site.clock.pass(1);
    expect(await site.look(thief)).toEqual(stranger);
    expect(await site.look(browser, { as: "ask" })).toEqual(ada);
  });

  test("begins to be enforced by one write in a session's life", async () => {
    const site = await start();
    const browser = await site.signedIn();
    await browser.register();
    const before = site.store.calls.length;
    const reads = [1, 2, 3].map(() => site.store.hold("read", "after"));
    const looks = reads.map(() => site.look(browser));
    await Promise.all(reads.map((read) => read.arrived));
    for (const read of reads) read.release();
    await Promise.all(looks);
    await site.look(browser);
    expect(site.store.count("update", before)).toBe(1);
  });

  test.each([
    ["an hour", 3600],
    ["a minute", 60],
  ])("is enforced, and renewed, also by a server whose clock is %s behind", async (_, seconds) => {
    const inner = memoryStore();
    const site = await starter(adapter, () => inner)();
    const late = await starter(adapter, () => inner)({ clock: () => site.clock.now - seconds * 1000 });
    const browser = await site.signedIn();
    await browser.register();
    expect(await site.look(browser)).toEqual(ada);
    // What was under way goes on where the clocks agree to a minute.
    const thief = browser.thief();
    thief.jar.delete("__Host-sessionid-device");
    if (seconds <= 60) expect(await late.look(thief.at(late.here.port))).toEqual(ada);
    site.clock.pass(91);
    expect(await late.look(thief.at(late.here.port))).toEqual(stranger);
    const there = browser.at(late.here.port);
    expect(await late.look(there, { as: "ask" })).toEqual(ada);
    const another = new Device();
    expect((await there.register({ device: another, keep: false })).status).toBe(409);
    expect((await there.refresh()).status).toBe(200);
    // The other servers take a cookie that a clock far behind has made for one that has run out.
    if (seconds <= 60) expect(await site.look(browser, { as: "ask" })).toEqual(ada);
  });

  test("is enforced once its first write succeeds, and a store that refuses it fails no request", async () => {
    const site = await start();
    const browser = await site.signedIn();
    await browser.register();
    const thief = browser.thief();
    thief.jar.delete("__Host-sessionid-device");
    site.store.answer("update", async () => {
      throw new Error("away");
    });
    expect(await site.look(browser)).toEqual(ada);
    site.clock.pass(31);
    expect(await site.look(thief)).toEqual(ada);
    expect(await site.look(browser)).toEqual(ada);
    site.clock.pass(31);
    expect(await site.look(thief)).toEqual(stranger);
  });

  test("cannot be registered by a challenge of another session, of a refresh, or with another key's signature", async () => {
    const site = await start();
    const [browser, other] = [await site.signedIn(), await site.signedIn("bea")];
    const [handle = "", exp = "", mac = ""] = (browser.offer as Offer).challenge.split(".");
    const [, , otherMac = ""] = (other.offer as Offer).challenge.split(".");
    const later = (Number.parseInt(exp, 36) + 1).toString(36);
    const path = browser.offer?.path as string;
    for (const challenge of [
      `${handle}.${exp}.${otherMac}`,
      `${handle}.${later}.${mac}`,
      `${handle}.${exp}`,
      "x",
      "",
    ])
      expect((await browser.register({ offer: { path, challenge } })).status).toBe(400);
    const device = new Device();
    const proof = new Device().proof(browser.offer?.challenge as string, { header: { jwk: device.jwk } });
    expect((await browser.register({ headers: { "Secure-Session-Response": proof } })).status).toBe(400);
    await browser.register();
    const refresh = browser.bindings[0]?.challenge as string;
    expect((await browser.register({ offer: { path, challenge: refresh } })).status).toBe(400);
    expect(await site.look(browser)).toEqual(ada);
  });

  test("and the proof of a key reach a session whose own key has changed since, with no cookie", async () => {
    const site = await start();
    const browser = await site.signedIn();
    const tab = browser.thief();
    const away = new BoundBrowser(site.here.port, site.clock);
    away.offer = browser.offer;
    await tab.visit(site.path((session) => session.cycleKey()));
    expect((await away.register()).status).toBe(200);
    expect(await site.look(tab)).toEqual(ada);
    const binding = { ...(away.bindings[0] as (typeof away.bindings)[number]) };
    await tab.visit(site.path((session) => session.cycleKey()));
    away.jar.clear();
    expect((await away.askToRefresh(binding)).status).toBe(200);
  });

  test("made with a login is void for a session that is still unbound at the next login or confirmation", async () => {
    const site = await start();
    for (const act of ["login", "confirm"] as const) {
      const browser = await site.signedIn();
      const thief = browser.thief();
      thief.offer = browser.offer;
      await browser.visit(
        site.path((session) => (act === "login" ? session.login("ada") : session.confirm())),
      );
      expect((await thief.register()).status).toBe(400);
      expect(await site.look(browser)).toEqual({ ...ada, isBound: false });
      expect((await browser.register()).status).toBe(200);
      expect(await site.look(browser)).toEqual(ada);
    }
  });

  test("made with a login is void also for a registration that the next confirmation overtakes", async () => {
    const site = await start();
    const browser = await site.signedIn();
    const thief = browser.thief().at(site.there.port);
    const write = site.store.hold("update");
    const registering = thief.register({ offer: browser.offer });
    await write.arrived;
    await browser.visit(site.path((session) => session.confirm()));
    write.release();
    expect(isEnd(await registering)).toBe(true);
    expect(await site.look(browser)).toEqual({ ...ada, isBound: false });
  });

  test("stays where a record keeps it: a session that another request creates has none", async () => {
    const site = await start();
    const browser = await site.bound();
    await browser.visit(
      site.path((session) => {
        session.flush();
        session.set("cart", 1);
      }),
    );
    expect(await site.look(browser)).toEqual({ user: null, isBound: false, data: { cart: 1 } });
  });
});

describe("the answers", () => {
  test("to a registration: the instructions, the bound cookie and a challenge, and no session cookie", async () => {
    const site = await start();
    const browser = await site.signedIn();
    const device = new Device();
    const { headers, setCookie, body } = await browser.register({ device });
    expect(JSON.parse(body)).toEqual({
      session_identifier: device.thumbprint,
      refresh_url: "/.coatcheck/__Host-sessionid/refresh",
      scope: { include_site: false },
      credentials: [
        {
          type: "cookie",
          name: "__Host-sessionid-device",
          attributes: "Path=/; Secure; HttpOnly; SameSite=Lax",
        },
      ],
      allowed_refresh_initiators: ["*"],
    });
    expect(setCookie).toHaveLength(1);
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "cache-control": "private, no-store",
      "cross-origin-resource-policy": "same-origin",
      "secure-session-challenge": expect.stringMatching(`";id="${device.thumbprint}"$`),
    });
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("to a refresh: an empty body, the bound cookie and a challenge; or 403 with a challenge", async () => {
    const site = await start();
    const browser = await site.bound();
    const binding = browser.bindings[0] as (typeof browser.bindings)[number];
    const granted = await browser.refresh();
    expect([granted.status, granted.body, granted.setCookie.length]).toEqual([200, "", 1]);
    expect(granted.headers).toMatchObject({
      "cache-control": "private, no-store",
      "cross-origin-resource-policy": "same-origin",
      "secure-session-challenge": expect.stringContaining(binding.id),
    });
    const good = binding.challenge as string;
    const proofs = {
      "no proof": undefined,
      garbage: "garbage",
      "a proof by another key": new Device().proof(good),
      "a proof with a key in it": binding.device.proof(good, { header: { jwk: binding.device.jwk } }),
      "a proof for an offer": binding.device.proof(browser.offer?.challenge as string),
    };
    for (const [name, proof] of Object.entries(proofs)) {
      const headers = { "Secure-Session-Response": proof ?? "" };
      const asked = await browser.askToRefresh(binding, headers);
      expect([name, asked.status, asked.body, asked.setCookie]).toEqual([name, 403, "", []]);
      expect(asked.headers["secure-session-challenge"]).toMatch(`";id="${binding.id}"`);
    }
    site.clock.pass(600 + 301);
    const late = await browser.askToRefresh(binding, {
      "Secure-Session-Response": binding.device.proof(good),
    });
    expect(late.status).toBe(403);
    expect((await browser.refresh()).status).toBe(200);
  });

  test("are sent to POST only", async () => {
    const site = await start();
    for (const path of ["registration", "refresh"]) {
      const { status, headers } = await site.browser().ask(`/.coatcheck/__Host-sessionid/${path}`);
      expect([status, headers.allow]).toEqual([405, "POST"]);
    }
    expect(
      (await site.browser().ask("/.coatcheck/__Host-sessionid/refresh/", { method: "POST" })).status,
    ).toBe(404);
  });

  test("to structured fields in quotes too", async () => {
    const site = await start();
    const browser = await site.signedIn();
    const device = new Device();
    const quoted = `"${device.proof(browser.offer?.challenge as string, { withKey: true })}"`;
    expect((await browser.register({ device, headers: { "Secure-Session-Response": quoted } })).status).toBe(
      200,
    );
    const binding = browser.bindings[0] as (typeof browser.bindings)[number];
    const headers = {
      "Secure-Session-Response": `"${device.proof(binding.challenge as string)}"`,
      "Sec-Secure-Session-Id": `"${binding.id}"`,
    };
    expect((await browser.askToRefresh(binding, headers)).status).toBe(200);
  });

  test.each([
    ["a token", (text: string) => `${text};a=1`],
    ["a text in quotes", (text: string) => `"${text}";a=1`],
    [
      "many of them",
      (text: string) => ` "${text}"; a;*b="\\"; \\\\";c=?0;d=:aGk=:;e=-1.5;f=@1659578233;g=%"f%c3%bc" `,
    ],
  ])("to structured fields with parameters, which say nothing: %s", async (_, withParameters) => {
    const site = await start();
    const browser = await site.signedIn();
    const device = new Device();
    const proof = withParameters(device.proof(browser.offer?.challenge as string, { withKey: true }));
    expect((await browser.register({ device, headers: { "Secure-Session-Response": proof } })).status).toBe(
      200,
    );
    const binding = browser.bindings[0] as (typeof browser.bindings)[number];
    const headers = {
      "Secure-Session-Response": withParameters(device.proof(binding.challenge as string)),
      "Sec-Secure-Session-Id": withParameters(binding.id),
    };
    const answer = await browser.askToRefresh(binding, headers);
    expect([answer.status, answer.body]).toEqual([200, ""]);
  });

  test("to a field that is no item with an error, and the binding stays in the session", async () => {
    const site = await start();
    const browser = await site.bound();
    const binding = browser.bindings[0] as (typeof browser.bindings)[number];
    const { id } = binding;
    const proof = binding.device.proof(binding.challenge as string);
    const mistaken = (text: string) => [
      `"${text}`,
      `${text}"`,
      `"${text}"x`,
      `"${text}" ;a`,
      `"${text}";`,
      `"${text}";A=1`,
      `"${text}";a=`,
      `"${text}";a="`,
      `"${text}\\"`,
      `"${text}", "${text}"`,
      `(${text})`,
      "",
    ];
    for (const [name, proper, right, status] of [
      ["Sec-Secure-Session-Id", id, proof, 400],
      ["Secure-Session-Response", proof, null, 403],
    ] as const) {
      for (const field of mistaken(proper)) {
        const beside = right === null ? {} : { "Secure-Session-Response": right };
        const answer = await browser.askToRefresh(binding, { ...beside, [name]: field });
        expect([field, answer.status, answer.setCookie]).toEqual([field, status, []]);
      }
    }
    const registering = binding.device.proof(browser.offer?.challenge as string, { withKey: true });
    for (const field of mistaken(registering)) {
      const answer = await browser.register({ keep: false, headers: { "Secure-Session-Response": field } });
      expect([field, answer.status, answer.setCookie]).toEqual([field, 400, []]);
    }
    expect((await browser.askToRefresh(binding)).status).toBe(200);
  });

  test("end the binding where the session has ended, and where the cookie names another session", async () => {
    const site = await start();
    const browser = await site.bound();
    const binding = browser.bindings[0] as (typeof browser.bindings)[number];
    const other = await site.signedIn("bea");
    const answer = await browser.askToRefresh(binding, { Cookie: other.cookie });
    expect([isEnd(answer), answer.setCookie]).toEqual([true, []]);
    const moved = await browser.register({ keep: false, headers: { Cookie: other.cookie } });
    expect([isEnd(moved), moved.setCookie]).toEqual([true, []]);
    // Nothing was stored by them.
    expect(await site.look(browser)).toEqual(ada);
    await browser.visit(site.path((session) => session.logout()));
    expect(isEnd(await browser.askToRefresh(binding))).toBe(true);
    expect(isEnd(await browser.register({ keep: false }))).toBe(true);
  });

  test("end a binding whose key is not the session's, or whose session is unbound", async () => {
    const site = await start();
    const browser = await site.bound();
    const stale = {
      ...(browser.bindings[0] as (typeof browser.bindings)[number]),
      id: new Device().thumbprint,
    };
    expect(isEnd(await browser.askToRefresh(stale))).toBe(true);
    const other = await site.signedIn("bea");
    expect(isEnd(await other.askToRefresh({ ...stale, challenge: null }))).toBe(true);
  });

  test("keep the binding where nothing can be said: store away, a newer format, a moved key, neither proof nor cookie", async () => {
    const inner = memoryStore();
    let format = 1;
    const faulty = faultyStore({
      ...inner,
      read: async (id, call) => {
        const seen = await inner.read(id, call);
        return seen === null || seen === "moved" ? seen : { ...seen, format };
      },
    });
    const site = await starter(adapter, () => faulty.store)({ onUnavailable: "anonymous" });
    const browser = await site.bound();
    const binding = browser.bindings[0] as (typeof browser.bindings)[number];
    const statuses = async () => [
      (await browser.askToRefresh(binding)).status,
      (await browser.askToRefresh({ ...binding, challenge: null })).status,
      (await browser.register({ keep: false })).status,
    ];
    faulty.breaks("read");
    expect(await statuses()).toEqual([503, 503, 503]);
    const { body, headers } = await browser.askToRefresh(binding);
    expect([body, headers["cross-origin-resource-policy"]]).toEqual(["", "same-origin"]);
    faulty.mended();
    format = 2;
    expect(await statuses()).toEqual([503, 503, 503]);
    format = 1;
    const old = browser.thief();
    await browser.visit(site.path((session) => session.cycleKey()));
    expect((await old.askToRefresh({ ...binding, challenge: null })).status).toBe(503);
    expect((await site.browser().askToRefresh({ ...binding, challenge: null })).status).toBe(503);
    expect((await browser.ask(binding.refreshPath, { method: "POST", secure: false })).status).toBe(503);
    expect(await site.look(browser)).toEqual(ada);
  });

  test("grant no key that was not stored, to a registration that came again while the first was being written", async () => {
    const site = await start();
    const browser = await site.signedIn();
    const write = site.store.hold("update");
    const page = site.send(browser, (session) => void session.set("page", 1));
    await write.arrived;
    const device = new Device();
    const reads = [site.store.hold("read", "after"), site.store.hold("read", "after")];
    const registrations = [browser.register({ device }), browser.register({ device, keep: false })];
    for (const read of reads) {
      await read.arrived;
      read.release();
    }
    await site.look(browser, { as: "ask" });
    site.store.answer("update", () => Promise.reject(new Error("the store is away")));
    site.store.answer("update", () => Promise.reject(new Error("the store is away")));
    write.release();
    const answers = await Promise.all(registrations);
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    await page.answer;
    expect(await site.look(browser, { as: "ask" })).toEqual({ ...ada, isBound: false, data: { page: 1 } });
    expect((await browser.register({ device })).status).toBe(200);
    expect(await site.look(browser)).toEqual({ ...ada, data: { page: 1 } });
  });

  test("end the binding of a record that cannot be read", async () => {
    const inner = memoryStore();
    let spoil = false;
    const store = {
      ...inner,
      read: async (...given: Parameters<typeof inner.read>) => {
        const seen = await inner.read(...given);
        return !spoil || seen === null || seen === "moved" ? seen : { ...seen, data: `{}\n{"device":7}` };
      },
    };
    const site = await starter(adapter, () => store)();
    const browser = await site.bound();
    spoil = true;
    expect(await site.look(browser, { as: "ask" })).toEqual(stranger);
    expect(isEnd(await browser.refresh())).toBe(true);
  });

  test("touch no session, and renew no session cookie", async () => {
    const site = await start({ idleTimeout: 800, saveEveryRequest: true });
    const browser = await site.bound();
    site.clock.pass(750);
    const before = site.store.calls.length;
    const { setCookie } = await browser.refresh();
    expect(site.store.calls.slice(before)).toEqual(["read"]);
    expect(setCookie.map((line) => line.split("=")[0])).toEqual(["__Host-sessionid-device"]);
    site.clock.pass(101);
    expect(await site.look(browser)).toEqual(stranger);
  });

  test("lead to a session whose key was changed: the response with the new key brings a challenge", async () => {
    const site = await start();
    const browser = await site.bound();
    const { headers } = await browser.visit(site.path((session) => session.cycleKey()));
    expect(headers["secure-session-challenge"]).toMatch(`";id="${browser.bindings[0]?.id}"`);
    // The mark at the old id is gone by now, and the link of another site brings no cookie.
    site.clock.pass(700);
    const cookies = [...browser.jar];
    browser.jar.clear();
    expect((await browser.refresh()).status).toBe(200);
    for (const [name, cookie] of cookies) if (!browser.jar.has(name)) browser.jar.set(name, cookie);
    expect(await site.look(browser, { as: "ask" })).toEqual(ada);
  });
});

describe("a refused request", () => {
  test("of a stranger is like one with an unknown key: what it stores gets a key of its own", async () => {
    const site = await start();
    const browser = await site.bound();
    const thief = browser.thief();
    thief.jar.delete("__Host-sessionid-device");
    const before = thief.cookie;
    await thief.ask(site.path((session) => void session.set("token", "t")));
    expect(thief.cookie).not.toBe(before);
    expect(await site.look(thief)).toEqual({ ...stranger, data: { token: "t" } });
    expect(await site.look(browser)).toEqual(ada);
  });

  for (const [name, shown] of [
    ["Secure-Session-Skipped", { skipped: true, unfit: false }],
    ["a bound cookie that does not fit", { skipped: false, unfit: true }],
  ] as const) {
    test(`of a browser that shows its key by ${name} stores nothing, and keeps its session cookie`, async () => {
      const site = await start();
      const browser = await site.bound();
      const asking = browser.thief();
      if (shown.unfit)
        asking.jar.set("__Host-sessionid-device", { value: "x.y", until: Number.POSITIVE_INFINITY });
      else asking.jar.delete("__Host-sessionid-device");
      const key = asking.jar.get("__Host-sessionid");
      const headers: Record<string, string> = shown.skipped
        ? { "Secure-Session-Skipped": "unreachable" }
        : {};
      const { setCookie } = await asking.ask(
        site.path((session) => void session.set("token", "t")),
        { headers },
      );
      expect(setCookie.map((line) => line.split(";", 2).join(";"))).toEqual(
        shown.unfit ? ["__Host-sessionid-device=; Max-Age=0"] : [],
      );
      expect(asking.jar.get("__Host-sessionid")).toEqual(key);
      expect(await site.look(browser)).toEqual(ada);
    });
  }

  test("heals where a foreign bound cookie stood in the way", async () => {
    const site = await start();
    const browser = await site.bound();
    browser.jar.set("__Host-sessionid-device", { value: "foreign", until: Number.POSITIVE_INFINITY });
    expect(await site.look(browser)).toEqual(stranger);
    expect(await site.look(browser)).toEqual(ada);
    expect(browser.refreshes).toBe(1);
  });

  test("and a store that is away while the browser renews: the session is there again afterwards", async () => {
    const faulty = faultyStore(memoryStore());
    const site = await starter(adapter, () => faulty.store)({ onUnavailable: "anonymous" });
    const browser = await site.bound();
    site.clock.pass(700);
    faulty.breaks("read");
    expect(await site.look(browser)).toEqual(stranger);
    faulty.mended();
    expect(await site.look(browser)).toEqual(ada);
  });

  for (const shown of ["nothing", "a bound cookie that does not fit"] as const) {
    test(`with ${shown} ends the session by a logout, or by a login of the same user; not by another's`, async () => {
      const site = await start();
      const handles = async (user: string) => (await site.sessions.listUserSessions(user)).length;
      const refused = async () => {
        const asking = (await site.bound()).thief();
        if (shown === "nothing") asking.jar.delete("__Host-sessionid-device");
        else asking.jar.set("__Host-sessionid-device", { value: "x.y", until: Number.POSITIVE_INFINITY });
        return asking;
      };
      await (await refused()).ask(site.path((session) => session.logout()));
      expect(await handles("ada")).toBe(0);
      const again = await refused();
      await again.ask(site.path((session) => session.login("ada")));
      expect(await handles("ada")).toBe(1);
      expect(await site.look(again, { as: "ask" })).toEqual({ ...ada, isBound: false });
      await (await refused()).ask(site.path((session) => session.login("bea")));
      expect([await handles("ada"), await handles("bea")]).toEqual([2, 1]);
    });
  }

  test("ends nothing where its login is not stored", async () => {
    const site = await start();
    const browser = await site.bound();
    const thief = browser.thief();
    thief.jar.delete("__Host-sessionid-device");
    await thief.ask(
      site.path((session) => {
        session.login("ada");
        return 500;
      }),
    );
    expect(await site.look(browser)).toEqual(ada);
  });

  test("is refused where the record is read: with lazy sessions by load()", async () => {
    const site = await start({ lazy: true });
    const login = site.path(async (session) => {
      await session.load();
      session.login("ada");
    });
    const browser = site.browser();
    await browser.visit(login);
    await browser.register();
    const look = async (from: BoundBrowser) => {
      let user: string | null = null;
      const path = site.path(async (session) => {
        await session.load();
        user = session.userId;
      });
      await from.ask(path);
      return user;
    };
    expect(await look(browser)).toBe("ada");
    site.clock.pass(31);
    const thief = browser.thief();
    thief.jar.delete("__Host-sessionid-device");
    expect([await look(thief), await look(browser)]).toEqual([null, "ada"]);
    // A logout before load() removes both cookies too.
    await browser.visit(site.path((session) => session.logout()));
    expect(browser.cookie).toBe("");
  });

  test("of a request with two session cookies leaves the other session, and its bound cookie", async () => {
    const site = await start();
    const [browser, other] = [await site.bound(), await site.bound("bea")];
    await other.refresh();
    const Cookie = `${browser.cookie.split("; ")[0]}; ${other.cookie}`;
    let user: string | null = null;
    const path = site.path((session) => {
      user = session.userId;
    });
    const { setCookie } = await site.browser().ask(path, { headers: { Cookie } });
    expect([user, setCookie]).toEqual(["bea", []]);
  });
});

describe("the paths", () => {
  /** An Express application of its own. */
  async function serve(mount: (app: express.Express) => void): Promise<number> {
    const app = express();
    app.set("trust proxy", 1);
    mount(app);
    const server = createServer(app).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    return (server.address() as AddressInfo).port;
  }

  test("lie under cookie.path, and are compared whole under a mount", async () => {
    const clock = new MovedClock();
    const options = { store: memoryStore(), deviceBound: true, clock: clock.read };
    const port = await serve((app) => {
      app.use("/shop", session({ ...options, cookie: { path: "/shop" } }));
      app.use("/shop/login", (req, res) => {
        req.session.login("ada");
        res.end();
      });
    });
    const browser = new BoundBrowser(port, clock);
    await browser.visit("/shop/login");
    expect(browser.offer?.path).toBe("/shop/.coatcheck/sessionid/registration");
    expect((await browser.register()).status).toBe(200);
    expect(browser.bindings[0]?.refreshPath).toBe("/shop/.coatcheck/sessionid/refresh");
    expect((await browser.refresh()).status).toBe(200);
    expect((await browser.ask("/shop/x/shop/.coatcheck/sessionid/refresh", { method: "POST" })).status).toBe(
      404,
    );
  });

  test("of two mounts are never answered by each other, and a handler after session() never sees them", async () => {
    const clock = new MovedClock();
    const seen: string[] = [];
    const make = (name: string) =>
      session({ store: memoryStore(), deviceBound: true, clock: clock.read, cookie: { name } });
    const port = await serve((app) => {
      app.use("/one", make("one"), (req, res) => {
        seen.push(req.originalUrl);
        if (req.url === "/login") req.session.login("ada");
        res.end();
      });
      app.use("/.coatcheck", make("two"), (req, res) => {
        seen.push(req.originalUrl);
        res.status(404).end();
      });
    });
    const browser = new BoundBrowser(port, clock);
    await browser.visit("/one/login");
    expect(browser.offer?.path).toBe("/.coatcheck/one/registration");
    expect((await browser.register()).status).toBe(404);
    expect((await browser.ask("/.coatcheck/two/registration?x", { method: "POST" })).status).toBe(400);
    expect(seen).toEqual(["/one/login", "/.coatcheck/one/registration"]);
  });

  test("are routes of Fastify, so that a context with a prefix has them too, and no hook after session refuses them", async () => {
    const clock = new MovedClock();
    const sessions = createSessions({
      store: memoryStore(),
      deviceBound: true,
      clock: clock.read,
      cookie: { path: "/shop" },
    });
    const app = createFastify({ trustProxy: true });
    app.register(
      async (shop) => {
        shop.register(fastify, sessions);
        shop.addHook("onRequest", async (request, reply) => {
          if (request.url === "/shop/login") request.session.login("ada");
          else await reply.code(401).send();
        });
        shop.get("/login", async () => "");
        // The same sessions again, within.
        shop.register(async (inner) => void inner.register(fastify, sessions), { prefix: "/inner" });
      },
      { prefix: "/shop" },
    );
    onTestFinished(() => app.close());
    await app.listen({ port: 0, host: "127.0.0.1" });
    const browser = new BoundBrowser((app.server.address() as AddressInfo).port, clock);
    await browser.visit("/shop/login");
    expect((await browser.register()).status).toBe(200);
    expect((await browser.refresh()).status).toBe(200);
  });

  test("outside the prefix of a Fastify context are refused at start", async () => {
    const app = createFastify();
    app.register(
      async (shop) =>
        void shop.register(fastify, { store: memoryStore(), deviceBound: true, clearExpiredEvery: 0 }),
      { prefix: "/shop" },
    );
    await expect(app.ready()).rejects.toThrow(/deviceBound\.path takes a path under \/shop/);
  });

  test("can be chosen", async () => {
    const site = await start({ deviceBound: { path: "/binding/of/mine" } });
    const browser = await site.signedIn();
    expect(browser.offer?.path).toBe("/binding/of/mine/registration");
    expect((await browser.register()).status).toBe(200);
    expect(await site.look(browser)).toEqual(ada);
  });
});

test("a site without the option loads none of it", async () => {
  vi.resetModules();
  let isLoaded = false;
  vi.doMock("../../src/device/devices.ts", async (original) => {
    isLoaded = true;
    return original();
  });
  onTestFinished(() => vi.doUnmock("../../src/device/devices.ts"));
  const fresh = await import("coatcheck");
  for (const deviceBound of [false, true]) {
    const sessions = fresh.createSessions({ store: fresh.memoryStore(), deviceBound });
    const visitor = await sessions.open(null, { secure: true });
    visitor.login("ada");
    const headers = await sessions.commit(visitor, { status: 200 });
    expect(headers.some(([name]) => name === "Secure-Session-Registration")).toBe(deviceBound);
    expect(isLoaded).toBe(deviceBound);
  }
});

describe("the owner of the site sees", () => {
  test("which sessions are bound", async () => {
    const site = await start();
    await site.bound();
    await site.signedIn();
    const list = await site.sessions.listUserSessions("ada");
    expect(list.map(({ isDeviceBound }) => isDeviceBound).sort()).toEqual([false, true]);
    const plain = createSessions({ store: memoryStore() });
    expect((await plain.open(null, { secure: true })).isDeviceBound).toBe(false);
  });

  test("no session as bound in a program without the option, which asks for no second cookie", async () => {
    const inner = memoryStore();
    const site = await starter(adapter, () => inner)();
    const browser = await site.bound();
    const plain = createSessions({ store: inner, clock: site.clock.read });
    const session = await plain.open(browser.cookie, { secure: true });
    expect([session.userId, session.isDeviceBound]).toEqual(["ada", false]);
  });

  test("events: bound once, refreshed, and refused with the reason", async () => {
    const { of } = overhear();
    const site = await start();
    const browser = await site.signedIn();
    const device = new Device();
    await browser.register({ device });
    await browser.register({ device });
    const session = expect.stringMatching(/^[0-9a-f]{12}$/);
    expect(of("bound")).toEqual([{ session, userId: "ada" }]);
    await site.look(browser);
    site.clock.pass(31);
    await browser.refresh();
    expect(of("refreshed")).toEqual([{ session }]);
    expect(of("refused")).toEqual([]);
    const thief = browser.thief();
    thief.jar.set("__Host-sessionid-device", { value: "x.y", until: Number.POSITIVE_INFINITY });
    await site.look(thief, { as: "ask" });
    thief.jar.delete("__Host-sessionid-device");
    await site.look(thief, { as: "ask" });
    const binding = browser.bindings[0] as (typeof browser.bindings)[number];
    await thief.askToRefresh({ ...binding, device: new Device() });
    expect(of("refused").map(({ reason }) => reason)).toEqual([
      "unfit bound cookie",
      "no bound cookie",
      "no valid proof",
    ]);
  });

  test("a wrong option refused at start, and named", () => {
    const refusal = (options: Options) => {
      try {
        createSessions({ store: memoryStore(), ...options });
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const wrong: [Options, string][] = [
      [{ deviceBound: "yes" as never }, "deviceBound takes true, false or an object"],
      [{ deviceBound: { cookieAge: 0 } }, "deviceBound.cookieAge takes whole seconds"],
      [{ deviceBound: { cookieAge: 1.5 } }, "deviceBound.cookieAge"],
      [{ deviceBound: { cookieAge: 86_401 } }, "deviceBound.cookieAge"],
      [{ deviceBound: { age: 5 } as never }, "deviceBound.age takes no value: there is no such option"],
      [{ deviceBound: { path: "device" } }, "deviceBound.path"],
      [{ deviceBound: { path: "/a/../b" } }, "deviceBound.path"],
      [{ deviceBound: { path: "/a?b" } }, "deviceBound.path"],
      [{ deviceBound: { path: "/a" }, cookie: { path: "/shop" } }, "deviceBound.path"],
      [{ deviceBound: { path: "/shopping" }, cookie: { path: "/shop" } }, "deviceBound.path"],
      [{ deviceBound: true, cookie: { name: "a|b" } }, "deviceBound.path"],
      [{ deviceBound: true, cookie: { domain: "example.com" } }, "cookie.domain"],
      [{ deviceBound: true, cookie: { partitioned: true } }, "cookie.partitioned"],
      [{ deviceBound: true, cookie: { secure: false } }, "cookie.secure: false"],
    ];
    for (const [options, message] of wrong) expect(refusal(options)).toContain(message);
    const secrets = ["a secret of thirty-two characters"];
    const stores: [Store, string][] = [
      [signedCookieStore({ secrets }), "in cookies"],
      [encryptedCookieStore({ secrets }), "in cookies"],
      [clearStore(), "no place for the key of a device"],
      [{ ...memoryStore(), capabilities: { keepsExtras: false } }, "no place for the key of a device"],
      [{ ...memoryStore(), capabilities: { compareAndSet: false } }, "cannot compare and set"],
    ];
    for (const [store, message] of stores) {
      expect(refusal({ store, deviceBound: true })).toContain(message);
      expect(refusal({ store, deviceBound: false })).toBeNull();
    }
    for (const right of [false, true, {}, { cookieAge: 60 }, { path: "/shop/x" }])
      expect(refusal({ deviceBound: right, cookie: { path: "/shop" } })).toBeNull();
  });
});
