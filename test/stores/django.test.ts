/** The store in Django's table, without a Django: texts, dates, users and moves. The real site is in test/django. */
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deflateSync, inflateSync } from "node:zlib";
import {
  createSessions,
  memoryStore,
  type Options,
  SettingsError,
  type StoredRecord,
  type StoreId,
} from "coatcheck";
import { cachedStore } from "coatcheck/cached";
import { type DjangoStoreOptions, djangoStore, SessionUserError } from "coatcheck/django";
import { encryptedStore } from "coatcheck/encrypted";
import { describe, expect, it, onTestFinished } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { overhear } from "../instruments/overheard.ts";

const vectors = JSON.parse(readFileSync(new URL("../django/vectors.json", import.meta.url), "utf8"));
const SECRET: string = vectors.secret;
const NOW = vectors.time * 1000;
const KEY = "k".repeat(32);
const FAR = "2999-01-01 00:00:00.000000";

const TABLES = `
  CREATE TABLE django_session (
    session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date datetime NOT NULL);
  CREATE INDEX django_session_expire_date ON django_session (expire_date);
  CREATE TABLE auth_user (id integer NOT NULL PRIMARY KEY, password varchar(128) NOT NULL, is_active bool NOT NULL);
  INSERT INTO auth_user VALUES (1, 'md5$of ann', 1), (2, 'md5$of bob', 1), (3, 'md5$of eve', 0);`;

function hmac(purpose: string, secret: string, text: string) {
  const key = createHash("sha256")
    .update(purpose + secret)
    .digest();
  return createHmac("sha256", key).update(text).digest();
}

/** Signs as Django does, by code of the test's own. */
function signed(json: string, { secret = SECRET, time = "1r31eq", packed = false } = {}): string {
  const bytes = Buffer.from(json, "latin1");
  const value = packed ? `.${deflateSync(bytes).toString("base64url")}` : bytes.toString("base64url");
  const mac = hmac("django.contrib.sessions.SessionStoresigner", secret, `${value}:${time}`);
  return `${value}:${time}:${mac.toString("base64url")}`;
}

function jsonIn(text: string): string {
  const value = text.split(":")[0] as string;
  const bytes = Buffer.from(value.replace(/^\./, ""), "base64url");
  return (value.startsWith(".") ? inflateSync(bytes) : bytes).toString("latin1");
}

const hashOf = (password: string, secret = SECRET) =>
  hmac("django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash", secret, password).toString("hex");

const marksOf = (id: string, hash: string) =>
  `"_auth_user_id":"${id}","_auth_user_backend":"a.b.Backend","_auth_user_hash":"${hash}"`;

