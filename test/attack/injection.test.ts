/**
 * Every text that reaches a store, as an attacker chooses it, on real servers: the user's id, the device's name, names and values of the data.
 * They come back as they went in, they are no commands, no patterns and no ends of lines, and a session beside them stays as it is.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, memoryStore, type Sessions, type Store } from "coatcheck";
import { fileStore } from "coatcheck/file";
import { libsqlStore } from "coatcheck/libsql";
import { memcachedStore } from "coatcheck/memcached";
import { mysqlStore } from "coatcheck/mysql";
import { postgresStore } from "coatcheck/postgres";
import { redisStore } from "coatcheck/redis";
import { sqliteStore } from "coatcheck/sqlite";
import { storeFromUrl, type UrlStore } from "coatcheck/store-url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { singles } from "../servers/redis-clients.ts";
import { describeWithServer } from "../servers/suite.ts";

/** Texts that mean something to SQL, LIKE, JSON, Redis and Lua, memcached, HTTP, shells, templates and paths. */
const TEXTS = {
  "a statement": "'; DROP TABLE coatcheck_sessions; --",
  "a statement in double quotes": '"; DELETE FROM coatcheck_sessions; --',
  "a condition": "' OR '1'='1",
  "a union": "x' UNION SELECT * FROM coatcheck_sessions WHERE ''='",
  backslashes: "\\' OR 1=1 -- \\\\",
  backticks: "`; DROP TABLE `coatcheck_sessions`",
  "wildcards of LIKE": "%_%\\%",
  "wildcards of KEYS": "*?[a-z]{1}",
  "hash tags": "{other}:s:{x}",
  placeholders: "$1 ? :id @p1 %s %(id)s {0} #{7*7}",
  "lines of memcached": "x 0 0 1\r\na\r\nflush_all\r\ndelete coatcheck:\r\n",
  "commands of Redis": "*1\r\n$8\r\nFLUSHALL\r\n",
  Lua: "]] redis.call('FLUSHALL') --[[",
  "a header": "x\r\nSet-Cookie: sessionid=planted\r\n\r\n",
  JSON: '","userId":"admin","x":"',
  "the end of the dictionary": '}\n{"undone":{"userId":null},"label":"admin"}',
  "an array of PostgreSQL": '{"a",NULL}',
  "a hexadecimal literal": "\\x414243",
  "odd Unicode": "\u202e\u2028\u2029\ufeff\u0130ı😀\u{10ffff}",
  "a collation": "ＡＤＡ Ada áda ",
  "an octet that ends nothing": "\x7f\x80\x1f",
  "a template": "{{constructor.constructor('return 1')()}}<script>",
};
const NUL = "before\0after";

const users = Object.entries(TEXTS);

async function visited(sessions: Sessions, userId: string, label: string, data: Record<string, unknown>) {
  const browser = new Browser(sessions);
  await browser.visit((session) => {
    session.login(userId, { label });
    session.assign(data);
  });
  return browser;
}

function tests(open: () => Promise<Store> | Store, { hasUsers = true } = {}): void {
  let store: Store;
  let sessions: Sessions;
  let canary: Browser;
  beforeAll(async () => {
    store = await open();
    sessions = createSessions({ store });
    canary = await visited(sessions, "canary", "canary", { canary: 1 });
  });
  afterAll(() => store.close?.());

  test.each(users)("%s", async (_, text) => {
    const data = { [text]: text, [NUL]: NUL, nested: { [text]: [text, { [text]: NUL }] } };
    const browser = await visited(sessions, text, text, data);
    await browser.visit((session) => session.update(text, (now) => `${now}${text}`));
    const session = await browser.open();
    expect([session.userId, session.label]).toEqual([text, text]);
    expect(session.toObject()).toEqual({ ...data, [text]: `${text}${text}` });
    await browser.visit((session) => session.cycleKey());
    expect((await browser.open()).get(text)).toBe(`${text}${text}`);
    if (hasUsers) {
      const listed = await sessions.listUserSessions(text);
      expect(listed.map(({ label }) => label)).toEqual([text]);
      expect(listed.map(({ handle }) => handle)).toEqual([(await browser.open()).handle]);
      for (const near of [`${text}x`, text.slice(0, -1), text.toUpperCase() + text.toLowerCase()])
        expect([near, await sessions.listUserSessions(near)]).toEqual([near, []]);
      expect(await sessions.revokeUser(text)).toBe(1);
    } else await browser.visit((session) => session.logout());
    expect((await browser.open()).userId).toBeNull();
    expect((await canary.open()).toObject()).toEqual({ canary: 1 });
    if (hasUsers) expect(await sessions.listUserSessions("canary")).toHaveLength(1);
  });

  test("a record whose data pollutes prototypes elsewhere pollutes none here", async () => {
    const browser = await visited(
      sessions,
      "bob",
      "__proto__",
      JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
    );
    expect(Object.keys((await browser.open()).toObject()).sort()).toEqual(["__proto__", "constructor"]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    await browser.visit((session) => session.logout());
  });
}

for (const kind of [postgres, mariadb, redis, memcached]) {
  describeWithServer(kind, (server) => {
    tests(
      async () => {
        const store: UrlStore = storeFromUrl(server().url);
        await store.createTable?.();
        return store;
      },
      { hasUsers: kind !== memcached },
    );
  });
}

describe("in a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-attack-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  describe("of SQLite", () => tests(() => sqliteStore(join(folder, "site.sqlite3"))));
  describe("of its own", () => tests(() => fileStore(join(folder, "sessions"))));
});

