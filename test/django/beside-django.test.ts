/** One visitor, two servers: a real Django site and an Express server on one table of sessions. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions } from "coatcheck";
import { type DjangoStoreOptions, djangoStore } from "coatcheck/django";
import { storeFromUrl } from "coatcheck/store-url";
import mysql from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { djangoSite as djangoKind, SITE_SECRET } from "../servers/django.ts";
import { mariadb } from "../servers/mariadb.ts";
import { postgres } from "../servers/postgres.ts";
import type { Server } from "../servers/server.ts";
import { missing, start } from "../servers/start.ts";
import { describeWithServer } from "../servers/suite.ts";
import { djangoSite, expressSite, Gate, Person, type Site, USERS } from "./two-sites.ts";

/** An empty database, as Django and as Node are told of it. */
interface Place {
  readonly url: string;
  readonly database: DjangoStoreOptions["database"];
  close?(): Promise<unknown>;
}

const inFile = async (): Promise<Place> => {
  const path = join(mkdtempSync(join(tmpdir(), "coatcheck-django-")), "db.sqlite3");
  return { url: `sqlite://${path}`, database: path };
};

const newName = () => `django_${process.pid}_${Date.now()}`;

async function inPostgres({ url }: Server): Promise<Place> {
  const name = newName();
  const admin = new pg.Pool({ connectionString: url });
  await admin.query(`CREATE DATABASE ${name}`);
  const own = Object.assign(new URL(url), { pathname: name }).href;
  const pool = new pg.Pool({ connectionString: own });
  const close = async () => {
    await pool.end();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  };
  return { url: own, database: pool, close };
}

async function inMariadb({ url }: Server): Promise<Place> {
  const name = newName();
  const admin = mysql.createPool(url);
  await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const own = Object.assign(new URL(url), { pathname: name }).href;
  const pool = mysql.createPool(own);
  const close = async () => {
    await pool.end();
    await admin.query(`DROP DATABASE ${name}`);
    await admin.end();
  };
  return { url: own, database: pool, close };
}

// The bytes of a text do not depend on the database that keeps it.
describe("on sqlite", () => besideDjango(inFile, { dictionaries: 1000 }));
describeWithServer(postgres, (server) => besideDjango(() => inPostgres(server()), { dictionaries: 50 }));
describeWithServer(mariadb, (server) => besideDjango(() => inMariadb(server()), { dictionaries: 50 }));

