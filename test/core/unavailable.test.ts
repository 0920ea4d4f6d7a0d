import { createSessions, memoryStore, type Options, type Session, StoreUnavailableError } from "coatcheck";
import { describe, expect, it, onTestFinished } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { deadlinesPass, STORE_TIMEOUT } from "../instruments/deadline.ts";
import { faultyStore } from "../instruments/faulty-store.ts";
import { settle } from "../instruments/loopback.ts";
import { overhear } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";
import { VERBS, type Verb } from "../instruments/wrapped-store.ts";

/** A visitor with `{ a: 1 }` on a store that can be broken. */
async function visitor(options: Options = {}) {
  const faulty = faultyStore(memoryStore());
  const { store, took } = spyStore(faulty.store);
  const sessions = createSessions({ store, storeTimeout: STORE_TIMEOUT, ...options });
  const browser = new Browser(sessions);
  await browser.visit((session) => session.set("a", 1));
  took();
  return { ...faulty, took, sessions, browser, key: browser.key };
}

const unavailable = { name: "StoreUnavailableError", status: 503, headers: { "Retry-After": "5" } };

/** For each verb, a request that calls it. */
const uses: Record<Exclude<Verb, "read">, (session: Session) => unknown> = {
  create: (session) => session.set("a", 1),
  update: (session) => session.set("a", 2),
  rotate: (session) => session.login("u1"),
  touch: () => {},
  delete: (session) => session.logout(),
};

async function failing(
  verb: Verb,
  how: (broken: Awaited<ReturnType<typeof visitor>>) => void,
  options: Options,
) {
  let now = Date.now();
  const broken = await visitor({ saveEveryRequest: verb === "touch", clock: () => now, ...options });
  now += 1e8;
  if (verb === "create") broken.browser.jar.clear();
  const jar = new Map(broken.browser.jar);
  how(broken);
  const error = await (verb === "read" ? broken.browser.open() : broken.browser.visit(uses[verb])).catch(
    (error: unknown) => error,
  );
  expect(broken.browser.jar).toEqual(jar);
  broken.mended();
  return { ...broken, error };
}

describe("a store that fails is a 503, and the cookie stays as it is", () => {
  const faults: Record<string, () => unknown> = {
    "that rejects": () => Promise.reject(new Error("no")),
    "that throws": () => {
      throw new Error("no");
    },
    "that answers nonsense": () => Promise.resolve("nonsense"),
    "that answers a number": () => Promise.resolve(1),
    "that answers an object": () => Promise.resolve({ movedTo: "somewhere" }),
  };
  const cases = VERBS.flatMap((verb) => Object.keys(faults).map((fault) => ({ verb, fault })));

  it.each(cases)("$verb $fault", async ({ verb, fault }) => {
    const { of } = overhear();
    const { error, browser, sessions } = await failing(verb, ({ breaks }) => breaks(verb, faults[fault]), {});
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject(unavailable);
    expect(of("unavailable")).toHaveLength(1);
    // The data is still there.
    if (verb !== "create") expect(await browser.sees()).toEqual({ a: 1 });
    await sessions.close();
  });

  it.each([
    ["read", { data: 1 }],
    ["read", true],
    ["read", undefined],
    ["read", { version: 0.5 }],
    ["create", "saved"],
    ["create", undefined],
    ["update", true],
    ["update", null],
    ["update", undefined],
    ["rotate", { movedTo: "A".repeat(64) }],
    ["touch", undefined],
    ["delete", true],
    ["delete", null],
  ] as const)("%s that answers %o", async (verb, answer) => {
    const { error } = await failing(verb, ({ breaks }) => breaks(verb, async () => answer), {});
    expect(error).toMatchObject(unavailable);
  });
});

it("a rejection is handled also where a store's promises are of a class of its own", async () => {
  class OtherPromise<T> extends Promise<T> {}
  const create = () => OtherPromise.reject<boolean>(new Error("no"));
  const read = async () => {
    await new Promise(setImmediate);
    return null;
  };
  const browser = new Browser(createSessions({ store: { ...memoryStore(), create, read } }));
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  await expect(browser.visit((session) => session.set("a", 1))).rejects.toMatchObject(unavailable);
  await new Promise(setImmediate);
  expect(unhandled).toEqual([]);
});

