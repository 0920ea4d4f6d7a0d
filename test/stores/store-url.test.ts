import { execFile } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { promisify } from "node:util";
import { memoryStore, type Store, type StoreCall, type StoredRecord, type StoreId } from "coatcheck";
import { fileStore } from "coatcheck/file";
import { memcachedStore } from "coatcheck/memcached";
import { mysqlStore } from "coatcheck/mysql";
import { postgresStore } from "coatcheck/postgres";
import { redisStore } from "coatcheck/redis";
import { sqliteStore } from "coatcheck/sqlite";
import { storeFromUrl, type UrlStore } from "coatcheck/store-url";
import { testStore } from "coatcheck/testing";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from "vitest";
import { selfMadeCertificate } from "../instruments/self-made-certificate.ts";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { type RedisCluster, startRedisCluster } from "../servers/redis-cluster.ts";
import { cli } from "../servers/redis-nodes.ts";
import { type RedisSentinel, startRedisSentinel } from "../servers/redis-sentinel.ts";
import type { ServerKind } from "../servers/server.ts";
import { missing } from "../servers/start.ts";
import { describeWithServer } from "../servers/suite.ts";

const root = join(import.meta.dirname, "../..");
const HOUR = 3_600_000;
const newId = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;
const call = (milliseconds = 10_000): StoreCall => ({
  signal: AbortSignal.timeout(milliseconds),
  now: Date.now(),
});
let versions = 0;
function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const now = Date.now();
  const times = { createdAt: now, authenticatedAt: null, expiresAt: now + HOUR, expiry: null };
  return { data: '{"n":1}', version: ++versions, userId: null, ...times, format: 1, ...changes };
}

/** A folder of the test's own. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "coatcheck-url-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Calls every verb once, by one store and by another over the same data. */
async function works(url: string): Promise<void> {
  const [here, elsewhere] = [storeFromUrl(url), storeFromUrl(url)];
  onTestFinished(() => Promise.all([here.close(), elsewhere.close()]).then(() => {}));
  await here.createTable?.();
  await here.check?.(call());
  const user = newId();
  const [id, to, first, second] = [newId(), newId(), record({ userId: user }), record({ userId: user })];
  expect(await here.create(id, first, call())).toBe(true);
  expect(await elsewhere.read(id, call())).toEqual(first);
  expect(await elsewhere.update(id, second, first.version, call())).toBe("saved");
  expect(await here.update(id, record(), first.version, call())).toBe("conflict");
  expect(await here.touch(id, second.expiresAt + 1, second.version, call())).toBe(true);
  expect(await here.rotate(id, to, first, second.version, call())).toBe("saved");
  expect(await elsewhere.read(id, call())).toBe("moved");
  if (here.listUser) expect(await here.listUser(user, call())).toEqual([to]);
  if (here.stats) expect((await here.stats(call())).live).toBeGreaterThanOrEqual(1);
  if (here.clearExpired) expect(await here.clearExpired({ ...call(), limit: 1 })).toBe(0);
  if (here.serverTime) expect(Math.abs((await here.serverTime()) - Date.now())).toBeLessThan(5000);
  expect(await elsewhere.delete(id, call())).toEqual({ movedTo: to });
  expect(await elsewhere.delete(to, call())).toBe(undefined);
  expect(await here.read(to, call())).toBe(null);
}

/** The address of a server, with a login that it does not ask for left out. */
const address = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;

describe("a URL without a server", () => {
  test("sqlite: and file:, by a relative and an absolute path", async () => {
    const path = folder();
    await works(`sqlite:${path}/site.sqlite3`);
    expect(existsSync(`${path}/site.sqlite3`)).toBe(true);
    await works(`sqlite://${path}/other.sqlite3`);
    expect(existsSync(`${path}/other.sqlite3`)).toBe(true);
    await works(`file:${path}/sessions`);
    expect(existsSync(`${path}/sessions`)).toBe(true);
    await works(`file://${path}/others`);
    expect(existsSync(`${path}/others`)).toBe(true);
    const before = process.cwd();
    process.chdir(path);
    onTestFinished(() => process.chdir(before));
    await works("sqlite:relative.sqlite3");
    expect(existsSync(`${path}/relative.sqlite3`)).toBe(true);
  });

  test("a relative path is where the process was when the store was made", async () => {
    const [path, other, before] = [folder(), folder(), process.cwd()];
    process.chdir(path);
    onTestFinished(() => process.chdir(before));
    const stores = ["sqlite:relative.sqlite3", "file:relative"].map(storeFromUrl);
    const files = fileStore("files");
    process.chdir(other);
    for (const store of [...stores, files]) expect(await store.create(newId(), record(), call())).toBe(true);
    for (const store of stores) await store.close();
    expect(readdirSync(path).sort()).toEqual(["files", "relative", "relative.sqlite3"]);
    expect(readdirSync(other)).toEqual([]);
  });

  test("memory: is a store of its own each time", async () => {
    const [one, other] = [storeFromUrl("memory:"), storeFromUrl("memory:")];
    const id = newId();
    await one.create(id, record(), call());
    expect(await other.read(id, call())).toBe(null);
    await one.close();
  });
});