function besideDjango(makePlace: () => Promise<Place>, { dictionaries }: { dictionaries: number }): void {
  const why = missing(djangoKind({ database: "" }));
  if (why) {
    test.skip(why, () => {});
    return;
  }

  const ends: (() => unknown)[] = [];
  let django: Site;
  let here: Site;
  let options: DjangoStoreOptions;
  let url: string;
  const sessionsHere = () => createSessions({ store: djangoStore(options), cookie: { name: "sessionid" } });

  beforeAll(async () => {
    const place = await makePlace();
    const server = await start(djangoKind({ database: place.url }));
    url = place.url;
    options = { database: place.database, secretKey: SITE_SECRET, djangoVersion: "3.2" };
    const express = await expressSite(djangoStore(options));
    [django, here] = [djangoSite(server.url), express];
    ends.push(express.close, server.stop, place.close ?? (() => {}));
  }, 300_000);

  afterAll(async () => {
    for (const end of ends) await end();
  });

  const pairs = [
    ["Django", "Express"],
    ["Express", "Django"],
  ] as const;
  const siteOf = (name: string) => (name === "Django" ? django : here);
  const userOf = (site: string, user: "ann" | "bob") => (site === "Django" ? user : USERS[user]);

  describe.each(pairs)("%s, then %s", (firstName, secondName) => {
    const first = () => siteOf(firstName);
    const second = () => siteOf(secondName);

    test("signed in there, signed in here, and what the anonymous visitor had is still there", async () => {
      const person = new Person();
      await person.do(first(), ["set", "cart", ["book", "é😀"]]);
      const before = person.cookie;
      await first().login(person, "ann");
      expect(person.cookie).not.toBe(before);
      expect(await person.do(second())).toMatchObject({
        user: userOf(secondName, "ann"),
        data: { cart: ["book", "é😀"] },
      });
      expect(await person.send(`${django.url}/secret/`)).toMatchObject({
        status: 200,
        body: "the secret of ann",
      });
    });

    test("signed out there, signed out here", async () => {
      const person = new Person();
      await second().login(person, "ann");
      const thief = person.otherTab();
      await first().logout(person);
      expect(person.cookie).toBeNull();
      for (const site of [first(), second()])
        expect(await thief.otherTab().do(site)).toMatchObject({ user: null, data: {} });
      expect((await thief.send(`${django.url}/secret/`)).status).toBe(302);
    });

    test("another user signs in: nothing of the first is left", async () => {
      const person = new Person();
      await first().login(person, "ann");
      await person.do(second(), ["set", "secret", "of ann"]);
      const old = person.otherTab();
      await second().login(person, "bob");
      expect(await person.do(first())).toMatchObject({ user: userOf(firstName, "bob"), data: {} });
      expect(await old.do(first())).toMatchObject({ user: null, data: {} });
    });

    test("a changed password ends the session on both, and so does a user who is no longer active", async () => {
      for (const [change, undo] of [
        [
          ["password", "bob", "another"],
          ["password", "bob", "the password of bob"],
        ],
        [
          ["active", "bob", false],
          ["active", "bob", true],
        ],
      ] as const) {
        const person = new Person();
        await first().login(person, "bob");
        expect((await person.do(second())).user).toBe(userOf(secondName, "bob"));
        await new Person().do(django, change);
        expect(await person.do(here)).toMatchObject({ user: null, data: {} });
        expect((await person.do(django)).user).toBeNull();
        await new Person().do(django, undo);
      }
    });

    test("a counter counts on", async () => {
      const person = new Person();
      for (let round = 0; round < 3; round++)
        for (const site of [first(), second()]) await person.do(site, ["count", "n"]);
      expect((await person.do(second())).data).toEqual({ n: 6 });
    });

    test("a message queued there is shown here, once", async () => {
      const person = new Person();
      await person.do(first(), ["set", "a", 1]);
      await person.send(`${first().url}/queue/?text=saved%20%C3%A9`);
      expect((await person.do(second())).messages).toEqual(["saved é"]);
      expect((await person.do(second())).messages).toEqual([]);
    });

    test("an expiry set there is known here", async () => {
      const person = new Person();
      await person.do(first(), ["set", "a", 1], [first().steps.setExpiry, 300]);
      expect(await person.do(second())).toMatchObject({ age: 300, untilClose: false });
      await person.do(first(), [first().steps.setExpiry, 0]);
      expect(await person.do(second())).toMatchObject({ untilClose: true, age: 1_209_600 });
      await person.do(first(), [first().steps.setExpiry, null]);
      expect(await person.do(second())).toMatchObject({ untilClose: false, age: 1_209_600 });
    });

    test("a session that has expired there is gone here", async () => {
      const person = new Person();
      await person.do(first(), ["set", "a", 1], [first().steps.setExpiry, -100]);
      const key = person.cookie;
      for (const site of [first(), second()]) {
        person.cookie = key;
        expect((await person.do(site)).data).toEqual({});
      }
    });

    test("the test cookie works", async () => {
      const person = new Person();
      await person.do(first(), [first().steps.setTestCookie]);
      expect((await person.do(second())).testCookie).toBe(true);
    });

    test("clearing expired sessions there spares the live ones here", async () => {
      const [live, dead] = [new Person(), new Person()];
      await live.do(second(), ["set", "a", 1], [second().steps.setExpiry, 60]);
      await dead.do(second(), ["set", "a", 1], [second().steps.setExpiry, -60]);
      const key = dead.cookie ?? "";
      if (firstName === "Django") await new Person().do(django, ["clearsessions"]);
      else expect(await sessionsHere().clearExpired({ batchSize: 1 })).toBeGreaterThan(0);
      expect((await live.do(second())).data).toEqual({ a: 1 });
      expect(key === "" ? {} : await textsOf([key])).toEqual({});
    });

    describe("a request under way there, while the visitor here", () => {
      /** Begins a request there, runs `meanwhile` here, and lets the request end. */
      async function during(person: Person, meanwhile: () => Promise<unknown>) {
        const gate = new Gate();
        const tab = person.otherTab();
        const asked = tab.ask(first(), gate.step, ["set", "late", true]);
        await gate.arrived();
        await meanwhile();
        gate.open();
        const answer = await asked;
        return { ...answer, tab };
      }

      /** The late response has not brought back what it began with, nor shown what is not its own. */
      async function isOver(old: Person, late: { status: number; cookies: string[]; body: string }) {
        // Django answers 400 to a request whose session was ended elsewhere; here its changes are dropped.
        expect(late.status).toBe(firstName === "Django" ? 400 : 200);
        expect(late.cookies).toEqual([]);
        for (const site of [django, here])
          expect(await old.otherTab().do(site)).toMatchObject({ user: null, data: {} });
      }

      test("signs in", async () => {
        const person = new Person();
        await person.do(first(), ["set", "cart", 1]);
        const old = person.otherTab();
        const late = await during(person, async () => {
          await second().login(person, "ann");
          await person.do(second(), ["set", "secret", "of ann"]);
        });
        await isOver(old, late);
        expect(late.body).not.toContain("of ann");
        expect(await person.do(second())).toMatchObject({
          user: userOf(secondName, "ann"),
          data: { cart: 1 },
        });
      });

      test("signs out", async () => {
        const person = new Person();
        await first().login(person, "ann");
        const old = person.otherTab();
        await isOver(old, await during(person, () => second().logout(person)));
      });

      test("changes the key", async () => {
        const person = new Person();
        await person.do(first(), ["set", "cart", 1]);
        const old = person.otherTab();
        const late = await during(person, () =>
          person.do(second(), [second().steps.cycleKey], ["set", "new", 1]),
        );
        await isOver(old, late);
        expect((await person.do(first())).data).toEqual({ cart: 1, new: 1 });
      });
    });
  });

  test("a URL leads to the table as well, with the secret from the environment alone", async () => {
    expect(() => storeFromUrl(`django+${url}`)).toThrow(/DJANGO_SECRET_KEY/);
    vi.stubEnv("DJANGO_SECRET_KEY", SITE_SECRET);
    onTestFinished(() => void vi.unstubAllEnvs());
    const [live, dead] = [new Person(), new Person()];
    await live.do(django, ["set", "a", 1], ["set_expiry", 60]);
    await dead.do(django, ["set", "a", 1], ["set_expiry", -60]);
    const sessions = createSessions({ store: storeFromUrl(`django+${url}`) });
    expect(await sessions.clearExpired()).toBeGreaterThan(0);
    const session = await sessions.open(`sessionid=${live.cookie}`, { secure: false });
    expect([session.toObject(), session.handle]).toEqual([{ a: 1 }, null]);
    await sessions.close();
  });

  test("a date given to setExpiry is the seconds left to a Django before 4.1", async () => {
    const person = new Person();
    const date = new Date(Date.now() + 3_600_000).toISOString();
    await person.do(here, ["set", "a", 1], ["setExpiryDate", date]);
    const { age } = await person.do(django);
    expect(age).toBeGreaterThan(3590);
    expect(age).toBeLessThanOrEqual(3600);
  });

  test("a request under way here, while the visitor signs in here: no cookie, and nothing of the new user", async () => {
    const person = new Person();
    await person.do(django, ["set", "cart", 1]);
    const gate = new Gate();
    const tab = person.otherTab();
    const slow = tab.ask(here, gate.step, ["set", "late", true]);
    await gate.arrived();
    await here.login(person, "ann");
    await person.do(django, ["set", "secret", "of ann"]);
    gate.open();
    const { cookies, body } = await slow;
    expect(cookies).toEqual([]);
    expect(JSON.parse(body)).toMatchObject({ user: null, data: { cart: 1 } });
    expect(await person.do(django)).toMatchObject({
      user: "ann",
      data: { cart: 1, late: true, secret: "of ann" },
    });
  });

  test("of many requests at once here none is lost", async () => {
    const person = new Person();
    await person.do(django, ["set", "n", 0]);
    const other = await expressSite(djangoStore(options));
    ends.unshift(other.close);
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => person.otherTab().do(n % 2 === 0 ? here : other, ["count", "n"])),
    );
    expect((await person.do(django)).data).toEqual({ n: 20 });
  });

  test("a login of a user who is not there, or not active, is an error 500 that names no user", async () => {
    const person = new Person();
    await person.do(here, ["set", "cart", 1]);
    await new Person().do(django, ["active", "bob", false]);
    for (const user of ["99", "1a", "01", "nobody", "2"]) {
      const { status, body, cookies } = await person.ask(here, ["login", user]);
      expect([status, cookies]).toEqual([500, []]);
      expect(body).not.toContain(`"${user}"`);
    }
    await new Person().do(django, ["active", "bob", true]);
    expect(await person.do(django)).toMatchObject({ user: null, data: { cart: 1 } });
  });

  test(`of ${dictionaries} random dictionaries that Django made, each keeps its bytes where we change another key`, async () => {
    const made = JSON.parse(
      (await new Person().send(`${django.url}/dictionaries/?count=${dictionaries}`)).body,
    ) as Record<string, string>;
    const sessions = sessionsHere();
    const keys = Object.keys(made);
    for (let n = 0; n < keys.length; n += 50) {
      await Promise.all(
        keys.slice(n, n + 50).map(async (key) => {
          const session = await sessions.open(`sessionid=${key}`, { secure: false });
          session.set("touched", { by: "é" });
          await sessions.commit(session, { status: 200 });
        }),
      );
    }
    const after = await textsOf(keys);
    const wanted = (text: string) => `${text.slice(0, -1)},"touched":{"by":"\\u00e9"}}`;
    expect(keys.filter((key) => after[key]?.[0] !== wanted(made[key] ?? ""))).toEqual([]);
  });

  test(`${dictionaries} random dictionaries that we made are the same to Django`, async () => {
    const sessions = sessionsHere();
    const made = new Map<string, Record<string, unknown>>();
    for (let n = 0; n < dictionaries; n += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, m) => {
          const session = await sessions.open(null, { secure: false });
          session.assign(randomData(n + m));
          const headers = await sessions.commit(session, { status: 200 });
          const key = /sessionid=(\w+)/.exec(headers.flat().join())?.[1] ?? "";
          made.set(key, session.toObject());
        }),
      );
    }
    const after = await textsOf([...made.keys()]);
    for (const [key, data] of made) {
      const [signed = "", decoded = ""] = after[key] ?? [];
      expect(JSON.parse(decoded)).toEqual(data);
      expect(JSON.parse(signed)).toEqual(data);
      expect(signed).toMatch(/^[\x20-\x7e]*$/);
    }
  });

  /** The JSON in the rows of these keys: as it was signed, and as Django writes it again. */
  async function textsOf(keys: string[]): Promise<Record<string, [signed: string, decoded: string]>> {
    const { body } = await new Person().send(`${django.url}/texts/`, {
      method: "POST",
      body: JSON.stringify(keys),
    });
    return JSON.parse(body);
  }
}

