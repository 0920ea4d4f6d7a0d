/** `migratingStore`: the visitors of one store move to another, request by request. */
import { createHash } from "node:crypto";
import { createSessions, memoryStore, type Store } from "coatcheck";
import ours, { MemoryStore, migratingStore } from "coatcheck/express-session";
import { describe, expect, test } from "vitest";
import { heldStore } from "../instruments/held-store.ts";
import { gate, listen } from "../instruments/loopback.ts";
import { Visitor } from "../instruments/visitor.ts";
import { type Any, chain } from "./application.ts";

const HOUR = 3_600_000;
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const call = () => ({ signal: new AbortController().signal, now: Date.now() });

/** A release of the application on a store: one process of it. Resolves to a port. */
function release(store: unknown): Promise<number> {
  const session = ours({
    secret: "secret",
    store: store as Any,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: HOUR },
  } as Any) as Any;
  return listen(
    chain([
      session,
      (req, res) => {
        const url = new URL(req.url, "http://localhost");
        const fail = (error: unknown) => error && res.destroy();
        const answer = () => {
          const { cookie: _, ...data } = req.session ?? {};
          res.end(JSON.stringify(data));
        };
        if (url.pathname === "/logout")
          return req.session.destroy((error: unknown) => fail(error) || answer());
        if (url.pathname === "/login") {
          return req.session.regenerate((error: unknown) => {
            req.session.passport = { user: url.searchParams.get("user") };
            fail(error) || answer();
          });
        }
        if (url.pathname === "/set") Object.assign(req.session, Object.fromEntries(url.searchParams));
        answer();
      },
    ]),
  );
}

/** A connect store whose next call of a method is held, before or after it is done. */
function holdNext(store: Any, method: "get" | "set", when: "before" | "after" = "before") {
  const [arrived, released] = [gate(), gate()];
  const original = store[method];
  store[method] = function held(...given: Any[]) {
    store[method] = original;
    const done = given.at(-1);
    if (when === "after") {
      given[given.length - 1] = (...answer: Any[]) => {
        arrived.resolve();
        void released.promise.then(() => done(...answer));
      };
      return original.apply(store, given);
    }
    arrived.resolve();
    void released.promise.then(() => original.apply(store, given));
  };
  return { arrived: arrived.promise, release: () => released.resolve() };
}

const sees = async (visitor: Visitor) => JSON.parse((await visitor.visit()).body);
const sidOf = (visitor: Visitor) => /s%3A([^.]+)\./.exec(String(visitor.cookie))?.[1] as string;

/** A visitor who was signed in by the release before, and the releases since. */
async function movingSite(to: Any = memoryStore(), from: Any = new MemoryStore()) {
  const before = await release(from);
  const visitor = new Visitor(before);
  await visitor.visit("/login?user=ada");
  await visitor.visit("/set?cart=1");
  const at = (port: number) => {
    const other = new Visitor(port);
    other.cookie = visitor.cookie;
    return other;
  };
  const process = async () => at(await release(migratingStore({ from, to })));
  return {
    before: () => at(before),
    one: await process(),
    other: await process(),
    process,
    from,
    to,
    sid: sidOf(visitor),
  };
}

const ada = { cart: "1", passport: { user: "ada" } };