testStore(
  "sqlite: by URL",
  () => {
    const path = mkdtempSync(join(tmpdir(), "coatcheck-url-"));
    const [store, elsewhere] = [1, 2].map(() => storeFromUrl(`sqlite:${path}/site.sqlite3`)) as [
      UrlStore,
      UrlStore,
    ];
    return {
      store,
      elsewhere,
      async dispose() {
        await Promise.all([store.close(), elsewhere.close()]);
        rmSync(path, { recursive: true });
      },
    };
  },
  { describe, it, without: ["peek"] },
);

for (const kind of [postgres, mariadb]) {
  describeWithServer(kind, (server) => {
    test("works by URL, in the table that the URL names", async () => {
      await works(server().url);
      await works(`${server().url}?table=other_site`);
      const [one, other] = [storeFromUrl(server().url), storeFromUrl(`${server().url}?table=other_site`)];
      const id = newId();
      await one.create(id, record(), call());
      expect(await other.read(id, call())).toBe(null);
      await Promise.all([one.close(), other.close()]);
    });

    test("gives the rest of the query to the driver", async () => {
      const option = kind === postgres ? "application_name=coats" : "dateStrings=true";
      await works(`${server().url}?${option}&table=other_site`);
    });

    test("a missing table is said to be missing, and how to make it", async () => {
      const store = storeFromUrl(`${server().url}?table=nowhere`);
      await expect(store.check?.(call())).rejects.toThrow(/createTable/);
      await store.close();
    });
  });
}

describeWithServer(redis, (server) => {
  test("works by URL, with prefix, database and login", async () => {
    await works(server().url);
    await works(`redis://${address(server())}/3?prefix=shop:`);
    expect(cli(server(), "-n", "3", "dbsize").trim()).not.toBe("0");
    cli(server(), "acl", "setuser", "ann", "on", ">p@ss:w/rd%", "~*", "&*", "+@all");
    await works(`redis://ann:${encodeURIComponent("p@ss:w/rd%")}@${address(server())}`);
    const wrong = storeFromUrl(`redis://ann:nonsense@${address(server())}`);
    await expect(wrong.read(newId(), call())).rejects.toThrow(/WRONGPASS/);
    await wrong.close();
  });

  test("hands `wait` on", async () => {
    const store = storeFromUrl(`${server().url}?wait=all`);
    await expect(store.create(newId(), record(), call(3000))).rejects.toThrow(/0 of 1 replicas/);
    await store.close();
    const wrong = storeFromUrl(`${server().url}?wait=never`);
    await expect(wrong.read(newId(), call())).rejects.toThrow(/option wait takes/);
  });
});

const { key, cert } = missing(redis) ? { key: "", cert: "" } : selfMadeCertificate();

/** Redis that speaks TLS alone. */
const redisWithTls: ServerKind = {
  ...redis,
  name: "redis with TLS",
  variable: "",
  args(folder, port) {
    const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
    writeFileSync(files.key, key);
    writeFileSync(files.cert, cert);
    const tls = ["--tls-cert-file", files.cert, "--tls-key-file", files.key, "--tls-auth-clients", "no"];
    return [...redis.args(folder, 0), "--tls-port", `${port}`, ...tls];
  },
  ready: (port) =>
    new Promise((resolve) => {
      const socket = connectTls({ port, host: "127.0.0.1", ca: cert }, () => resolve(true));
      socket.on("secureConnect", () => socket.destroy()).on("error", () => resolve(false));
    }),
};

describeWithServer(redisWithTls, (server) => {
  const program = (url: string) => `
    const { storeFromUrl } = await import("coatcheck/store-url");
    const store = storeFromUrl(${JSON.stringify(url)});
    const call = { signal: AbortSignal.timeout(5000), now: 0 };
    console.log(String(await store.read("0".repeat(64), call).catch((error) => error.code ?? error.message)));
    await store.close();`;
  const node = async (url: string, env: NodeJS.ProcessEnv) => {
    const options = [
      "--import",
      join(root, "test/runner/from-source.ts"),
      "--input-type=module",
      "--eval",
      program(url),
    ];
    return (
      await promisify(execFile)(process.execPath, options, { env: { ...process.env, ...env } })
    ).stdout.trim();
  };

  test("rediss:// works with a certificate that Node trusts, and with no other", async () => {
    const path = folder();
    writeFileSync(join(path, "ca.pem"), cert);
    const url = `rediss://127.0.0.1:${server().port}`;
    expect(await node(url, { NODE_EXTRA_CA_CERTS: join(path, "ca.pem") })).toBe("null");
    expect(await node(url, {})).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY/);
  });
});