/** A database with Django's tables, and a site on it. */
function site(options: Partial<DjangoStoreOptions> = {}, settings: Options = {}) {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-django-"));
  const path = join(folder, "db.sqlite3");
  const database = new DatabaseSync(path);
  database.exec(TABLES);
  onTestFinished(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  const clock = new MovedClock(NOW);
  const another = (more: Partial<DjangoStoreOptions> = {}) => {
    const store = djangoStore({ database: path, secretKey: SECRET, ...options, ...more });
    const sessions = createSessions({ store, clock: clock.read, ...settings });
    onTestFinished(() => sessions.close());
    const browser = new Browser(sessions);
    return { store, sessions, browser };
  };
  return {
    ...another(),
    another,
    clock,
    path,
    database,
    /** Puts a row there, as Django would. */
    put(text: string, key = KEY, expires = FAR) {
      database.prepare("INSERT OR REPLACE INTO django_session VALUES (?, ?, ?)").run(key, text, expires);
    },
    row(key = KEY) {
      return database.prepare("SELECT * FROM django_session WHERE session_key = ?").get(key) as
        | { session_key: string; session_data: string; expire_date: string }
        | undefined;
    },
    rows: () => database.prepare("SELECT * FROM django_session").all(),
  };
}

type TestSite = ReturnType<typeof site>;

/** A browser with the cookie of `KEY`. */
function at({ browser }: Pick<TestSite, "browser">, key = KEY) {
  browser.jar.set("sessionid", key);
  return browser;
}

describe("Django's texts", () => {
  const decoded = (
    vectors.encode as { obj: object; token: string; json: string; compressed: boolean }[]
  ).filter(({ json }) => !json.includes('"_'));

  it.each(decoded)("$json is read", async ({ obj, token }) => {
    const here = site();
    here.put(token);
    expect(await at(here).sees()).toEqual(obj);
  });

  it.each(decoded.filter(({ compressed, obj }) => !compressed && !("10" in obj)))(
    "$json is written, byte for byte",
    async ({ obj, token }) => {
      const here = site();
      const session = await here.browser.open();
      session.assign(obj);
      await session.save();
      expect(here.row(session.key ?? "")?.session_data).toBe(token);
    },
  );

  it("a text that is long is compressed", async () => {
    const here = site();
    await here.browser.visit((session) => session.set("long", "a".repeat(500)));
    const text = here.row(here.browser.key ?? "")?.session_data ?? "";
    expect(text).toMatch(/^\./);
    expect(jsonIn(text)).toBe(`{"long":"${"a".repeat(500)}"}`);
  });

  const stricter = ["negative ts", "b64 with padding inside"];
  const cases = (vectors.reject as { case: string; token: string; decode: unknown }[]).filter(
    (one) => !stricter.includes(one.case),
  );
  it.each(cases)("read as Django does: $case", async ({ token, decode }) => {
    const here = site();
    here.put(token);
    expect(await at(here).sees()).toEqual(Array.isArray(decode) ? {} : decode);
    expect(here.row()?.session_data).toBe(token);
  });

  it("of an earlier secret are accepted, and signed with the present one when they are written", async () => {
    const token = vectors.fallback["token_signed_with_old-key"];
    const [without, withFallbacks] = [site(), site({ secretKeyFallbacks: ["zzz", "old-key"] })];
    without.put(token);
    withFallbacks.put(token);
    expect(await at(without).sees()).toEqual({});
    await at(withFallbacks).visit((session) => session.set("b", 2));
    expect(withFallbacks.row()?.session_data).toBe(signed('{"a":1,"b":2}'));
  });

  it("that are pickled, or of a broken signature, are no session here, and are left alone", async () => {
    for (const text of [signed("\x80\x05}\x94."), signed('{"a":1}', { secret: "another" }), "nonsense"]) {
      const here = site();
      here.put(text);
      const browser = at(here);
      await browser.visit((session) => session.set("b", 2));
      expect(here.row()?.session_data).toBe(text);
      expect(browser.key).not.toBe(KEY);
    }
  });

  it("of more than 1 MiB are read", async () => {
    const here = site();
    here.put(signed(`{"a":"${"x".repeat(2_000_000)}"}`, { packed: true }));
    expect((await at(here).sees()).a).toHaveLength(2_000_000);
  });
});

describe("a write", () => {
  const python =
    '{"big":10000000000000000000000000,"one":1.0,"exp":1e-07,"nan":NaN,"inf":[-Infinity,{"a\\u00e9":"\\ud800, } ]"}],"10":1,"2":[],"é\\"":null}';

  it("keeps the bytes of every key that it does not touch, and their order", async () => {
    const here = site();
    here.put(signed(python));
    await at(here).visit((session) => {
      expect(session.get("nan")).toBeNull();
      session.set("new", { é: "😀\u007f" });
      session.delete("2");
    });
    const wanted = `${python.replace(',"2":[]', "").slice(0, -1)},"new":{"\\u00e9":"\\ud83d\\ude00\\u007f"}}`;
    expect(jsonIn(here.row()?.session_data ?? "")).toBe(wanted.replace("é", "\\u00e9"));
  });

  it.each([
    ["a whole number beyond 2^53", "[9007199254740993,1]"],
    ["NaN", "[NaN,1]"],
    ["Infinity, deep inside", '[1,{"a":[-Infinity]}]'],
  ])("of a list that was changed and holds %s is refused, and nothing is stored", async (_what, list) => {
    const here = site();
    const text = signed(`{"list":${list}}`);
    here.put(text);
    await expect(at(here).visit((session) => session.get("list").push(2))).rejects.toThrow();
    expect(here.row()?.session_data).toBe(text);
    await at(here).visit((session) => session.set("list", [7]));
    expect(jsonIn(here.row()?.session_data ?? "")).toBe('{"list":[7]}');
  });

  it("leaves floats with nothing behind the point out of that", async () => {
    const here = site();
    here.put(signed('{"list":[1.0,1e+300]}'));
    await at(here).visit((session) => session.get("list").push(2));
    expect(jsonIn(here.row()?.session_data ?? "")).toBe('{"list":[1,1e+300,2]}');
  });

  it("of a key that is a field of the session is refused", async () => {
    const here = site();
    await expect(here.browser.visit((session) => session.set("_auth_user_id", "1"))).rejects.toThrow();
    expect(here.rows()).toEqual([]);
  });

  it("of the same data in the same second has another version", async () => {
    const here = site();
    here.put(signed('{"a":1}'));
    const before = here.row()?.session_data;
    await at(here).visit((session) => {
      session.modified = true;
    });
    expect(here.row()?.session_data).not.toBe(before);
    expect(await at(here).sees()).toEqual({ a: 1 });
  });

  it("never revives a row that has expired since", async () => {
    const here = site();
    here.put(signed('{"a":1}'), KEY, "2023-11-14 22:14:20");
    for (const change of [
      (session: { set(key: string, value: number): unknown }) => session.set("a", 2),
      (session: { cycleKey(): void }) => session.cycleKey(),
    ]) {
      const session = await at(here).open();
      expect(session.get("a")).toBe(1);
      here.clock.pass(120);
      change(session as never);
      const reply = await here.browser.respond(session);
      expect(reply.cookie).toBe("none");
      expect(here.row()).toMatchObject({
        session_data: signed('{"a":1}'),
        expire_date: "2023-11-14 22:14:20",
      });
      expect(here.rows()).toHaveLength(1);
      here.clock.pass(-120);
    }
  });

  it("of two processes at once loses nothing", async () => {
    const here = site();
    const other = here.another();
    await here.browser.visit((session) => session.set("n", 0));
    at(other, here.browser.key ?? "");
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? here : other).browser.visit((session) => void session.update("n", (n = 0) => n + 1)),
      ),
    );
    expect(await other.browser.sees()).toEqual({ n: 20 });
  });

  it("of something that has no place in the table is refused", async () => {
    const { store } = site();
    const { signal } = new AbortController();
    const record = {
      data: '{"a":1}\n{"once":{}}',
      expiresAt: NOW + 1000,
      expiry: null,
      userId: null,
    } as StoredRecord;
    const id = Buffer.from(KEY).toString("hex") as StoreId;
    await expect(store.create(id, record, { signal, now: NOW })).rejects.toThrow(/no place/);
  });
});