describe.each<[string, () => Any, () => Any]>([
  ["from a connect store to one of coatcheck", () => new MemoryStore(), () => memoryStore()],
  ["from one connect store to another", () => new MemoryStore(), () => new MemoryStore()],
  ["from one store of coatcheck to another", () => memoryStore(), () => memoryStore()],
  ["back from coatcheck to a connect store", () => memoryStore(), () => new MemoryStore()],
])("%s", (_name, from, to) => {
  const start = () => movingSite(to(), from());

  test("a visitor stays signed in, and keeps the cookie", async () => {
    const { one } = await start();
    const response = await one.visit();
    expect([JSON.parse(response.body), response.setCookie]).toEqual([ada, []]);
    await one.visit("/set?theme=dark");
    expect(await sees(one)).toEqual({ ...ada, theme: "dark" });
  });

  test("all requests of one page load see the visitor", async () => {
    const { one } = await start();
    const page = await Promise.all(Array.from({ length: 8 }, () => one.visit()));
    expect(page.map(({ body }) => JSON.parse(body))).toEqual(Array(8).fill(ada));
  });

  test.each(["/logout", "/login?user=bob"])(
    "%s ends the session in both, and nothing brings it back",
    async (path) => {
      const { one, before, process } = await start();
      const old = await process();
      await one.visit();
      await one.visit(path);
      for (const visitor of [old, before()]) expect(await sees(visitor)).toEqual({});
    },
  );

  test("a visitor of the release before who only signs out is signed out", async () => {
    const { one, before, process } = await start();
    await one.visit("/logout");
    for (const visitor of [await process(), before()]) expect(await sees(visitor)).toEqual({});
  });

  test("a rollback knows the visitor, as of the move", async () => {
    const { one, before } = await start();
    await one.visit("/set?cart=2");
    expect(await sees(before())).toEqual(ada);
  });

  test("new sessions live in the new store alone", async () => {
    const { one, before } = await start();
    one.cookie = undefined;
    await one.visit("/login?user=eve");
    expect(await sees(one)).toMatchObject({ passport: { user: "eve" } });
    const back = before();
    back.cookie = one.cookie;
    expect(await sees(back)).toEqual({});
  });
});