describe.skipIf(missing(redis))("on several Redis servers", () => {
  let cluster: RedisCluster | undefined;
  let site: RedisSentinel | undefined;
  beforeAll(async () => {
    [cluster, site] = await Promise.all([startRedisCluster(), startRedisSentinel("coats")]);
  }, 300_000);
  afterAll(() => Promise.all([cluster?.stop(), site?.stop()]));

  test("redis+cluster:// works, by any of its nodes", async () => {
    const [first, second] = (cluster as RedisCluster).nodes.map(address);
    await works(`redis+cluster://${first},${second}`);
    await works(`redis+cluster://${second}?prefix=shop:`);
  });

  test("redis+sentinel:// works, by the master's name", async () => {
    const { sentinel } = site as RedisSentinel;
    await works(`redis+sentinel://${address(sentinel)}/coats`);
    await works(`redis+sentinel://${address(sentinel)}/coats/2`);
  });
});

describeWithServer(memcached, (server) => {
  test("works by URL", async () => {
    await works(server().url);
    await works(`${server().url}?prefix=shop:`);
  });
});

describe("what is known before the driver is there", () => {
  const nothing = () => {};
  const stores: Record<string, () => Store> = {
    "sqlite:x": () => sqliteStore(":memory:"),
    "file:x": () => fileStore(join(tmpdir(), "coatcheck-never-made")),
    "postgres://h": () => postgresStore({ pool: { connect: nothing } as never }),
    "postgresql://h": () => postgresStore({ pool: { connect: nothing } as never }),
    "mysql://h": () => mysqlStore({ pool: { getConnection: nothing } as never }),
    "mariadb://h": () => mysqlStore({ pool: { getConnection: nothing } as never }),
    "memcached://h": () =>
      memcachedStore({ client: { gets: nothing, add: nothing, cas: nothing, cmd: nothing } as never }),
    "memory:": () => memoryStore(),
  };
  for (const scheme of [
    "redis",
    "rediss",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
    "rediss+sentinel",
  ]) {
    stores[`${scheme}://h${scheme.endsWith("sentinel") ? "/coats" : ""}`] = () =>
      redisStore({ client: { isOpen: true, sendCommand: nothing, multi: nothing } as never });
  }

  for (const [url, make] of Object.entries(stores)) {
    test(`${url} has the verbs and capabilities of its store`, () => {
      const { serverTime, close, ...store } = storeFromUrl(url);
      const { close: _close, ...real } = make();
      expect(Object.keys(store).sort()).toEqual(Object.keys(real).sort());
      expect(store.capabilities).toEqual(real.capabilities);
      expect(typeof close).toBe("function");
      const hasServer = !/^(sqlite|file|memory):/.test(url);
      expect(typeof serverTime).toBe(hasServer ? "function" : "undefined");
    });
  }
});

describe("a URL that cannot work", () => {
  const wrong: Record<string, string> = {
    "": "has no scheme",
    "/var/sessions": "has no scheme",
    "mongodb://ann:geheim@host/db": "begins with mongodb:",
    "constructor:x": "begins with constructor:",
    "Postgres://host": "has no scheme",
    "sqlite:": "has no path",
    "file:": "has no path",
    "file://host/geheim": "has no path",
    "memory:x": "begins with memory:",
    "postgres:": "cannot be read",
    "postgres://ann:geheim@ho st/db": "cannot be read",
    "mysql://ann:geheim@host:port/db": "cannot be read",
    "redis://": "has something else where hosts belong",
    "redis://ann:geheim@host:99999": "has something else where hosts belong",
    "redis://ann:geheim@host1,host2": "has several hosts",
    "redis://ann:geheim@host/coats": "has a database that is no number",
    "redis://ann:geheim%@host": "has a % that means nothing",
    "redis://host?prefx=a": "has other options than prefix, wait",
    "redis+cluster://host1,host2/3": "a cluster has one database",
    "redis+sentinel://ann:geheim@host1,host2": "has not the master's name",
    "redis+other://host": "begins with redis+other:",
    "memcached://host1,host2": "has more than a host",
    "memcached://ann:geheim@host": "has more than a host",
    "memcached://[::1]:11211": "has an IPv6 address",
  };
  for (const [url, why] of Object.entries(wrong)) {
    test(`${JSON.stringify(url.replace("geheim", "…"))} ${why}`, () => {
      let said = "";
      try {
        storeFromUrl(url);
      } catch (error) {
        said = String(error);
      }
      expect(said).toContain(why);
      expect(said).toMatch(
        /^SettingsError: The option store takes a URL of one of the forms .*redis\+sentinel/,
      );
      expect(said).not.toContain("geheim");
    });
  }

  test("what is no text is refused too", () => {
    for (const url of [undefined, null, 7, {}])
      expect(() => storeFromUrl(url as never)).toThrow(/has no scheme|begins with/);
  });
});