describe("the user", () => {
  it("is Django's, as long as the hash fits the password and one of the secrets", async () => {
    for (const [marks, user] of [
      [marksOf("1", hashOf("md5$of ann")), "1"],
      [marksOf("1", hashOf("md5$of ann", "old-key")), "1"],
      [marksOf("1", hashOf("md5$of ann", "another")), null],
      [marksOf("1", hashOf("md5$of bob")), null],
      [marksOf("1", "").replace('"_auth_user_hash":""', '"a":1'), null],
      [marksOf("3", hashOf("md5$of eve")), null],
      [marksOf("9", hashOf("md5$of ann")), null],
    ] as const) {
      const here = site({ secretKeyFallbacks: ["old-key"] });
      const text = signed(`{${marks},"cart":1}`);
      here.put(text);
      const session = await at(here).open();
      expect([session.userId, session.toObject(), session.authenticatedAt]).toEqual(
        user === null ? [null, {}, null] : [user, { cart: 1 }, null],
      );
      expect(here.row()?.session_data).toBe(text);
    }
  });

  it("keeps its marks byte for byte, until a login makes them anew and drops the CSRF token", async () => {
    const here = site();
    const json = `{"_csrftoken":"abc",${marksOf("1", hashOf("md5$of ann"))},"cart":1}`;
    here.put(signed(json));
    await at(here).visit((session) => session.set("b", 2));
    expect(jsonIn(here.row()?.session_data ?? "")).toBe(`${json.slice(0, -1)},"b":2}`);
    await at(here).visit((session) => session.cycleKey());
    expect(jsonIn(here.row(here.browser.key ?? "")?.session_data ?? "")).toBe(`${json.slice(0, -1)},"b":2}`);
    await here.browser.visit((session) => session.login(1));
    const marks = marksOf("1", hashOf("md5$of ann")).replace(
      "a.b.Backend",
      "django.contrib.auth.backends.ModelBackend",
    );
    expect(jsonIn(here.row(here.browser.key ?? "")?.session_data ?? "")).toBe(`{"cart":1,"b":2,${marks}}`);
  });

  it("of a login that is not there, or not active, is refused, and the session stays as it was", async () => {
    const here = site();
    here.put(signed('{"cart":1}'));
    for (const user of ["9", "3", "1a", "01", " 1"]) {
      const events = overhear();
      await expect(at(here).visit((session) => session.login(user))).rejects.toThrow(SessionUserError);
      await expect(new Browser(here.sessions).visit((session) => session.login(user))).rejects.toMatchObject({
        status: 500,
        expose: false,
      });
      expect(events.of("unavailable")).toEqual([]);
    }
    expect(here.rows()).toEqual([{ session_key: KEY, session_data: signed('{"cart":1}'), expire_date: FAR }]);
  });

  it.each(["0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5bd9cb469fa16570867728950e"])(
    "with a UUID is found where the table has it as %s",
    async (stored) => {
      const here = site({
        users: { table: "people", id: "uid", password: "pw", active: null, backend: "x.Y" },
      });
      here.database.exec(`CREATE TABLE people (uid char(36) PRIMARY KEY, pw text);
        INSERT INTO people VALUES ('${stored}', 'md5$')`);
      await here.browser.visit((session) => session.login("0f8fad5b-d9cb-469f-a165-70867728950e"));
      expect((await here.browser.open()).userId).toBe("0f8fad5b-d9cb-469f-a165-70867728950e");
      const text = here.row(here.browser.key ?? "")?.session_data ?? "";
      expect(jsonIn(text)).toContain('"_auth_user_backend":"x.Y"');
    },
  );

  it("may be found by a function", async () => {
    const users = new Map([["ann", { password: "p", isActive: true }]]);
    const here = site({ users: async (id) => users.get(id) ?? null });
    await here.browser.visit((session) => session.login("ann"));
    expect((await here.browser.open()).userId).toBe("ann");
    users.set("ann", { password: "another", isActive: true });
    expect((await here.browser.open()).userId).toBeNull();
  });
});

