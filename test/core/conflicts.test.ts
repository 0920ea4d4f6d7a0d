import { createSessions, memoryStore, type Options, type Session, SessionConflictError } from "coatcheck";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { heldStore } from "../instruments/held-store.ts";
import { spyStore } from "../instruments/spy-store.ts";

const start = { same: "base", other: 0, nested: { x: 0 } };

/** Two requests at once: `first` is stored first, and `second` had read the session before that. */
async function race(
  first: (session: Session) => unknown,
  second: (session: Session) => unknown,
  options: Options = {},
) {
  const browser = new Browser(createSessions({ store: memoryStore(), ...options }));
  await browser.visit((session) => session.assign(structuredClone(start)));
  const late = await browser.open();
  await browser.copy().visit(first);
  await second(late);
  const ended = browser.respond(late).then(
    () => null,
    (error: unknown) => error,
  );
  return { error: await ended, after: await browser.sees(), late, browser };
}

const setSame = (value: unknown) => (session: Session) => session.set("same", value);

describe("two requests that change different keys", () => {
  // Reports: expressjs/session#361, #606, nextauthjs/next-auth#8897, laravel/framework#30996, rack/rack-session#24.
  it.each<[string, (session: Session) => unknown, object]>([
    ["set", (s) => s.set("mine", 1), { ...start, same: "theirs", mine: 1 }],
    ["delete", (s) => s.delete("other"), { same: "theirs", nested: { x: 0 } }],
    [
      "nested",
      (s) => Object.assign(s.get("nested"), { x: 1 }),
      { ...start, same: "theirs", nested: { x: 1 } },
    ],
    ["setExpiry", (s) => s.setExpiry(60), { ...start, same: "theirs" }],
    ["login", (s) => s.login("u1"), { ...start, same: "theirs" }],
  ])("both keep their changes: %s", async (_what, change, expected) => {
    const { error, after } = await race(setSame("theirs"), change);
    expect(error).toBeNull();
    expect(after).toEqual(expected);
  });

  it("what one deleted, the other does not bring back", async () => {
    const { after } = await race(
      (s) => s.delete("other"),
      (s) => s.set("same", "mine"),
    );
    expect(after).toEqual({ same: "mine", nested: { x: 0 } });
  });

  it("a clear empties whatever is there, then comes what was set after it", async () => {
    const { after } = await race(
      (s) => s.set("new", 1),
      (s) => {
        s.clear();
        s.set("mine", 1);
      },
    );
    expect(after).toEqual({ mine: 1 });
  });
});

