import { createHash, hkdfSync } from "node:crypto";
import { CookieTooLargeError, createSessions, type Options, SettingsError, type Store } from "coatcheck";
import { encryptedCookieStore, signedCookieStore } from "coatcheck/cookies";
import { compactDecrypt } from "jose";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { overhearWarnings } from "../instruments/overheard.ts";

const SECRET = "a secret of at least thirty-two characters";
const OTHER = "another secret, of thirty-two and more characters";

const kinds = [
  { name: "signedCookieStore", make: signedCookieStore },
  { name: "encryptedCookieStore", make: encryptedCookieStore },
];

function browse(store: Store, options: Options = {}): Browser {
  return new Browser(createSessions({ store, ...options }));
}

describe.each(kinds)("$name", ({ make }) => {
  it("carries the data from request to request, and nothing else is kept", async () => {
    const store = make({ secrets: [SECRET] });
    const browser = browse(store);
    await browser.visit((session) => session.set("name", 'Zoë "世界" 😀').set("list", [1, { a: null }]));
    const other = browse(make({ secrets: [SECRET] }));
    other.jar.set("sessionid", browser.key ?? "");
    expect(await other.sees()).toEqual({ name: 'Zoë "世界" 😀', list: [1, { a: null }] });
  });

  it("sends a new cookie with every change, and none without", async () => {
    const browser = browse(make({ secrets: [SECRET] }));
    for (const visits of [1, 2, 3]) {
      const reply = await browser.visit((session) => session.update("n", (n = 0) => n + 1));
      expect(reply.cookie).toBe("set");
      expect(await browser.sees()).toEqual({ n: visits });
    }
    expect((await browser.visit((session) => session.get("n"))).cookie).toBe("none");
  });

  it("has neither key nor handle", async () => {
    const browser = browse(make({ secrets: [SECRET] }));
    await browser.visit((session) => session.set("a", 1));
    const session = await browser.open();
    expect([session.key, session.handle]).toEqual([null, null]);
  });

  it("keeps the user, and forgets both at logout", async () => {
    const browser = browse(make({ secrets: [SECRET] }));
    await browser.visit((session) => session.set("cart", [1]).login(7));
    const session = await browser.open();
    expect([session.userId, session.get("cart")]).toEqual(["7", [1]]);
    const reply = await browser.visit((session) => session.logout());
    expect(reply.cookie).toBe("removed");
    expect(await browser.sees()).toEqual({});
  });

  // Reports: heartcombo/devise#4272, CartoDB/cartodb#15379.
  it("cannot take back a cookie that was copied before the logout: its end and notBefore do", async () => {
    const clock = new MovedClock();
    const store = make({ secrets: [SECRET] });
    const browser = browse(store, { clock: clock.read, cookieAge: 60 });
    await browser.visit((session) => session.login(7));
    const thief = browser.copy();
    await browser.visit((session) => session.logout());
    expect((await browser.open()).userId).toBeNull();
    expect((await thief.open()).userId).toBe("7");
    clock.pass(1);
    const after = browse(store, { clock: clock.read, cookieAge: 60, notBefore: clock.date });
    for (const [name, value] of thief.jar) after.jar.set(name, value);
    expect((await after.open()).userId).toBeNull();
    clock.pass(60);
    expect((await thief.open()).userId).toBeNull();
  });

  it("honours the expiry, whatever the browser keeps", async () => {
    const clock = new MovedClock();
    const browser = browse(make({ secrets: [SECRET] }), { clock: clock.read });
    await browser.visit((session) => session.set("a", 1).setExpiry(60));
    clock.pass(59);
    expect(await browser.sees()).toEqual({ a: 1 });
    clock.pass(1);
    expect(await browser.sees()).toEqual({});
  });

  it("prolongs an idle session by a new cookie", async () => {
    const clock = new MovedClock();
    const browser = browse(make({ secrets: [SECRET] }), { clock: clock.read, idleTimeout: 100 });
    await browser.visit((session) => session.set("a", 1));
    for (const _ of [1, 2, 3]) {
      clock.pass(60);
      expect((await browser.visit()).cookie).toBe("set");
    }
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  it("keeps the session at load(), which has nothing newer to read", async () => {
    const browser = browse(make({ secrets: [SECRET] }));
    await browser.visit((session) => session.set("a", 1));
    await browser.visit(async (session) => {
      session.set("b", 2);
      await session.load();
      expect(session.toObject()).toEqual({ a: 1, b: 2 });
    });
    expect(await browser.sees()).toEqual({ a: 1, b: 2 });
  });

  it("accepts what an older secret sealed, and seals with the first", async () => {
    const before = browse(make({ secrets: [OTHER] }));
    await before.visit((session) => session.set("a", 1));
    const after = browse(make({ secrets: [SECRET, OTHER] }));
    after.jar.set("sessionid", before.key ?? "");
    await after.visit((session) => session.set("b", 2));
    const last = browse(make({ secrets: [SECRET] }));
    last.jar.set("sessionid", after.key ?? "");
    expect(await last.sees()).toEqual({ a: 1, b: 2 });
  });

  // Reports: CVE-2026-39324.
  it("takes a cookie with any one character changed, or cut short, for none at all", async () => {
    const browser = browse(make({ secrets: [SECRET] }));
    await browser.visit((session) => session.set("a", 1));
    const value = browser.key ?? "";
    for (let at = 0; at < value.length; at++) {
      // Some bits of the last character of a base64url text mean nothing, so a character far from the end is changed.
      const forged = value.slice(0, at) + (value[at] === "A" ? "w" : "A") + value.slice(at + 1);
      for (const cookie of [forged, value.slice(0, at)]) {
        browser.jar.set("sessionid", cookie);
        expect(await browser.sees(), cookie).toEqual({});
      }
    }
  });

  // Reports: RFC 6265bis, 5.7 (limits).
  it("refuses a session too large for a cookie, naming size and keys, and leaves the cookie as it was", async () => {
    const browser = browse(make({ secrets: [SECRET] }));
    await browser.visit((session) => session.set("small", 1));
    const session = await browser.open();
    // Random text: any other would fit after Django's compression.
    session.set("novel", createHash("sha512").update("x").digest("hex").repeat(1) + randomText(6000));
    const failure = await browser.respond(session).catch((error) => error);
    expect(failure).toBeInstanceOf(CookieTooLargeError);
    expect(failure.message).toMatch(/\d{4,} bytes.*4096.*novel/s);
    expect(failure.message).not.toContain("small (6");
    expect(await browser.sees()).toEqual({ small: 1 });
  });

  it("tells save() that the session is too large, and keeps the change for a smaller one", async () => {
    const browser = browse(make({ secrets: [SECRET] }));
    const session = await browser.open();
    session.set("novel", randomText(6000)).set("a", 1);
    await expect(session.save()).rejects.toBeInstanceOf(CookieTooLargeError);
    session.delete("novel");
    expect(await session.save()).toBe(true);
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  it("gives each request's session an id of its own, even where two carry the same cookie", async () => {
    const { ticket } = make({ secrets: [SECRET] });
    const browser = browse(make({ secrets: [SECRET] }));
    await browser.visit((session) => session.set("a", 1));
    const ids = [1, 2, 3].flatMap(() => [
      ticket?.mint().id,
      ticket?.parse(browser.key ?? "", "sessionid")?.id,
    ]);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(ids).size).toBe(6);
  });

  it("keeps the record byte for byte, with the device's name behind the dictionary", () => {
    const { ticket } = make({ secrets: [SECRET] });
    const times = { createdAt: 1, authenticatedAt: null, expiresAt: 3, expiry: 60 };
    for (const data of ["{}", '{"a":{"b":1}}', '{"a":{}}\n{"label":"x"}', '{}\n{"label":"}\\n{"}']) {
      const record = { data, version: 0, userId: "ann", ...times, format: 1 };
      const value = ticket?.issue({ key: null, record }, "id") ?? "";
      expect(ticket?.parse(value, "id")?.record).toEqual(record);
    }
  });

  // Reports: rack/rack-session, tests of purposes.
  it("is not accepted under another name, though two session() share a secret", async () => {
    const named = (name: string) => browse(make({ secrets: [SECRET] }), { cookie: { name } });
    const [visitor, admin] = [named("visitor"), named("admin")];
    await visitor.visit((session) => session.set("admin", true));
    admin.jar.set("admin", visitor.key ?? "");
    expect(await admin.sees()).toEqual({});
    const usual = browse(make({ secrets: [SECRET] }));
    usual.jar.set("sessionid", visitor.key ?? "");
    expect(await usual.sees()).toEqual({});
    await usual.visit((session) => session.set("a", 1));
    admin.jar.set("admin", usual.key ?? "");
    expect(await admin.sees()).toEqual({});
    expect(await visitor.sees()).toEqual({ admin: true });
  });

  it("is accepted under another name where both have one purpose, and only there", async () => {
    const of = (name: string, purpose: string) =>
      browse(make({ secrets: [SECRET], purpose }), { cookie: { name } });
    const before = of("old", "the site");
    await before.visit((session) => session.set("a", 1));
    const after = of("new", "the site");
    after.jar.set("new", before.key ?? "");
    expect(await after.sees()).toEqual({ a: 1 });
    const other = of("old", "the shop");
    other.jar.set("old", before.key ?? "");
    expect(await other.sees()).toEqual({});
    expect(() => make({ secrets: [SECRET], purpose: "" })).toThrow(SettingsError);
    expect(() => make({ secrets: [SECRET], purpose: 7 as never })).toThrow(SettingsError);
  });

  it("says that a user's sessions cannot be listed", async () => {
    const sessions = createSessions({ store: make({ secrets: [SECRET] }) });
    await expect(sessions.listUserSessions(7)).rejects.toBeInstanceOf(SettingsError);
  });

  it.each([undefined, [], "secret", [""], [7]])("refuses %j for secrets, without repeating it", (secrets) => {
    expect(() => make({ secrets: secrets as unknown as string[] })).toThrow(SettingsError);
  });

  it("warns of a short secret, without repeating it", async () => {
    const warnings = overhearWarnings();
    make({ secrets: ["hunter2"] });
    const [warning] = await warnings();
    expect(warning?.message).toContain("32 characters");
    expect(warning?.message).not.toContain("hunter2");
  });
});

describe("signedCookieStore", () => {
  const DJANGO_SECRET = "test-secret-key-0123456789";
  // From django-vectors: {"a":1}, signed by Django's signed_cookies engine at 1700000000.
  const DJANGO_COOKIE = "eyJhIjoxfQ:1r31eq:6mwj5pYsRWu2HYm-3TofBVIQ2_LcO4Ydsr-XpZwZ_fM";

  it("reads a cookie that Django signed, for two weeks from its time", async () => {
    let now = 1_700_000_000_000;
    const browser = browse(signedCookieStore({ secrets: [DJANGO_SECRET] }), { clock: () => now });
    browser.jar.set("sessionid", DJANGO_COOKIE);
    expect(await browser.sees()).toEqual({ a: 1 });
    now += 1_209_600_000;
    expect(await browser.sees()).toEqual({});
  });

  it('reads a cookie that Django signed under both default names, and under others with the purpose "django"', async () => {
    const clock = () => 1_700_000_000_000;
    const secrets = [DJANGO_SECRET];
    const secure = new Browser(createSessions({ store: signedCookieStore({ secrets }), clock }), {
      secure: true,
    });
    secure.jar.set("__Host-sessionid", DJANGO_COOKIE);
    expect(await secure.sees()).toEqual({ a: 1 });
    const named = browse(signedCookieStore({ secrets }), { clock, cookie: { name: "id" } });
    named.jar.set("id", DJANGO_COOKIE);
    expect(await named.sees()).toEqual({});
    const django = browse(signedCookieStore({ secrets, purpose: "django" }), {
      clock,
      cookie: { name: "id" },
    });
    django.jar.set("id", DJANGO_COOKIE);
    expect(await django.sees()).toEqual({ a: 1 });
  });

  it.each([
    "eyJhIjoxfQ:1r31eq:-erKf6X8XuUqGwrV8KEYexjqNCph05oz8-C135MZMYM", // The salt of Django's database sessions.
    "eyJhIjoxfQ",
    "::",
    `${DJANGO_COOKIE}=`,
    `.${DJANGO_COOKIE}`,
  ])("takes %s for no session", async (cookie) => {
    const browser = browse(signedCookieStore({ secrets: [DJANGO_SECRET] }), {
      clock: () => 1_700_000_000_000,
    });
    browser.jar.set("sessionid", cookie);
    expect(await browser.sees()).toEqual({});
  });
});

describe("a key that signed cookies keep for themselves", () => {
  it("is refused by name, and nothing is sent", async () => {
    const browser = browse(signedCookieStore({ secrets: [SECRET] }));
    await expect(browser.visit((session) => session.set("_coatcheck", 1))).rejects.toThrow('"_coatcheck"');
    const session = await browser.open();
    session.set("_coatcheck", 1);
    await expect(session.save()).rejects.toThrow('"_coatcheck"');
    session.delete("_coatcheck");
    session.set("coatcheck", 1);
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ coatcheck: 1 });
  });
});

describe("encryptedCookieStore", () => {
  it("writes a JWE that jose decrypts", async () => {
    const browser = browse(encryptedCookieStore({ secrets: [SECRET] }));
    await browser.visit((session) => session.set("wheels", "alloy"));
    const key = new Uint8Array(hkdfSync("sha256", SECRET, "", "coatcheck cookie A256GCM", 32));
    const { plaintext, protectedHeader } = await compactDecrypt(browser.key ?? "", key);
    expect(new TextDecoder().decode(plaintext).split("\n")[1]).toBe('{"wheels":"alloy"}');
    expect(protectedHeader).toMatchObject({ alg: "dir", enc: "A256GCM", name: "sessionid" });
  });

  it("never seals the same text the same way or with one IV twice, and shows nothing of it", async () => {
    const seen = new Set<string>();
    for (let n = 0; n < 200; n++) {
      const browser = browse(encryptedCookieStore({ secrets: [SECRET] }), { clock: () => 1_700_000_000_000 });
      await browser.visit((session) => session.set("wheels", "alloy"));
      const value = browser.key ?? "";
      expect(Buffer.from(value.split(".")[3] ?? "", "base64url").includes("alloy")).toBe(false);
      seen.add(value).add(value.split(".")[2] ?? "");
    }
    expect(seen.size).toBe(400);
  });
});

/** Text that no compression makes shorter, the same at every call. */
function randomText(length: number): string {
  let text = "";
  for (let n = 0; text.length < length; n++) text += createHash("sha512").update(String(n)).digest("base64");
  return text.slice(0, length);
}