describe("the expiry", () => {
  interface Known {
    readonly seconds?: number;
    readonly untilClose?: boolean;
  }
  it.each<[value: string, known: Known]>([
    ["300", { seconds: 300 }],
    ["0", { seconds: 1_209_600, untilClose: true }],
    ["false", { seconds: 1_209_600, untilClose: true }],
    ["-5", { seconds: -5 }],
    ["1.5", { seconds: 1.5 }],
    ["null", { seconds: 1_209_600 }],
    ['""', { seconds: 1_209_600 }],
    ['"2030-01-01T00:00:00+00:00"', {}],
    ['"2030-01-01T02:00:00.123456+02:00"', {}],
    ['"2030-01-01T00:00:00"', {}],
  ])("%s is known, and stays as it is", async (value, { seconds, untilClose = false }) => {
    const here = site();
    here.put(signed(`{"_session_expiry":${value},"a":1}`));
    const session = await at(here).open();
    expect(session.toObject()).toEqual({ a: 1 });
    if (seconds !== undefined) expect(session.getExpiryAge()).toBe(seconds);
    else expect(session.getExpiryDate().toISOString()).toMatch(/^2030-01-01T00:00:00/);
    expect(session.getExpireAtBrowserClose()).toBe(untilClose);
    session.set("b", 2);
    await here.browser.respond(session);
    expect(jsonIn(here.row()?.session_data ?? "")).toBe(`{"_session_expiry":${value},"a":1,"b":2}`);
  });

  it("that is a date is written with its offset; for Django before 4.1 as the seconds left", async () => {
    const date = new Date(NOW + 90_500);
    for (const [options, written, expires] of [
      [{}, '"2023-11-14T22:14:50.500+00:00"', "2023-11-14 22:14:50.500000"],
      [{ djangoVersion: "4.1" }, '"2023-11-14T22:14:50.500+00:00"', "2023-11-14 22:14:50.500000"],
      [{ djangoVersion: "3.2.25" }, "90", "2023-11-14 22:14:50.500000"],
      [
        { useTz: false, timeZone: "Asia/Tokyo" },
        '"2023-11-15T07:14:50.500000"',
        "2023-11-15 07:14:50.500000",
      ],
      [
        { useTz: false, timeZone: "America/New_York" },
        '"2023-11-14T17:14:50.500000"',
        "2023-11-14 17:14:50.500000",
      ],
    ] as const) {
      const here = site(options);
      await here.browser.visit((session) => {
        session.set("a", 1);
        session.setExpiry(date);
      });
      const row = here.row(here.browser.key ?? "");
      expect(jsonIn(row?.session_data ?? "")).toBe(`{"a":1,"_session_expiry":${written}}`);
      expect(row?.expire_date).toBe(expires);
      if (written.startsWith('"')) expect((await here.browser.open()).getExpiryDate()).toEqual(date);
    }
  });

  it("of an idle timeout moves with each request, and the text stays", async () => {
    const here = site({}, { idleTimeout: 60 });
    await here.browser.visit((session) => session.set("a", 1));
    const key = here.browser.key ?? "";
    const { session_data } = here.row(key) ?? {};
    for (let request = 0; request < 4; request++) {
      here.clock.pass(40);
      await here.browser.visit();
    }
    expect(here.row(key)).toMatchObject({ session_data, expire_date: "2023-11-14 22:17:00.000000" });
    expect(await here.browser.sees()).toEqual({ a: 1 });
    here.clock.pass(61);
    expect(await here.browser.sees()).toEqual({});
  });
});

