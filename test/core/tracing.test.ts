/** The tracing channels tell of each call of the store and of each commit, in the order and with the messages of Node's `tracePromise`. */
import { AsyncLocalStorage } from "node:async_hooks";
import { type TracingChannelSubscribers, tracingChannel } from "node:diagnostics_channel";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createSessions,
  memoryStore,
  type Options,
  type Session,
  type Store,
  StoreUnavailableError,
  type TracedCall,
  type TracedCommit,
} from "coatcheck";
import { cachedStore } from "coatcheck/cached";
import { encryptedCookieStore, signedCookieStore } from "coatcheck/cookies";
import { d1Store } from "coatcheck/d1";
import { djangoStore } from "coatcheck/django";
import { encryptedStore } from "coatcheck/encrypted";
import { connectStore, MemoryStore } from "coatcheck/express-session";
import { fileStore } from "coatcheck/file";
import { libsqlStore } from "coatcheck/libsql";
import { memcachedStore } from "coatcheck/memcached";
import { mysqlStore } from "coatcheck/mysql";
import { postgresStore } from "coatcheck/postgres";
import { redisStore } from "coatcheck/redis";
import { sqliteStore } from "coatcheck/sqlite";
import { storeFromUrl } from "coatcheck/store-url";
import { unstorageStore } from "coatcheck/unstorage";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { faultyStore } from "../instruments/faulty-store.ts";
import { heldStore } from "../instruments/held-store.ts";

interface Heard {
  readonly channel: "store" | "commit";
  readonly event: "start" | "end" | "asyncStart" | "asyncEnd" | "error";
  readonly message: TracedCall & TracedCommit;
}

/** Listens to both channels until the test has ended. */
function overhearTraces() {
  const heard: Heard[] = [];
  for (const channel of ["store", "commit"] as const) {
    const note = (event: Heard["event"]) => (message: unknown) =>
      void heard.push({ channel, event, message: message as Heard["message"] });
    const subscribers = Object.fromEntries(
      (["start", "end", "asyncStart", "asyncEnd", "error"] as const).map((event) => [event, note(event)]),
    ) as unknown as TracingChannelSubscribers<object>;
    tracingChannel(`coatcheck:${channel}`).subscribe(subscribers);
    onTestFinished(() => void tracingChannel(`coatcheck:${channel}`).unsubscribe(subscribers));
  }
  const over = (channel: Heard["channel"]) =>
    heard
      .filter((one) => one.channel === channel && one.event === "asyncEnd")
      .map(({ message }) => ({ ...message }));
  return {
    heard,
    calls: () => over("store").map(({ operation, result }) => `${operation}: ${result}`),
    commits: () => over("commit").map(({ result }) => `${result?.outcome}, ${result?.attempts}`),
    errors: () => heard.filter(({ event }) => event === "error").map(({ message }) => message.error),
  };
}

const site = (options: Options = {}) => {
  const sessions = createSessions({ store: memoryStore(), ...options });
  return { sessions, browser: new Browser(sessions) };
};