describe("in memory", () => tests(() => memoryStore()));

describe("a name that the store puts into its commands", () => {
  const nothing = () => {
    throw new Error("The store was asked.");
  };
  const pool = { query: nothing, connect: nothing, getConnection: nothing, execute: nothing } as never;
  const memcacheClient = { gets: nothing, add: nothing, cas: nothing, cmd: nothing } as never;
  const libsqlClient = { execute: nothing, batch: nothing, transaction: nothing } as never;
  const tables = [
    ...Object.values(TEXTS),
    NUL,
    "",
    "a b",
    "a.b.c",
    "a-b",
    "1",
    "a;b",
    "a".repeat(200),
    "__proto__;",
  ];

  test.each(tables)("is refused as a table: %j", (table) => {
    expect(() => postgresStore({ pool, table })).toThrow(/table/);
    expect(() => mysqlStore({ pool, table })).toThrow(/table/);
    expect(() => sqliteStore(":memory:", { table })).toThrow(/table/);
    expect(() => libsqlStore({ client: libsqlClient, table })).toThrow(/table/);
  });

  const breaking = Object.values(TEXTS).filter((text) => !/^[!-~]*$/.test(text));
  test.each([...breaking, NUL, "a b", "a\n", "x".repeat(250)])(
    "is refused as a prefix of memcached: %j",
    (prefix) => {
      expect(() => memcachedStore({ client: memcacheClient, prefix })).toThrow(/prefix/);
    },
  );
});

describeWithServer(redis, (server) => {
  test.each(["*", "a?", "[ab]", "\\", "'", '"', "a b", "\r\nFLUSHALL\r\n", "\0", "%", "s:", "é😀"])(
    "a prefix of Redis is a prefix and no pattern: %j",
    async (prefix) => {
      const { client, close } = await (singles["node-redis"] as NonNullable<(typeof singles)[string]>)(
        server(),
      );
      try {
        const others = redisStore({ client, prefix: "ab-other:" });
        const one = redisStore({ client, prefix });
        const beside = await visited(createSessions({ store: others }), "ada", "beside", {});
        const before = (await others.stats?.({ now: Date.now(), signal: AbortSignal.timeout(5000) }))?.live;
        const sessions = createSessions({ store: one });
        const browser = await visited(sessions, "ada", "mine", { a: 1 });
        expect(await browser.sees()).toEqual({ a: 1 });
        expect((await sessions.stats()).live).toBe(1);
        expect((await sessions.listUserSessions("ada")).map(({ label }) => label)).toEqual(["mine"]);
        expect(await sessions.revokeUser("ada")).toBe(1);
        expect((await others.stats?.({ now: Date.now(), signal: AbortSignal.timeout(5000) }))?.live).toBe(
          before,
        );
        expect((await beside.open()).userId).toBe("ada");
      } finally {
        close();
      }
    },
  );

  test.each(["{a}", "a{", "}"])(
    "a prefix that would choose the slot of a Cluster is refused: %j",
    async (prefix) => {
      const { client, close } = await (singles.ioredis as NonNullable<(typeof singles)[string]>)(server());
      expect(() => redisStore({ client, prefix })).toThrow(/prefix/);
      close();
    },
  );
});