describe.skipIf(missing(djangoKind({ database: "" })) !== undefined)("with USE_TZ off", () => {
  test.each(["America/New_York", "Asia/Tokyo"])(
    "in %s, sessions of ten minutes are found on both, and not cleared",
    async (timeZone) => {
      const place = await inFile();
      const server = await start(djangoKind({ database: place.url, timeZone, cookieAge: 600 }));
      const options = { database: place.database, secretKey: SITE_SECRET };
      const right = djangoStore({ ...options, useTz: false, timeZone });
      const express = await expressSite(right);
      try {
        const [site, here] = [djangoSite(server.url), express];
        const made = JSON.parse(
          (await new Person().send(`${server.url}/dictionaries/?count=200`)).body,
        ) as object;
        const sessions = createSessions({ store: right });
        expect(await sessions.clearExpired()).toBe(0);
        const found = await Promise.all(
          Object.keys(made).map((key) => sessions.open(`sessionid=${key}`, { secure: false })),
        );
        expect(found.filter((session) => session.size > 0)).toHaveLength(200);
        const person = new Person();
        await site.login(person, "ann");
        expect((await person.do(here, ["set", "a", 1], ["setExpiry", 60])).user).toBe("1");
        expect(await person.do(site)).toMatchObject({ user: "ann", data: { a: 1 }, age: 60 });
        if (timeZone.startsWith("America")) {
          const wrong = createSessions({ store: djangoStore(options) });
          await expect(wrong.clearExpired()).rejects.toThrow();
          await wrong.close();
        }
      } finally {
        await express.close();
        await right.close?.();
        await server.stop();
      }
    },
    60_000,
  );
});

function randomData(seed: number): Record<string, unknown> {
  let state = seed + 1;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const text = () =>
    Array.from({ length: random(9) }, () =>
      String.fromCodePoint([random(128), random(0xd800), 0x1f600 + random(80)][random(3)] as number),
    ).join("");
  const value = (depth: number): unknown => {
    const kind = random(depth === 0 ? 5 : 7);
    if (kind === 0) return [null, true, false][random(3)];
    if (kind === 1) return random(1_000_000) - 500_000;
    if (kind === 2) return random(1_000_000) / 7;
    if (kind === 3) return text();
    if (kind === 4) return Number.MAX_SAFE_INTEGER - random(9);
    if (kind === 5) return Array.from({ length: random(4) }, () => value(depth - 1));
    return Object.fromEntries(Array.from({ length: random(4) }, () => [text(), value(depth - 1)]));
  };
  return Object.fromEntries(Array.from({ length: 1 + random(5) }, (_, n) => [`k${n}${text()}`, value(3)]));
}
