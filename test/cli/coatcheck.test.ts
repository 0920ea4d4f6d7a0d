import { execFile } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import type { StoreCall, StoredRecord, StoreId } from "coatcheck";
import { storeFromUrl, type UrlStore } from "coatcheck/store-url";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { type RedisCluster, startRedisCluster } from "../servers/redis-cluster.ts";
import { cli } from "../servers/redis-nodes.ts";
import { type RedisSentinel, startRedisSentinel } from "../servers/redis-sentinel.ts";
import { missing } from "../servers/start.ts";
import { describeWithServer } from "../servers/suite.ts";
import { run, runJson, start, startOnTerminal } from "./run.ts";

const root = join(import.meta.dirname, "../..");
const HOUR = 3_600_000;
const interruptedAtFirstDelete = {
  NODE_OPTIONS: `--import ${join(import.meta.dirname, "interrupt-at-first-delete.ts")}`,
};
const newId = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;
const call = (): StoreCall => ({ signal: AbortSignal.timeout(30_000), now: Date.now() });
let versions = 0;
function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + HOUR, expiry: null };
  return { data: '{"secret":"geheim"}', version: ++versions, userId: null, ...times, format: 1, ...changes };
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "coatcheck-cli-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function open(url: string): UrlStore {
  const store = storeFromUrl(url);
  onTestFinished(() => store.close());
  return store;
}

/** Stores a session of a user. */
async function keep(store: UrlStore, changes: Partial<StoredRecord>): Promise<StoreId> {
  const id = newId();
  expect(await store.create(id, record(changes), call())).toBe(true);
  return id;
}

/** Each command once, on a store with three sessions and, where it keeps them, two expired ones. */
async function everyCommand(url: string): Promise<void> {
  const store = open(url);
  const user = `ann-${newId()}`;
  expect(await runJson("create-table", "--store", url)).toEqual({
    code: 0,
    said: { created: store.createTable !== undefined },
  });
  const before = (await runJson("stats", "--store", url)).said;
  const at = Date.now();
  const [one, other] = [
    await keep(store, { userId: user, authenticatedAt: at }),
    await keep(store, { userId: user, authenticatedAt: at }),
  ];
  const stranger = await keep(store, {});
  for (let n = 0; n < 2 && store.clearExpired; n++) await keep(store, { expiresAt: Date.now() - 1000 });

  const counted = await runJson("stats", "--store", url);
  const expired = store.clearExpired ? 2 : 0;
  expect(counted).toMatchObject({
    code: 0,
    said: {
      live: before.live + 3,
      expired: before.expired + expired,
      authenticated: before.authenticated + 2,
    },
  });
  expect(counted.said.bytes).toBeGreaterThan(0);
  expect(counted.said.anonymous).toBe(counted.said.live - counted.said.authenticated);

  const listed = await runJson("list", "--user", user, "--store", url);
  expect(listed.code).toBe(0);
  expect(listed.said.sessions.map(({ handle }: { handle: string }) => handle).sort()).toEqual(
    [one, other].sort(),
  );
  expect(JSON.stringify(listed.said)).not.toContain("geheim");

  expect(await runJson("revoke", stranger, "--user", user, "--store", url)).toEqual({
    code: 1,
    said: { user, ended: 0 },
  });
  expect(await runJson("revoke", one, "--user", user, "--store", url)).toEqual({
    code: 0,
    said: { user, ended: 1 },
  });
  expect(await store.read(one, call())).toBe(null);
  const third = await keep(store, { userId: user });
  const all = ["revoke", "--user", user, "--all", "--store", url];
  expect(await runJson(...all, "--except", other)).toEqual({ code: 0, said: { user, ended: 1 } });
  expect(await store.read(third, call())).toBe(null);
  expect(await store.read(other, call())).not.toBe(null);
  expect(await runJson(...all)).toEqual({ code: 0, said: { user, ended: 1 } });

  const dry = await runJson("clear-expired", "--dry-run", "--store", url);
  const cleared = await runJson("clear-expired", "--store", url);
  if (store.clearExpired) {
    expect(dry).toEqual({ code: 0, said: { expired: counted.said.expired, dryRun: true } });
    expect(cleared).toEqual({ code: 0, said: { deleted: counted.said.expired, interrupted: false } });
  } else {
    expect([dry, cleared]).toEqual(Array(2).fill({ code: 0, said: { deleted: 0, expiresNatively: true } }));
  }
  expect(await store.read(stranger, call())).not.toBe(null);
  const { code, said } = await runJson("doctor", "--store", url);
  expect({ code, ok: said.ok }).toEqual({ code: 0, ok: true });
}