describe("a store that hangs is unavailable when storeTimeout has passed", () => {
  it.each(VERBS)("at %s", async (verb) => {
    const asked = Promise.withResolvers<void>();
    const hang = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    let hasFailed = false;
    const failed = failing(verb, ({ breaks }) => breaks(verb, hang), {}).finally(() => {
      hasFailed = true;
    });
    await asked.promise;
    await settle();
    expect(hasFailed).toBe(false);
    deadlinesPass();
    const { error } = await failed;
    expect(error).toMatchObject(unavailable);
    expect((error as Error).cause).toMatchObject({ message: expect.stringContaining("50 s") });
  });

  it("and its signal is aborted", async () => {
    let signal: AbortSignal | undefined;
    const inner = memoryStore();
    const store = {
      ...inner,
      read: (_id: unknown, call: { signal: AbortSignal }) => {
        signal = call.signal;
        return new Promise<never>(() => {});
      },
    };
    const sessions = createSessions({ store, storeTimeout: STORE_TIMEOUT });
    const opened = sessions.open(`sessionid=${"a".repeat(32)}`, { secure: false });
    deadlinesPass();
    await expect(opened).rejects.toMatchObject(unavailable);
    expect(signal?.aborted).toBe(true);
  });

  it("one deadline holds for all that a commit does: conflicts for ever end with it", async () => {
    const { browser, breaks, took } = await visitor();
    let conflicts = 0;
    breaks("update", async () => {
      if (++conflicts === 3) deadlinesPass();
      return "conflict";
    });
    const session = await browser.open();
    session.set("a", 2);
    await expect(browser.respond(session)).rejects.toMatchObject(unavailable);
    expect(took().filter((verb) => verb === "update")).toHaveLength(3);
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  it("a writer in line keeps its own deadline", async () => {
    const { browser, hangs } = await visitor();
    const [one, two] = [await browser.open(), await browser.open()];
    one.set("a", 2);
    two.set("b", 2);
    hangs("update");
    const ends = Promise.allSettled([browser.respond(one), browser.respond(two)]);
    deadlinesPass();
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

describe("a write whose answer was lost", () => {
  it("was saved, when its own version is what is read again", async () => {
    const inner = memoryStore();
    let isLost = true;
    const store: typeof inner = {
      ...inner,
      async update(...given) {
        const outcome = await inner.update(...given);
        if (!isLost) return outcome;
        isLost = false;
        return "conflict";
      },
    };
    const browser = new Browser(createSessions({ store }));
    await browser.visit((session) => session.set("n", 0));
    await browser.visit((session) => session.update("n", (n: number) => n + 1));
    expect(await browser.sees()).toEqual({ n: 1 });
  });

  it("an id that is taken three times running is no luck but a fault", async () => {
    const { browser, breaks, took } = await visitor();
    browser.jar.clear();
    breaks("create", async () => false);
    await expect(browser.visit((session) => session.set("a", 1))).rejects.toMatchObject(unavailable);
    expect(took()).toEqual(["create", "read", "create", "read", "create", "read"]);
  });

  it("an id that is taken by the record itself, as a client repeated the command, leaves one session", async () => {
    const inner = memoryStore();
    const store: typeof inner = {
      ...inner,
      async create(...given) {
        await inner.create(...given);
        return await inner.create(...given);
      },
    };
    const sessions = createSessions({ store });
    const browser = new Browser(sessions);
    await browser.visit((session) => session.login("ann"));
    expect((await browser.open()).userId).toBe("ann");
    expect(await sessions.listUserSessions("ann")).toHaveLength(1);
  });

  it("a record under an id that is taken is not deleted where the store cannot say whose it is", async () => {
    const { browser, breaks, took } = await visitor();
    browser.jar.clear();
    breaks("create", async () => false);
    breaks("read");
    await expect(browser.visit((session) => session.set("a", 1))).rejects.toMatchObject(unavailable);
    expect(took()).not.toContain("delete");
  });

  it("an id that is taken once gets another", async () => {
    const inner = memoryStore();
    let times = 0;
    const store: typeof inner = {
      ...inner,
      create: async (...given) => (times++ === 0 ? false : inner.create(...given)),
    };
    const browser = new Browser(createSessions({ store }));
    await browser.visit((session) => session.set("a", 1));
    expect(await browser.sees()).toEqual({ a: 1 });
  });
});

describe('onUnavailable "anonymous"', () => {
  const anonymous = async () => {
    const broken = await visitor({ onUnavailable: "anonymous" });
    broken.breaks("read");
    return broken;
  };

  it("gives an empty session that is never stored and sends no cookie", async () => {
    const { browser, took } = await anonymous();
    const session = await browser.open();
    expect([session.isEmpty, session.key, session.userId]).toEqual([true, null, null]);
    session.set("b", 2);
    expect(session.get("b")).toBe(2);
    session.cycleKey();
    session.setExpiry(60);
    expect((await browser.respond(session)).cookie).toBe("none");
    expect(took()).toEqual(["read"]);
  });

  it("goes on with the same session when the store is back", async () => {
    const { browser, mended, key } = await anonymous();
    await browser.visit((session) => session.set("b", 2));
    mended();
    expect(browser.key).toBe(key);
    expect(await browser.sees()).toEqual({ a: 1 });
  });

  it("save is false", async () => {
    const { browser } = await anonymous();
    const session = await browser.open();
    session.set("b", 2);
    expect(await session.save()).toBe(false);
  });

  it.each<[string, (session: Session) => unknown]>([
    ["login", (session) => session.login("u1")],
    ["logout", (session) => session.logout()],
    ["flush", (session) => session.flush()],
  ])("%s answers 503", async (_what, act) => {
    const { browser } = await anonymous();
    const session = await browser.open();
    expect(() => act(session)).toThrow(expect.objectContaining(unavailable));
    expect((await browser.respond(session, 503)).cookie).toBe("none");
  });

  it("is for reading: a write that fails is a 503 all the same", async () => {
    const { browser, breaks } = await visitor({ onUnavailable: "anonymous" });
    breaks("update");
    await expect(browser.visit((session) => session.set("a", 2))).rejects.toMatchObject(unavailable);
  });

  it("holds for a lazy session when it is loaded", async () => {
    const { store, breaks } = faultyStore(memoryStore());
    const sessions = createSessions({ store, onUnavailable: "anonymous", lazy: true });
    breaks("read");
    const session = await sessions.open(`sessionid=${"a".repeat(32)}`, { secure: false });
    await session.load();
    expect(session.isEmpty).toBe(true);
    expect(() => session.login("u1")).toThrow(expect.objectContaining(unavailable));
  });
});

it("a client that hangs up cancels its read", async () => {
  const { sessions, hangs } = await visitor();
  hangs("read");
  const client = new AbortController();
  const opened = sessions.open(`sessionid=${"a".repeat(32)}`, { secure: false, signal: client.signal });
  client.abort();
  await expect(opened).rejects.toMatchObject(unavailable);
});