describe("dates in another zone than Django's", () => {
  const shifted = (hours: number) =>
    new Date(NOW + 600_000 + hours * 3_600_000).toISOString().replace(/T(.*)Z/, " $1000");

  it.each([
    ["America/New_York", -5, {}, { _session_expiry: 600 }],
    ["America/New_York", -5, {}, {}],
    ["Asia/Tokyo", 9, {}, { _session_expiry: 600 }],
    ["UTC", 0, { useTz: false, timeZone: "Asia/Tokyo" }, {}],
  ] as const)(
    "of %s (%i h): check and clearExpired refuse, and nothing is cleared",
    async (_zone, hours, options, data) => {
      const here = site(options);
      for (let n = 0; n < 20; n++)
        here.put(signed(JSON.stringify(data)), `${KEY.slice(2)}${10 + n}`, shifted(hours));
      const { signal } = new AbortController();
      await expect(here.store.check({ signal, now: NOW })).rejects.toThrow(/time zone/);
      await expect(here.sessions.clearExpired()).rejects.toMatchObject({
        cause: expect.objectContaining({ message: expect.stringMatching(/time zone/) }),
      });
      expect(here.rows()).toHaveLength(20);
    },
  );

  it.each([
    ["America/New_York", -5],
    ["Asia/Tokyo", 9],
  ])("with USE_TZ off in %s, sessions live for as long as they should", async (timeZone, hours) => {
    const here = site({ useTz: false, timeZone });
    for (let n = 0; n < 20; n++) here.put(signed('{"a":1}'), `${KEY.slice(2)}${10 + n}`, shifted(hours));
    const key = `${KEY.slice(2)}10`;
    here.clock.pass(599);
    expect(await at(here, key).sees()).toEqual({ a: 1 });
    expect(await here.sessions.clearExpired()).toBe(0);
    here.clock.pass(2);
    expect(await at(here, key).sees()).toEqual({});
    expect(await here.sessions.clearExpired({ batchSize: 7 })).toBe(20);
  });

  it("is not found where sessions of Node's own ages are the newest", async () => {
    const here = site({}, { idleTimeout: 1800 });
    await here.browser.visit((session) => {
      session.set("a", 1);
      session.setExpiry(3600);
    });
    const { signal } = new AbortController();
    await here.store.check({ signal, now: NOW });
  });
});

describe("a change of key", () => {
  it("leaves no mark in the table: this process knows the move for a minute, another finds the session gone", async () => {
    const here = site();
    const other = here.another();
    await here.browser.visit((session) => session.set("cart", 1));
    const old = here.browser.key ?? "";
    const [slowHere, slowThere] = [await here.browser.open(), await at(other, old).open()];
    await here.browser.visit((session) => session.login(1));
    expect(here.rows()).toHaveLength(1);
    for (const session of [slowHere, slowThere]) session.set("late", true);
    expect((await here.browser.copy().respond(slowHere)).cookie).toBe("none");
    expect((await other.browser.respond(slowThere)).cookie).toBe("none");
    expect(slowHere.userId).toBeNull();
    expect(await here.browser.sees()).toEqual({ cart: 1, late: true });

    const events = overhear();
    expect(await at(here.another(), old).sees()).toEqual({});
    const known = new Browser(here.sessions);
    known.jar.set("sessionid", old);
    expect(await known.sees()).toEqual({});
    expect([events.of("unknown").length, events.of("moved").length]).toEqual([1, 1]);
    here.clock.pass(61);
    expect(await known.sees()).toEqual({});
    expect(events.of("unknown")).toHaveLength(2);
  });

  it("at once with a delete: the session ends, or the delete learns where it went", async () => {
    const { store, rows } = site();
    const call = { signal: new AbortController().signal, now: NOW };
    const record = { data: '{"a":1}', expiresAt: NOW + 1e9, expiry: null, userId: null } as StoredRecord;
    for (let round = 0; round < 10; round++) {
      const [from, to] = ["a", "b"].map((key) => Buffer.from(key.repeat(32)).toString("hex") as StoreId) as [
        StoreId,
        StoreId,
      ];
      const created = await store.create(from, record, call);
      const version = typeof created === "object" ? created.saved : -1;
      const rotate = () => store.rotate(from, to, record, version, call);
      const remove = () => store.delete(from, call);
      const [rotated, removed] =
        round % 2 === 0
          ? await Promise.all([rotate(), remove()])
          : await Promise.all([remove(), rotate()]).then(([second, first]) => [first, second] as const);
      if (typeof rotated === "object") {
        expect(removed).toEqual({ movedTo: to });
        await store.delete(to, call);
      } else expect([rotated, removed]).toEqual(["gone", undefined]);
      expect(rows()).toEqual([]);
      call.now += 61_000;
    }
  });
});