describe("each commit and each call of the store is told with what came of it", () => {
  const set = (session: Session) => void session.set("a", session.get("a", 0) + 1);
  const rows: [name: string, came: boolean, act: (s: Session) => unknown, calls: string, commits: string][] =
    [
      ["nothing", false, () => {}, "", ""],
      ["nothing", true, () => {}, "read: found", ""],
      ["a write", false, set, "create: saved", "created, 1"],
      ["a write", true, set, "read: found, update: saved", "saved, 1"],
      ["login()", true, (s) => s.login("ann"), "read: found, rotate: saved", "rotated, 1"],
      ["cycleKey()", true, (s) => s.cycleKey(), "read: found, rotate: saved", "rotated, 1"],
      ["logout()", true, (s) => s.logout(), "read: found, delete: done", "ended, 0"],
      ["flush() of nothing", false, (s) => s.flush(), "", "nothing, 0"],
      [
        "flush() and a write",
        true,
        (s) => {
          s.flush();
          set(s);
        },
        "read: found, create: saved, delete: done",
        "created, 1",
      ],
      [
        "save() and a write",
        true,
        async (s) => {
          set(s);
          await s.save();
          set(s);
        },
        "read: found, update: saved, update: saved",
        "saved, 1, saved, 1",
      ],
    ];

  it.each(rows)("%s, came before: %s", async (_name, came, act, calls, commits) => {
    const { browser } = site();
    if (came) await browser.visit(set);
    const traces = overhearTraces();
    await browser.visit(act);
    expect([traces.calls().sort().join(", "), traces.commits().join(", ")]).toEqual([
      calls.split(", ").sort().join(", "),
      commits,
    ]);
  });

  it("a touch", async () => {
    let now = Date.now();
    const { browser } = site({ idleTimeout: 1000, clock: () => now });
    await browser.visit(set);
    now += 500_000;
    const traces = overhearTraces();
    await browser.visit();
    expect([traces.calls(), traces.commits()]).toEqual([["read: found", "touch: saved"], ["touched, 0"]]);
  });

  it("a request whose session another one ended", async () => {
    const { browser } = site();
    await browser.visit(set);
    const slow = await browser.open();
    await browser.copy().visit((session) => session.logout());
    const traces = overhearTraces();
    set(slow);
    await browser.copy().respond(slow);
    expect([traces.calls(), traces.commits()]).toEqual([["update: gone"], ["interrupted, 1"]]);
  });

  it("a request whose key another one changed goes on there", async () => {
    const { browser } = site();
    await browser.visit(set);
    const slow = await browser.open();
    await browser.copy().visit((session) => session.cycleKey());
    const traces = overhearTraces();
    set(slow);
    await browser.copy().respond(slow);
    expect([traces.calls(), traces.commits()]).toEqual([
      ["update: moved", "update: conflict", "read: found", "update: saved"],
      ["saved, 3"],
    ]);
  });

  it("a replay: the second attempt is on the record of the other", async () => {
    const store = memoryStore();
    const [here, there] = [site({ store }), site({ store })];
    await here.browser.visit(set);
    const slow = await here.browser.open();
    const other = new Browser(there.sessions);
    for (const [name, value] of here.browser.jar) other.jar.set(name, value);
    await other.visit((session) => session.set("b", 1));
    const traces = overhearTraces();
    set(slow);
    await here.browser.respond(slow);
    expect([traces.calls(), traces.commits()]).toEqual([
      ["update: conflict", "read: found", "update: saved"],
      ["saved, 2"],
    ]);
  });

  it("listing, counting and clearing", async () => {
    const { browser, sessions } = site();
    await browser.visit((session) => session.login("ann"));
    const traces = overhearTraces();
    await sessions.revokeUser("ann");
    await sessions.stats();
    await sessions.clearExpired();
    expect(traces.calls()).toEqual([
      "listUser: 1",
      "delete: done",
      "listUser: 0",
      "stats: done",
      "clearExpired: 0",
    ]);
  });
});

it("requests that share a write have a commit each, and one call of the store", async () => {
  const { store, hold } = heldStore(memoryStore());
  const { browser } = site({ store });
  await browser.visit((session) => session.set("n", 0));
  const opened = await Promise.all([1, 2, 3].map(() => browser.open()));
  for (const session of opened) session.update("n", (n = 0) => n + 1);
  const traces = overhearTraces();
  const first = hold("update", "before");
  const responses = opened.map((session) => browser.copy().respond(session));
  await first.arrived;
  first.release();
  await Promise.all(responses);
  expect([traces.calls(), traces.commits()]).toEqual([
    ["update: saved", "update: saved"],
    ["saved, 1", "saved, 1", "saved, 1"],
  ]);
});

it("calls that share a round trip have a trace each, from beginning to end in the context of their request", async () => {
  const { browser } = site({ store: sqliteStore(":memory:") });
  await browser.visit((session) => session.set("n", 0));
  const context = new AsyncLocalStorage<number>();
  const seen: string[] = [];
  const { start, asyncEnd } = tracingChannel("coatcheck:store");
  const note = (event: string) => (message: unknown) =>
    void seen.push(`${event} ${(message as TracedCall).operation} of ${context.getStore()}`);
  const [begins, ends] = [note("start"), note("end")];
  start.subscribe(begins);
  asyncEnd.subscribe(ends);
  onTestFinished(() => void [start.unsubscribe(begins), asyncEnd.unsubscribe(ends)]);
  await Promise.all([1, 2, 3].map((n) => context.run(n, () => browser.copy().open())));
  const each = [1, 2, 3].flatMap((n) => [`start read of ${n}`, `end read of ${n}`]);
  expect(seen.toSorted()).toEqual(each.toSorted());
  expect(seen.slice(0, 3)).toEqual(each.filter((line) => line.startsWith("start")));
});

it("a trace begins before the call and ends before its request goes on", async () => {
  const { browser } = site();
  await browser.visit((session) => session.set("a", 1));
  const { heard } = overhearTraces();
  const session = await browser.open();
  const order = ["start", "end", "asyncStart", "asyncEnd"];
  expect(heard.map(({ event }) => event)).toEqual(order);
  session.set("a", 2);
  await browser.respond(session);
  expect(heard.slice(4).map(({ channel, event }) => `${channel} ${event}`)).toEqual([
    "commit start",
    "store start",
    "store end",
    "commit end",
    "store asyncStart",
    "store asyncEnd",
    "commit asyncStart",
    "commit asyncEnd",
  ]);
});