for (const kind of [postgres, mariadb, redis]) {
  describeWithServer(kind, (server) => {
    test("every command works", () => everyCommand(server().url), 120_000);

    test("doctor says what is wrong, and exits with 1", async () => {
      const url = kind === redis ? server().url.replace(/\d+$/, "1") : `${server().url}?table=nowhere`;
      const { code, said } = await runJson("doctor", "--store", url);
      expect(code).toBe(1);
      expect(said.ok).toBe(false);
      const wrong = said.findings.filter(({ state }: { state: string }) => state === "wrong");
      expect(wrong).toEqual([
        {
          about: "store",
          state: "wrong",
          says: expect.stringMatching(kind === redis ? /ECONNREFUSED/ : /createTable/),
        },
      ]);
    });
  });
}

describeWithServer(redis, (server) => {
  test("doctor says that a server which evicts what was not used lately is wrong for sessions", async () => {
    cli(server(), "config", "set", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru");
    onTestFinished(() => {
      cli(server(), "config", "set", "maxmemory", "0", "maxmemory-policy", "noeviction");
    });
    const { code, said } = await runJson("doctor", "--store", server().url);
    expect(code).toBe(1);
    expect(said.findings).toContainEqual({
      about: "store",
      state: "wrong",
      says: expect.stringMatching(/maxmemory-policy allkeys-lru.*noeviction/s),
    });
  });
});

describe.skipIf(missing(redis))("on several Redis servers", () => {
  let cluster: RedisCluster;
  let site: RedisSentinel;
  beforeAll(async () => {
    [cluster, site] = await Promise.all([startRedisCluster(), startRedisSentinel("coats")]);
  }, 300_000);
  afterAll(() => Promise.all([cluster?.stop(), site?.stop()]));

  test("doctor looks at their clocks, and says what a failover would cost", async () => {
    for (const [url, nodes] of [
      [`redis+cluster://127.0.0.1:${cluster.nodes[0]?.port}`, cluster.nodes],
      [`redis+sentinel://127.0.0.1:${site.sentinel.port}/coats`, site.nodes],
    ] as const) {
      const before = await runJson("doctor", "--store", url);
      expect(before.code, url).toBe(0);
      expect(before.said.findings, url).toEqual([
        { about: "store", state: "advice", says: expect.stringContaining("min-replicas-to-write") },
        { about: "store", state: "good", says: expect.any(String) },
        { about: "clock", state: "good", says: expect.any(String) },
      ]);
      for (const node of nodes) cli(node, "config", "set", "min-replicas-to-write", "1");
      const after = await runJson("doctor", "--store", url);
      expect(after.said.findings.map(({ state }: { state: string }) => state)).toEqual(["good", "good"]);
    }
  }, 120_000);
});

describeWithServer(memcached, (server) => {
  test("what it cannot do is said, and what it can is done", async () => {
    const { url } = server();
    expect(await runJson("clear-expired", "--store", url)).toMatchObject({
      code: 0,
      said: { expiresNatively: true },
    });
    expect(await runJson("create-table", "--store", url)).toMatchObject({
      code: 0,
      said: { created: false },
    });
    expect(await runJson("stats", "--store", url)).toEqual({ code: 1, said: { stats: null } });
    for (const command of [["list"], ["revoke", "--all"]]) {
      const { code, err } = await run([...command, "--user", "ann", "--store", url]);
      expect({ code, err }).toEqual({
        code: 2,
        err: expect.stringMatching(/^This store keeps no list of a user's sessions/),
      });
    }
    expect(await runJson("doctor", "--store", url)).toMatchObject({ code: 0, said: { ok: true } });
  });
});

describe("on SQLite and files", () => {
  let url: string;
  let store: UrlStore;
  beforeEach(() => {
    url = `sqlite:${folder()}/site.sqlite3`;
    store = open(url);
  });

  test("every command works", async () => {
    await everyCommand(url);
    await everyCommand(`file:${folder()}/sessions`);
  }, 120_000);

  test("the store may be named in the environment", async () => {
    const { code, out } = await run(["stats"], { SESSION_STORE: url });
    expect(code).toBe(0);
    expect(out).toMatch(/^live sessions +0$/m);
  });

  test("doctor says what device-bound sessions need, and refuses settings that cannot bind them", async () => {
    const { code, said } = await runJson("doctor", "--device-bound", "--store", url);
    const device = said.findings.find(({ about }: { about: string }) => about === "device");
    expect([code, device.state, device.says]).toEqual([
      0,
      "advice",
      expect.stringMatching(/https.*trust proxy/),
    ]);
    const refused = await runJson(
      "doctor",
      "--device-bound",
      "--cookie-domain",
      "example.com",
      "--store",
      url,
    );
    expect(refused.code).toBe(2);
  });

  test("its words are for people, and show no data", async () => {
    const handle = await keep(store, { userId: "ann", authenticatedAt: Date.UTC(2026, 0, 2, 3, 4, 5) });
    await keep(store, { expiresAt: Date.now() - 1 });
    const say = async (...args: string[]) => (await run([...args, "--store", url])).out;
    expect(await say("stats")).toMatch(
      /live sessions +1\n {2}of users +1\n {2}anonymous +0\nexpired, to be cleared +1\noldest +2\d{3}-/,
    );
    const data = '{"secret":"geheim"}\n{"label":"Firefox on\\u001b[31m Linux"}';
    await keep(store, { userId: "ann", data });
    const listed = await say("list", "-u", "ann");
    expect(listed).toMatch(/^HANDLE +SIGNED IN +LAST SEEN +EXPIRES +LABEL\n/);
    expect(listed).toContain(`${handle}  2026-01-02 03:04:05Z`);
    expect(listed).toMatch(/ Firefox on\S*\[31m Linux\n/);
    expect(listed).not.toContain("\u001b");
    expect(listed).toMatch(/\n2 sessions\n$/);
    expect(listed).not.toContain("geheim");
    expect(await say("list", "-u", "bob")).toBe("bob has no sessions.\n");
    expect(await say("clear-expired", "-n")).toBe("1 session would be deleted.\n");
    expect(await say("clear-expired")).toBe("1 session deleted.\n");
    expect(await say("clear-expired")).toBe("0 sessions deleted.\n");
    expect(await say("revoke", handle, "-u", "ann")).toBe("The session of ann has ended.\n");
  });

  /** Expired rows, thousands at once, written past the store. */
  async function fill(expired: number, live: number): Promise<void> {
    await store.createTable?.();
    const database = new DatabaseSync(url.slice("sqlite:".length));
    const insert = database.prepare(`
      INSERT INTO coatcheck_sessions (id, data, version, created_at, expires_at, format)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
      SELECT lower(hex(randomblob(32))), '{}', i, 0, ? + i, 1 FROM n`);
    insert.run(expired, 1000);
    if (live > 0) insert.run(live, Date.now() + HOUR);
    database.close();
  }
  const counted = async () => {
    const { live, expired } = (await store.stats?.(call())) ?? {};
    return { live, expired };
  };

  test("a dry run deletes nothing", async () => {
    await fill(50, 5);
    expect(await runJson("clear-expired", "-n", "--store", url)).toMatchObject({ said: { expired: 50 } });
    expect(await counted()).toEqual({ live: 5, expired: 50 });
  });

  test("Ctrl-C stops after the batch under way, says how many, and leaves the rest", async () => {
    await fill(6000, 500);
    const args = ["clear-expired", "--batch-size", "100", "--json", "--store", url];
    const { ended } = start(args, interruptedAtFirstDelete);
    const { code, out, err } = await ended;
    expect({ code, err }).toEqual({ code: 130, err: "" });
    const { deleted, interrupted } = JSON.parse(out);
    expect(interrupted).toBe(true);
    expect(deleted % 100).toBe(0);
    expect(deleted).toBeGreaterThan(0);
    expect(deleted).toBeLessThan(6000);
    expect(await counted()).toEqual({ live: 500, expired: 6000 - deleted });
    expect(await runJson("clear-expired", "--store", url)).toMatchObject({
      code: 0,
      said: { deleted: 6000 - deleted },
    });
    expect(await counted()).toEqual({ live: 500, expired: 0 });
  }, 120_000);

  test("Ctrl-C stops the ending of a user's sessions too, and says how many have ended", async () => {
    await Promise.all(Array.from({ length: 1000 }, () => keep(store, { userId: "ann" })));
    const left = async () => (await store.listUser?.("ann", call()))?.length ?? 0;
    const args = ["revoke", "--user", "ann", "--all", "--json", "--store", url];
    const { ended } = start(args, interruptedAtFirstDelete);
    const { code, out, err } = await ended;
    expect({ code, err }).toEqual({ code: 130, err: "" });
    const said = JSON.parse(out);
    expect(said).toEqual({ user: "ann", ended: 1000 - (await left()), interrupted: true });
    expect(said.ended).toBeLessThan(1000);
    expect(await runJson("revoke", "--user", "ann", "--all", "--store", url)).toEqual({
      code: 0,
      said: { user: "ann", ended: 1000 - said.ended },
    });
  }, 120_000);

  test("on a terminal a bar shows how far it is, how fast, and how long it will take", async () => {
    await fill(30_000, 10);
    const { code, out } = await startOnTerminal(["clear-expired", "--batch-size", "500", "--store", url])
      .ended;
    expect(code).toBe(0);
    expect(out).toMatch(/█+ *░* \d+% \| [\d,]+\/30000 sessions \| \d+\/s \| \S+ left/);
    expect(out).toMatch(/100% \| 30000\/30000/);
    expect(out).toContain("30,000 sessions deleted.");
    const plain = await run(["clear-expired", "--store", url]);
    expect(plain).toEqual({ code: 0, out: "0 sessions deleted.\n", err: "" });
    await fill(100, 0);
    expect((await startOnTerminal(["clear-expired", "--json", "--store", url]).ended).out.trim()).toBe(
      '{"deleted":100,"interrupted":false}',
    );
  }, 120_000);

  test("doctor tells of a backlog, and of cookie settings that are unwise", async () => {
    await fill(20_000, 1);
    const flags = [
      "--cookie-name",
      "id",
      "--cookie-secure",
      "false",
      "--no-cookie-http-only",
      "--cookie-domain",
      "a.org",
    ];
    const { code, said } = await runJson("doctor", "--store", url, ...flags);
    expect(code).toBe(0);
    const advice = said.findings.filter(({ state }: { state: string }) => state === "advice");
    expect(advice.map(({ about }: { about: string }) => about)).toEqual([
      "clearing",
      ...Array(4).fill("cookie"),
    ]);
    const good = await run([
      "doctor",
      "--store",
      url,
      "--cookie-name",
      "__Host-id",
      "--cookie-same-site",
      "strict",
    ]);
    expect(good.out).toMatch(/^ok {6}cookie: its settings fit together$/m);
    const wrong = await run([
      "doctor",
      "--store",
      url,
      "--cookie-name",
      "__Host-id",
      "--cookie-domain",
      "a.org",
    ]);
    expect(wrong).toEqual({
      code: 2,
      out: "",
      err: expect.stringContaining("a __Host- name only without a domain"),
    });
  });

  test("doctor finds a table that is something else", async () => {
    new DatabaseSync(url.slice("sqlite:".length)).exec("CREATE TABLE coatcheck_sessions (id TEXT)");
    const { code, out } = await run(["doctor", "--store", url]);
    expect(code).toBe(1);
    expect(out).toMatch(/^WRONG {3}store: .*has not the columns/);
  });

  test("what is called wrongly ends with 2, and says how it is called", async () => {
    const wrong: [string[], RegExp][] = [
      [["stats"], /give --store, or set SESSION_STORE/],
      [["stats", "--store", "nonsense://ann:geheim@host"], /takes a URL of one of the forms/],
      [["stats", "--store", url, "--timeout", "soon"], /--timeout.*It must be a number above 0/s],
      [["clear-expired", "--store", url, "--batch-size", "0"], /It must be a whole number above 0/],
      [["clear-expired", "--store", url, "--batch-size", "1.5"], /It must be a whole number above 0/],
      [["list", "--store", url], /required option.*--user/],
      [["revoke", "--user", "ann", "--store", url], /the handle of one session, or --all/],
      [["revoke", "x", "--all", "--user", "ann", "--store", url], /the handle of one session, or --all/],
      [["revoke", "x", "--except", "y", "--user", "ann", "--store", url], /only with --all/],
      [["doctor", "--store", url, "--cookie-same-site", "loose"], /Allowed choices are lax, strict, none/],
      [["sweep"], /unknown command 'sweep'/],
      [["postgres://ann:geheim@host/db"], /A command is missing before the URL/],
      [["--store", "postgres://ann:geheim@host/db"], /A command is missing before --store/],
      [["--store=postgres://ann:geheim@host/db"], /A command is missing before --store/],
      [["--json", "--store", "redis://:geheim@host"], /A command is missing before --json/],
      [["stats", "--store", url, "--timeout", "redis://:geheim@host"], /--timeout.*above 0/s],
      [["doctor", "--store", url, "--cookie-same-site", "redis://:geheim@host"], /Allowed choices are/],
      [["stats", "--stor=redis://:geheim@host"], /unknown option/],
      [["stats", "redis://ann:geheim@host", "--store", url], /too many arguments/],
      [["stats", "--store", url, "--colour"], /unknown option '--colour'/],
      [[], /Usage: coatcheck/],
    ];
    for (const [args, says] of wrong) {
      const { code, out, err } = await run(args);
      expect({ args, code, out }).toEqual({ args, code: 2, out: "" });
      expect(err).toMatch(says);
      expect(err).not.toContain("geheim");
    }
    const { code, said } = await runJson("stats", "--store", "nonsense:");
    expect({ code, said }).toEqual({ code: 2, said: { error: expect.stringContaining("takes a URL") } });
  }, 120_000);

  test("says its version", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const flag of ["--version", "-V"])
      expect(await run([flag])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  test("a reader that has seen enough ends it quietly, with its work done", async () => {
    for (let n = 0; n < 3; n++) await keep(store, { expiresAt: Date.now() - 1000 });
    const { child, ended } = start(["clear-expired", "--store", url]);
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 0, out: "", err: "" });
    expect(await counted()).toEqual({ live: 0, expired: 0 });
    const help = start(["--help"]);
    help.child.stdout?.destroy();
    expect(await help.ended).toEqual({ code: 0, out: "", err: "" });
  });

  test("help has examples for every command", async () => {
    const { code, out } = await run(["--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(/Exit codes: 0 done, 1 .*, 2 .*, 130/);
    for (const name of ["clear-expired", "create-table", "stats", "list", "revoke", "doctor"]) {
      expect(out).toContain(`  ${name} `);
      const help = await run([name, "--help"]);
      expect(help).toMatchObject({
        code: 0,
        err: "",
        out: expect.stringContaining(`Examples:\n  $ coatcheck ${name}`),
      });
    }
  }, 120_000);
});

describe("a store that is down", () => {
  test("is said to be, without its password, and ends with 1", async () => {
    for (const scheme of ["postgres", "mysql", "redis"]) {
      const url = `${scheme}://ann:geheim@127.0.0.1:1/0`;
      for (const name of ["stats", "create-table", "doctor"]) {
        if (scheme === "redis" && name === "create-table") continue;
        const { code, out, err } = await run([name, "--store", url]);
        expect({ scheme, name, code }).toEqual({ scheme, name, code: 1 });
        expect(out + err).toContain("ECONNREFUSED");
        expect(out + err).not.toContain("geheim");
      }
      const { code, said } = await runJson("stats", "--store", url);
      expect({ code, said }).toEqual({ code: 1, said: { error: expect.stringContaining("ECONNREFUSED") } });
    }
  }, 120_000);

  test("is given up when it says nothing", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as { port: number };
    for (const name of ["stats", "create-table", "doctor"]) {
      const { code, out, err } = await run([
        name,
        "--timeout",
        "1",
        "--store",
        `mysql://u:p@127.0.0.1:${port}/d`,
      ]);
      expect(code).toBe(1);
      expect(out + err).toContain("no answer within 1 s");
    }
  }, 120_000);
});

describe("packages that are missing", () => {
  test("are named, and how to install them: the command's own, and a driver", async () => {
    const path = folder();
    cpSync(join(root, "src"), join(path, "src"), { recursive: true });
    const bin = () =>
      promisify(execFile)(process.execPath, ["src/cli/coatcheck.ts", "stats", "--store", "postgres://h"], {
        cwd: path,
      }).then(
        () => ({ code: 0, stderr: "" }),
        (error: { code: number; stderr: string }) => error,
      );
    expect(await bin()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("npm install commander cli-progress"),
    });
    mkdirSync(join(path, "node_modules"));
    symlinkSync(join(root, "node_modules/commander"), join(path, "node_modules/commander"));
    expect(await bin()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("needs the package pg, which is not installed. Run: npm install pg"),
    });
  });
});