describe("a server that does not answer", () => {
  test("is given up after five seconds, while connecting", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const givenUp = async (url: string) => {
      const store = storeFromUrl(url);
      const given = call(20_000);
      await expect(store.read(newId(), given), url).rejects.toThrow();
      expect(given.signal.aborted, "the call's own deadline has not come").toBe(false);
      void store.close();
    };
    const urls = ["postgres://u:p@H/d", "mysql://u:p@H/d", "memcached://H"];
    await Promise.all(urls.map((url) => givenUp(url.replace("H", `127.0.0.1:${port}`))));
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test("that is not there rejects at once, and is asked again at the next call", async () => {
    for (const url of ["postgres://H/d", "mysql://H/d", "redis://H", "redis+cluster://H", "memcached://H"]) {
      const store = storeFromUrl(url.replace("H", "127.0.0.1:1"));
      for (let times = 0; times < 2; times++) {
        const given = call();
        await expect(store.read(newId(), given), url).rejects.toThrow();
        expect(given.signal.aborted, `${url}: the call's own deadline has not come`).toBe(false);
      }
      await store.close();
      await expect(store.read(newId(), call()), url).rejects.toThrow(/was closed/);
    }
  });
});

describe("drivers", () => {
  const node = (cwd: string, program: string, ...options: string[]) =>
    promisify(execFile)(process.execPath, [...options, "--input-type=module", "--eval", program], { cwd });

  test("are loaded only when their store is used, and let the process end when it is closed", async () => {
    const program = `
      import { registerHooks } from "node:module";
      const loaded = new Set();
      const drivers = ["pg", "mysql2/promise.js", "redis", "memcache-client", "node:sqlite", "better-sqlite3"];
      const note = (name) => { if (drivers.includes(name)) loaded.add(name); };
      registerHooks({ resolve(name, context, next) { note(name); return next(name, context); } });
      const { getBuiltinModule } = process;
      process.getBuiltinModule = (name) => { note(name); return getBuiltinModule(name); };
      const { storeFromUrl } = await import("coatcheck/store-url");
      const urls = ["postgres://127.0.0.1:1", "mysql://127.0.0.1:1", "redis://127.0.0.1:1", "memcached://127.0.0.1:1", "sqlite::memory:"];
      const stores = urls.map(storeFromUrl);
      const seen = [[...loaded]];
      for (const store of stores) {
        loaded.clear();
        await store.read("0".repeat(64), { signal: AbortSignal.timeout(5000), now: 0 }).catch(() => {});
        seen.push([...loaded]);
        await store.close();
      }
      console.log(JSON.stringify(seen));`;
    const { stdout } = await node(folder(), program, "--import", join(root, "test/runner/from-source.ts"));
    expect(JSON.parse(stdout)).toEqual([
      [],
      ["pg"],
      ["mysql2/promise.js"],
      ["redis"],
      ["memcache-client"],
      ["node:sqlite"],
    ]);
  });

  test("that are missing are named, and how to install them", async () => {
    const path = folder();
    cpSync(join(root, "src"), join(path, "src"), { recursive: true });
    const program = `
      import { storeFromUrl } from "./src/stores/store-url.ts";
      for (const scheme of ["postgres", "mysql", "redis", "memcached"]) {
        const store = storeFromUrl(scheme + "://127.0.0.1:1");
        await store.read("0".repeat(64), { signal: AbortSignal.timeout(5000), now: 0 }).catch((error) => console.log(error.message));
      }`;
    const { stdout } = await node(path, program);
    for (const name of ["pg", "mysql2", "redis", "memcache-client"])
      expect(stdout).toContain(
        `needs the package ${name}, which is not installed. Run: npm install ${name}\n`,
      );
    // A package that is installed but fails to load is not called missing.
    mkdirSync(join(path, "node_modules"));
    symlinkSync(join(root, "node_modules/pg"), join(path, "node_modules/pg"));
    expect((await node(path, program)).stdout).not.toContain("npm install pg");
  });
});