it("a store that fails is an error of the call, and of the commit that needed it", async () => {
  const { store, breaks } = faultyStore(memoryStore());
  const { browser } = site({ store });
  await browser.visit((session) => session.set("a", 1));
  const traces = overhearTraces();
  breaks("update");
  breaks("read");
  await expect(browser.open()).rejects.toBeInstanceOf(StoreUnavailableError);
  expect(traces.errors()).toEqual([expect.any(StoreUnavailableError)]);
  const fresh = await browser
    .copy()
    .open()
    .catch(() => null);
  expect(fresh).toBeNull();
});

it("a commit that fails is told with its status and its error", async () => {
  const { store, breaks } = faultyStore(memoryStore());
  const { browser } = site({ store });
  const { heard } = overhearTraces();
  breaks("create");
  const failing = browser.visit((session) => session.set("a", 1), 201);
  await expect(failing).rejects.toBeInstanceOf(StoreUnavailableError);
  const told = heard.filter(({ event }) => event === "error").map(({ channel }) => channel);
  expect(told).toEqual(["store", "commit"]);
  const commit = heard.find(({ channel }) => channel === "commit")?.message;
  expect(commit).toEqual({ status: 201, error: expect.any(StoreUnavailableError) });
});

it("no key, id, user or data is told", async () => {
  const store = memoryStore();
  const { browser } = site({ store });
  const { heard } = overhearTraces();
  const secrets: string[] = [];
  await browser.visit((session) => session.set("colour", "mauve"));
  secrets.push(browser.key as string);
  await browser.visit((session) => session.login("ann-of-cleves"));
  secrets.push(browser.key as string);
  const session = await browser.open();
  secrets.push(session.handle as string);
  const known = heard.map(({ message }) => Object.keys(message));
  expect(new Set(known.flat())).toEqual(new Set(["operation", "store", "status", "result"]));
  const told = JSON.stringify(heard);
  for (const secret of ["mauve", "ann-of-cleves", ...secrets]) expect(told).not.toContain(secret);
});

it("calls and commits run in the context of their request, and a store in that of its call", async () => {
  const context = new AsyncLocalStorage<string>();
  const seen: string[] = [];
  const inner = memoryStore();
  const store: typeof inner = {
    ...inner,
    async update(...given) {
      seen.push(`within: ${context.getStore()}`);
      return inner.update(...given);
    },
  };
  const { browser } = site({ store });
  await browser.visit((session) => session.set("a", 1));
  for (const name of ["store", "commit"]) {
    const { start } = tracingChannel<string, TracedCall & TracedCommit>(`coatcheck:${name}`);
    start.bindStore(context, () => `${context.getStore()} > ${name}`);
    onTestFinished(() => void start.unbindStore(context));
  }
  await context.run("request", () => browser.visit((session) => session.set("a", 2)));
  expect(seen).toEqual(["within: request > commit > store"]);
});

it("a store is told by its name: also where it is wrapped, and `store` where it has none", async () => {
  const { heard } = overhearTraces();
  const { name: _, ...nameless } = memoryStore();
  const encrypted = encryptedStore({
    store: memoryStore(),
    secrets: ["a secret of at least 32 characters."],
  });
  for (const store of [memoryStore(), encrypted, nameless])
    await site({ store }).browser.visit((session) => session.set("a", 1));
  const names = heard.filter(({ channel, event }) => channel === "store" && event === "start");
  expect(names.map(({ message }) => message.store)).toEqual(["memory", "memory", "store"]);
});

/** Has every method, and answers nothing: no store asks its client for anything before the first call. */
const client = new Proxy({}, { get: () => () => undefined }) as never;
const secrets = ["a secret of at least 32 characters."];

it.each<[string, () => Store]>([
  ["cached", () => cachedStore({ cache: memoryStore(), store: memoryStore() })],
  ["connect", () => connectStore(new MemoryStore())],
  ["cookies", () => signedCookieStore({ secrets })],
  ["cookies", () => encryptedCookieStore({ secrets })],
  ["d1", () => d1Store({ database: client })],
  ["django", () => djangoStore({ database: ":memory:", secretKey: "a key of Django" })],
  ["file", () => fileStore(mkdtempSync(join(tmpdir(), "coatcheck-names-")))],
  ["libsql", () => libsqlStore({ client })],
  ["memcached", () => memcachedStore({ client })],
  ["memory", () => memoryStore()],
  ["mysql", () => mysqlStore({ pool: client })],
  ["postgres", () => postgresStore({ pool: { query: async () => ({ rows: [] }) } as never })],
  ["redis", () => redisStore({ client: new Redis({ lazyConnect: true }) })],
  ["redis", () => storeFromUrl("redis://localhost")],
  ["postgres", () => storeFromUrl("postgres://localhost/site")],
  ["sqlite", () => sqliteStore(":memory:")],
  ["unstorage", () => unstorageStore({ storage: client })],
])("a store of coatcheck/%s says its name", (name, make) => {
  expect(make().name).toBe(name);
});