describe("options that cannot work are told at the start", () => {
  const given = { database: ":memory:", secretKey: SECRET };
  it.each([
    ["secretKey", { secretKey: undefined }],
    ["secretKey", { secretKey: "" }],
    ["secretKeyFallbacks", { secretKeyFallbacks: ["a", ""] }],
    ["database", { database: 5 }],
    ["database", { database: "/nowhere-at-all.sqlite3" }],
    ["table", { table: "a b" }],
    ["users.id", { users: { id: "id; --" } }],
    ["timeZone", { useTz: false }],
    ["timeZone", { useTz: false, timeZone: "Nowhere/Atall" }],
    ["djangoVersion", { djangoVersion: "new" }],
  ])("%s: %o", (option, wrong) => {
    const make = () => djangoStore({ ...given, ...(wrong as object) });
    expect(make).toThrow(SettingsError);
    expect(make).toThrow(`option ${option} `);
    expect(make).not.toThrow(SECRET);
  });

  it("maxUserSessions, notBefore and encryption at the start, confirm, requireRecent and once at the call; a label is dropped", async () => {
    const here = site();
    await here.browser.visit((session) => {
      session.login(1, { label: "Firefox on Linux" });
      expect(session.label).toBeNull();
      expect(() => session.confirm()).toThrow(SettingsError);
      expect(() => session.requireRecent(60)).toThrow(SettingsError);
    });
    const session = await here.browser.open();
    expect(session.userId).toBe("1");
    await expect(session.once("token", () => 1)).rejects.toThrow(SettingsError);
    const { store } = here;
    const secrets = ["a secret of at least thirty-two characters"];
    expect(() => encryptedStore({ store, secrets })).toThrow(SettingsError);
    expect(() => createSessions({ store, maxUserSessions: 5 })).toThrow(/maxUserSessions/);
    expect(() => createSessions({ store, notBefore: new Date(0) })).toThrow(/notBefore/);
  });

  it("absoluteTimeout, which needs the time of the login, and a cache before the table", () => {
    const { store } = site();
    expect(() => createSessions({ store, absoluteTimeout: 60 })).toThrow(/absoluteTimeout/);
    expect(() => cachedStore({ cache: memoryStore(), store })).toThrow(SettingsError);
  });

  it("a wrong secret, by check, which shows none", async () => {
    const here = site();
    here.put(signed("{}", { secret: "another" }));
    const { signal } = new AbortController();
    await expect(here.store.check({ signal, now: NOW })).rejects.toThrow(/secretKey/);
    here.put(signed("{}"), "x".repeat(32));
    await here.store.check({ signal, now: NOW });
  });
});

describe("a SQLite database", () => {
  it("keeps its journal mode, and a missing one is not created", async () => {
    const here = site();
    await here.browser.visit((session) => session.set("a", 1));
    expect(here.database.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "delete" });
    rmSync(here.path);
    await expect(here.browser.open()).rejects.toThrow();
    writeFileSync(here.path, "");
  });

  it.each([
    ["node:sqlite", (path: string) => new DatabaseSync(path)],
    // Loaded as late as this: while it is, each path is looked for among its open databases.
    ["better-sqlite3", async (path: string) => new (await import("better-sqlite3")).default(path)],
  ])("may be an open one of %s", async (_name, open) => {
    const here = site();
    const database = await open(here.path);
    const { browser } = here.another({ database: database as DatabaseSync });
    await browser.visit((session) => session.login(1));
    expect((await browser.open()).userId).toBe("1");
    database.close();
  });
});