describe("two requests that set one key", () => {
  it.each([
    { onConflict: "mine" as const, same: "mine" },
    { onConflict: "theirs" as const, same: "theirs" },
  ])("onConflict $onConflict", async ({ onConflict, same }) => {
    const { error, after } = await race(setSame("theirs"), (s) => s.set("same", "mine").set("mine", 1), {
      onConflict,
    });
    expect(error).toBeNull();
    expect(after).toEqual({ ...start, same, mine: 1 });
  });

  it("the later write stays by default", async () => {
    expect((await race(setSame("theirs"), setSame("mine"))).after).toMatchObject({ same: "mine" });
  });

  it('onConflict "error" fails with 409, names the key, and stores nothing', async () => {
    const { error, after } = await race(setSame("theirs"), (s) => s.set("same", "mine").set("mine", 1), {
      onConflict: "error",
    });
    expect(error).toBeInstanceOf(SessionConflictError);
    expect(error).toMatchObject({ status: 409, message: expect.stringContaining('"same"') });
    expect(after).toEqual({ ...start, same: "theirs" });
  });

  it("onConflict decides by a function of key, base, mine and theirs", async () => {
    const asked: unknown[] = [];
    const { after } = await race(setSame("theirs"), setSame("mine"), {
      onConflict: (...given) => {
        asked.push(given);
        return "both";
      },
    });
    expect(asked).toEqual([["same", "base", "mine", "theirs"]]);
    expect(after).toMatchObject({ same: "both" });
  });

  it("a function that returns undefined deletes the key", async () => {
    const { after } = await race(setSame("theirs"), setSame("mine"), { onConflict: () => undefined });
    expect(after).not.toHaveProperty("same");
  });

  it("a function sees undefined for what was deleted", async () => {
    const asked: unknown[] = [];
    const onConflict = (...given: unknown[]) => {
      asked.push(given);
      return 7;
    };
    await race((s) => s.delete("same"), setSame("mine"), { onConflict });
    await race(setSame("theirs"), (s) => s.delete("same"), { onConflict });
    expect(asked).toEqual([
      ["same", "base", "mine", undefined],
      ["same", "base", undefined, "theirs"],
    ]);
  });

  it("a function whose value is no JSON, or that throws, fails the commit, and nothing is stored", async () => {
    const bad = await race(setSame("theirs"), setSame("mine"), { onConflict: () => new Map() });
    expect(bad.error).toMatchObject({ message: expect.stringContaining("same is a Map") });
    expect(bad.after).toMatchObject({ same: "theirs" });
    const fault = new RangeError("cannot decide");
    const thrown = await race(setSame("theirs"), setSame("mine"), {
      onConflict: () => {
        throw fault;
      },
    });
    expect(thrown.error).toBe(fault);
  });

  it.each<[string, (session: Session) => unknown, (session: Session) => unknown]>([
    ["to the same value", setSame("equal"), setSame("equal")],
    ["and one changed it back", setSame("base"), setSame("mine")],
    ["one of them by update", setSame("theirs"), (s) => s.update("same", (v) => `${v}+`)],
    ["one of them by clear", setSame("theirs"), (s) => s.clear()],
  ])("do not conflict %s", async (_what, first, second) => {
    expect((await race(first, second, { onConflict: "error" })).error).toBeNull();
  });

  it("do conflict when both changed one object from within", async () => {
    const { error } = await race(
      (s) => Object.assign(s.get("nested"), { x: 1 }),
      (s) => Object.assign(s.get("nested"), { y: 1 }),
      { onConflict: "error" },
    );
    expect(error).toBeInstanceOf(SessionConflictError);
  });
});

describe("writers of one session in one process", () => {
  const waiting = async () => {
    const { store: counted, took } = spyStore(memoryStore());
    const { store, hold } = heldStore(counted);
    const browser = new Browser(createSessions({ store }));
    await browser.visit((session) => session.set("n", 0));
    return { browser, hold, took };
  };

  it("that wait share the next write, on the record that is handed on to them", async () => {
    const { browser, hold, took } = await waiting();
    const requests = await Promise.all(Array.from({ length: 10 }, () => browser.open()));
    took();
    const first = hold("update");
    const ends = requests.map((session, n) => {
      session.update("n", (n: number) => n + 1);
      session.set(`k${n}`, n);
      return browser.respond(session);
    });
    await first.arrived;
    first.release();
    await Promise.all(ends);
    expect(took()).toEqual(["update", "update"]);
    expect(await browser.sees()).toMatchObject({ n: 10, k0: 0, k9: 9 });
  });

  it("each have their own outcome", async () => {
    const { browser, hold } = await waiting();
    const [a, b, c] = [await browser.open(), await browser.open(), await browser.open()];
    a.set("a", 1);
    b.update("n", (n: number) => {
      if (n > 0) throw new RangeError("too late");
      return n + 1;
    });
    c.set("c", 1);
    const first = hold("update");
    a.set("n", 5);
    const ends = [a, b, c].map((session) => browser.respond(session));
    await first.arrived;
    first.release();
    const settled = await Promise.allSettled(ends);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await browser.sees()).toEqual({ n: 5, a: 1, c: 1 });
  });

  it("are overtaken by a logout, and find the session gone", async () => {
    const { browser, hold } = await waiting();
    const [a, b] = [await browser.open(), await browser.open()];
    const stays = browser.copy();
    a.set("a", 1);
    b.set("b", 1);
    const first = hold("update");
    const ends = [browser.respond(a), browser.respond(b)];
    await first.arrived;
    await browser.copy().visit((other) => other.logout());
    first.release();
    expect((await Promise.all(ends)).map(({ cookie }) => cookie)).toEqual(["none", "none"]);
    expect(await stays.sees()).toEqual({});
  });
});