describe("while a visitor moves to a store of coatcheck", () => {
  test("the note stands under an id of its own until the end of the old session", async () => {
    const { one, from, to, sid } = await movingSite();
    await one.visit();
    const end = new Date(JSON.parse(from.sessions[sid]).cookie.expires).valueOf();
    expect(await (to as Store).read(sha256(sid) as Any, call())).toMatchObject({ userId: "ada" });
    const note = await (to as Store).read(sha256(`moved${sid}`) as Any, call());
    expect(note).toMatchObject({ userId: null, expiresAt: end });
  });

  test("no change of parallel requests is lost, in one process or two", async () => {
    const { one, other } = await movingSite();
    const page = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? one : other).visit(`/set?part${n}=${n}`));
    await Promise.all(page);
    const parts = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`part${n}`, String(n)]));
    expect(await sees(one)).toEqual({ ...ada, ...parts });
  });

  test("the second to move takes what the first has made of it", async () => {
    const { one, other, from } = await movingSite();
    const read = holdNext(from, "get", "after");
    const slow = other.visit();
    await read.arrived;
    await one.visit("/set?cart=2");
    read.release();
    expect(JSON.parse((await slow).body)).toEqual({ ...ada, cart: "2" });
  });

  test.each(["/logout", "/login?user=bob"])(
    "a process that read the old session before %s elsewhere does not bring it back",
    async (path) => {
      const { one, other, from, process } = await movingSite();
      const late = await process();
      const read = holdNext(from, "get", "after");
      const slow = other.visit();
      await read.arrived;
      await one.visit(path);
      read.release();
      expect(JSON.parse((await slow).body)).toEqual({});
      expect(await sees(late)).toEqual({});
    },
  );

  test("nor does one that read it before a tool destroyed it", async () => {
    const { other, from, to, sid, process } = await movingSite();
    const late = await process();
    const read = holdNext(from, "get", "after");
    const slow = other.visit();
    await read.arrived;
    await new Promise((done) => migratingStore({ from, to }).destroy(sid, done));
    read.release();
    expect(JSON.parse((await slow).body)).toEqual({});
    expect(await sees(late)).toEqual({});
  });

  test("nor one that read it before the user's sessions were revoked", async () => {
    const { one, other, from, to, process } = await movingSite();
    const late = await process();
    const read = holdNext(from, "get", "after");
    const slow = other.visit();
    await read.arrived;
    await one.visit();
    await createSessions({ store: to }).revokeUser("ada");
    read.release();
    expect(JSON.parse((await slow).body)).toEqual({});
    for (const visitor of [one, late]) expect(await sees(visitor)).toEqual({});
  });

  /** Two processes have read the old session, and the first has stored it in the new store, and not its note yet. */
  async function movedAtOnce(paths: { first: string; second: string }) {
    const held = heldStore(memoryStore());
    const { one, other, from, process } = await movingSite(held.store);
    const latest = await process();
    const latestRead = holdNext(from, "get", "after");
    const third = latest.visit();
    await latestRead.arrived;
    const read = holdNext(from, "get", "after");
    const second = other.visit(paths.second);
    await read.arrived;
    const moved = held.hold("create", "after");
    const first = one.visit(paths.first);
    await moved.arrived;
    read.release();
    const seenBySecond = JSON.parse((await second).body);
    moved.release();
    const seenByFirst = JSON.parse((await first).body);
    const late = await sees(await process());
    await createSessions({ store: held.store }).revokeUser("ada");
    latestRead.release();
    return { seenBySecond, seenByFirst, late, afterRevocation: JSON.parse((await third).body) };
  }

  test("both see the visitor who move the session at the same time", async () => {
    const { seenByFirst, seenBySecond, late, afterRevocation } = await movedAtOnce({
      first: "/",
      second: "/",
    });
    expect([seenByFirst, seenBySecond, late]).toEqual([ada, ada, ada]);
    expect(afterRevocation).toEqual({});
  });

  test("a logout by the second holds, though the first has not yet written that the session moved", async () => {
    const { seenByFirst, late } = await movedAtOnce({ first: "/", second: "/logout" });
    expect([seenByFirst, late]).toEqual([{}, {}]);
  });

  test("a session that ends in the new store stays ended, though the old one lives", async () => {
    const held = heldStore(memoryStore());
    const { one, sid, process } = await movingSite(held.store);
    await one.visit();
    await held.store.delete(sha256(sid) as Any, call());
    const mark = held.calls.length;
    expect(await sees(await process())).toEqual({});
    expect(held.count("create", mark)).toBe(0);
  });

  test("a new store that fails during the move is an error, and the next request moves", async () => {
    const held = heldStore(memoryStore());
    const { one } = await movingSite(held.store);
    held.answer("create", () => Promise.reject(new Error("away")));
    held.answer("read", (run) => run()); // `to`, before the move
    expect((await one.visit()).status).toBe(503);
    expect(await sees(one)).toEqual(ada);
  });

  test("an old store that is down stops only those who have not moved", async () => {
    const { one, from, process } = await movingSite();
    await one.visit();
    from.get = (_sid: string, done: Any) => done(new Error("down"));
    expect(await sees(one)).toEqual(ada);
    const stranger = await process();
    stranger.cookie = undefined;
    expect(await sees(stranger)).toEqual({});
  });

  test("a failed save is an error response, as it is on a store of coatcheck", async () => {
    const held = heldStore(memoryStore());
    const { one } = await movingSite(held.store);
    await one.visit();
    held.answer("update", () => Promise.reject(new Error("away")));
    expect((await one.visit("/set?cart=2")).status).toBe(503);
  });

  test("and the moved sessions are listed and revoked by user", async () => {
    const { one, to } = await movingSite();
    await one.visit();
    const sessions = createSessions({ store: to });
    expect(await sessions.listUserSessions("ada")).toMatchObject([{ data: ada }]);
    expect(await sessions.revokeUser("ada")).toBe(1);
    expect(await sees(one)).toEqual({});
  });
});

test("then coatcheck/express goes on with them by the option legacy", async () => {
  const { one, to } = await movingSite();
  await one.visit();
  const sessions = createSessions({ store: to, legacy: { secret: "secret" } });
  const session = await sessions.open(one.cookie, { secure: false });
  expect([session.userId, session.get("cart")]).toEqual(["ada", "1"]);
});

test.each([
  [{ to: memoryStore() }, "from"],
  [{ from: new MemoryStore() }, "to"],
  [{ from: new MemoryStore(), to: {} }, "to"],
  [{ from: "redis://localhost", to: memoryStore() }, "from"],
])("a value that is no store is refused at start", (options, name) => {
  expect(() => migratingStore(options as Any)).toThrow(`The option ${name} takes a store`);
});
