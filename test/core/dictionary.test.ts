import { createSessions, memoryStore, type Session, SessionKeyError } from "coatcheck";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { spyStore } from "../instruments/spy-store.ts";

let browser: Browser;
let took: () => string[];
/** A session that holds `{ a: 1, b: null }`, and has not been touched. */
let session: Session;

beforeEach(async () => {
  const spy = spyStore(memoryStore());
  took = spy.took;
  browser = new Browser(createSessions({ store: spy.store }));
  await browser.visit((session) => session.assign({ a: 1, b: null }));
  session = await browser.open();
  took();
});

const flags = () => [session.accessed, session.modified];

describe("a session is a dictionary with the habits of a Map", () => {
  it("require throws where a key is absent, and names it", () => {
    expect(session.require("a")).toBe(1);
    expect(session.require("b")).toBeNull();
    expect(() => session.require("c")).toThrow(SessionKeyError);
    expect(() => session.require("c")).toThrow('"c"');
    expect(flags()).toEqual([true, false]);
  });

  it("get gives the fallback only where a key is absent", () => {
    expect(session.get("b", "fallback")).toBeNull();
    expect(session.get("c", "fallback")).toBe("fallback");
    expect(session.get("c")).toBeUndefined();
    expect(flags()).toEqual([true, false]);
  });

  it("set can be chained, and counts as a change even with an equal value", () => {
    expect(session.set("a", 1).set("a", 1)).toBe(session);
    expect(flags()).toEqual([true, true]);
  });

  it("delete says whether there was something, and counts as a change only then", () => {
    expect(session.delete("c")).toBe(false);
    expect(flags()).toEqual([true, false]);
    expect(session.delete("a")).toBe(true);
    expect(flags()).toEqual([true, true]);
    expect(session.has("a")).toBe(false);
  });

  it("pop of an absent key is undefined, and no change", () => {
    expect(session.pop("c")).toBeUndefined();
    expect(flags()).toEqual([true, false]);
  });

  it("setDefault of a present key is no change, null included", () => {
    expect(session.setDefault("b", 7)).toBeNull();
    expect(flags()).toEqual([true, false]);
  });

  it("assign is a change even when it is empty, and leaves out what is undefined", () => {
    expect(session.assign({})).toBe(session);
    expect(flags()).toEqual([true, true]);
    session.assign({ a: undefined, c: 3 });
    expect(session.toObject()).toEqual({ a: 1, b: null, c: 3 });
  });

  it("assign takes all or nothing", () => {
    expect(() => session.assign({ a: 2, c: Number.NaN })).toThrow("c is NaN");
    expect(session.toObject()).toEqual({ a: 1, b: null });
    expect(session.modified).toBe(false);
  });

  it("iterates over entries", () => {
    const entries = [
      ["a", 1],
      ["b", null],
    ];
    expect([...session]).toEqual(entries);
    expect([...session.entries()]).toEqual(entries);
    const visited: unknown[] = [];
    session.forEach((value, key, of) => {
      visited.push([key, value, of === session]);
    });
    expect(visited).toEqual([
      ["a", 1, true],
      ["b", null, true],
    ]);
    expect(new Map(session)).toEqual(new Map(entries as [string, unknown][]));
    expect(session.size).toBe(2);
  });

  // Reports: CVE-2018-15133, CVE-2024-55556.
  it("has keys that are dangerous elsewhere", async () => {
    const keys = ["__proto__", "constructor", "toString", "hasOwnProperty", "", "_", "toJSON"];
    await browser.visit((session) => {
      for (const key of keys) {
        expect(session.has(key)).toBe(false);
        expect(session.get(key)).toBeUndefined();
        session.set(key, { of: key });
      }
    });
    const again = await browser.open();
    for (const key of keys) expect(again.get(key)).toEqual({ of: key });
    expect(Object.keys(again.toObject()).sort()).toEqual(["a", "b", ...keys].sort());
    expect(({} as { of?: string }).of).toBeUndefined();
  });

  it("takes only strings as keys", () => {
    expect(() => session.set(1 as never, 1)).toThrow(/set takes a string as the key, and got number/);
    expect(() => session.update(null as never, () => 1)).toThrow(TypeError);
  });

  it("does as a Map does, whatever is done", async () => {
    const verbs = ["set", "get", "has", "delete", "pop", "clear"] as const;
    /** The value as JSON keeps it: without -0, and with keys that look like numbers first. */
    const value = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)));
    const step = fc.tuple(fc.constantFrom(...verbs), fc.constantFrom("a", "b", "__proto__"), value);
    const requests = fc.array(fc.array(step));

    await fc.assert(
      fc.asyncProperty(requests, async (requests) => {
        const browser = new Browser(createSessions({ store: memoryStore() }));
        const map = new Map<string, unknown>();
        const doToMap = {
          set: (key: string, value: unknown) => void map.set(key, value),
          get: (key: string) => map.get(key),
          has: (key: string) => map.has(key),
          delete: (key: string) => map.delete(key),
          pop(key: string) {
            const value = map.get(key);
            map.delete(key);
            return value;
          },
          clear: () => map.clear(),
        };
        for (const steps of requests) {
          await browser.visit((session) => {
            for (const [verb, key, value] of steps) {
              const answer = (session[verb] as (...given: unknown[]) => unknown)(
                ...(verb === "set" ? [key, value] : [key]),
              );
              const expected = doToMap[verb](key, value);
              if (verb !== "set") expect(answer).toEqual(expected);
            }
          });
          const after = await browser.open();
          expect([...after.keys()].sort()).toEqual([...map.keys()].sort());
          for (const [key, value] of map) expect(after.get(key)).toEqual(value);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("user, expiry and times are no keys", () => {
  beforeEach(async () => {
    await browser.visit((session) => {
      session.clear();
      session.login("u1");
      session.setExpiry(60);
    });
    session = await browser.open();
  });

  it("size, iteration and toObject do not see them", () => {
    expect([session.size, [...session], session.toObject()]).toEqual([0, [], {}]);
  });

  it("clear keeps them", async () => {
    await browser.visit((session) => session.set("a", 1).clear());
    const after = await browser.open();
    expect([after.userId, after.getExpiryAge(), after.isEmpty]).toEqual(["u1", 60, false]);
  });
});

describe("a session cannot be extended", () => {
  it.each(["user", "cart", "constructor2", "__x"])("assigning %s throws, and names set", (name) => {
    expect(() => Object.assign(session, { [name]: 1 })).toThrow(TypeError);
    expect(() => Object.assign(session, { [name]: 1 })).toThrow(`session.set("${name}", value)`);
    expect(session.has(name)).toBe(false);
  });

  it.each(["key", "userId", "size", "handle", "isEmpty", "accessed", "authenticatedAt"])(
    "%s cannot be assigned",
    (name) => {
      expect(() => Object.assign(session, { [name]: 1 })).toThrow(TypeError);
    },
  );

  it("nor defined", () => {
    expect(() => Object.defineProperty(session, "user", { value: 1 })).toThrow(TypeError);
  });

  it("and reading what it does not have is undefined, so that it can be awaited and logged", async () => {
    expect(await (session as unknown as Promise<unknown>)).toBe(session);
    expect(JSON.stringify(session)).toBe("{}");
    expect((session as unknown as { user?: unknown }).user).toBeUndefined();
  });
});

describe("modified", () => {
  it("true forces a write", async () => {
    session.modified = true;
    expect(session.modified).toBe(true);
    await browser.respond(session);
    expect(took()).toEqual(["update"]);
  });

  it("false saves no data of this request", async () => {
    session.set("a", 2);
    session.modified = false;
    expect(session.modified).toBe(false);
    await browser.respond(session);
    expect(took()).toEqual([]);
    expect(await browser.sees()).toEqual({ a: 1, b: null });
  });

  it("false is taken back by a later change", async () => {
    session.set("a", 2);
    session.modified = false;
    session.set("b", 3);
    expect(session.modified).toBe(true);
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ a: 2, b: 3 });
  });

  it("false saves no data at login either, and the user is signed in", async () => {
    session.set("a", 2);
    session.login("u1");
    session.modified = false;
    await browser.respond(session);
    const after = await browser.open();
    expect([after.userId, after.toObject()]).toEqual(["u1", { a: 1, b: null }]);
  });

  it("false holds through save() as well", async () => {
    session.set("a", 2);
    session.modified = false;
    await session.save();
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ a: 1, b: null });
  });

  it("is false again when the changes are saved", async () => {
    session.set("a", 2);
    await session.save();
    expect(session.modified).toBe(false);
  });

  it.each(["flush", "cycleKey"] as const)("is true after %s", (member) => {
    session[member]();
    expect(session.modified).toBe(true);
  });

  it("is true after login", () => {
    session.login("u1");
    expect(session.modified).toBe(true);
  });
});
