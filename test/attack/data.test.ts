/**
 * Data as an attacker would have it: names that mean something to JavaScript, very large and very deep values, by the methods of the session
 * and as records that another program has written. Nothing pollutes a prototype, and no page fails for ever.
 */
import { createSessions, memoryStore, type Session, type Store } from "coatcheck";
import { encryptedCookieStore, signedCookieStore } from "coatcheck/cookies";
import { describe, expect, test } from "vitest";
import { Browser } from "../instruments/browser.ts";

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
  "then",
  "toJSON",
];

/** JSON whose members have such names, within each other too. */
const POLLUTING = `{${NAMES.map((name) => `"${name}":{"polluted":true,"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`).join()}}`;

function expectClean(): void {
  for (const object of [{}, [], "", 0, () => {}, new Map()] as unknown as { polluted?: unknown }[])
    expect(object.polluted).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
}

/** A browser with a session whose record holds this data, as another program has written it. */
async function written(data: string) {
  const store = memoryStore();
  const rewritten: Store = {
    ...store,
    create: (id, record, call) => store.create(id, { ...record, data }, call),
  };
  const browser = new Browser(createSessions({ store: rewritten }));
  await browser.visit((session) => session.set("a", 1));
  return browser;
}

const uses: Record<string, (session: Session) => unknown> = {
  "toObject()": (session) => session.toObject(),
  entries: (session) => [...session.entries()],
  "get()": (session) => NAMES.map((name) => session.get(name)),
  "has() and require()": (session) => NAMES.map((name) => session.has(name) && session.require(name)),
  "set()": (session) => NAMES.map((name) => session.set(name, { polluted: 2 })),
  "update()": (session) => NAMES.map((name) => session.update(name, () => ({ polluted: 2 }))),
  "delete()": (session) => NAMES.map((name) => session.delete(name)),
  "pop()": (session) => NAMES.map((name) => session.pop(name)),
  "setDefault()": (session) => NAMES.map((name) => session.setDefault(name, 1)),
  "a change within": (session) => NAMES.map((name) => Object.assign(session.get(name) ?? {}, { more: 1 })),
  "clear()": (session) => session.clear(),
};

describe("names that mean something to JavaScript are keys like others", () => {
  test.each(Object.entries(uses))("in a record, by %s", async (_, use) => {
    const browser = await written(POLLUTING);
    await browser.visit(async (session) => {
      await use(session);
      session.set("b", 1);
    });
    expectClean();
    expect(await browser.sees()).toMatchObject({ b: 1 });
    expectClean();
  });

  test("by assign(), which takes what JSON.parse gives", async () => {
    const browser = await written("{}");
    await browser.visit((session) => session.assign(JSON.parse(POLLUTING)));
    expectClean();
    const session = await browser.open();
    expect([...session.keys()].sort()).toEqual([...NAMES].sort());
    expect(JSON.stringify(session.toObject()["constructor" as never])).toContain('"polluted":true');
    expectClean();
  });

  test("replayed on another request's, with onConflict as a function", async () => {
    const store = memoryStore();
    const browser = new Browser(createSessions({ store, onConflict: (_key, _base, mine) => mine }));
    await browser.visit((session) => session.assign(JSON.parse(POLLUTING)));
    const slow = await browser.open();
    for (const name of NAMES) slow.set(name, { polluted: 3 });
    await browser.visit((session) => void NAMES.map((name) => session.update(name, () => ({ polluted: 4 }))));
    await browser.respond(slow);
    expectClean();
    const session = await browser.open();
    expect(NAMES.map((name) => session.get(name))).toEqual(NAMES.map(() => ({ polluted: 3 })));
  });

  test("in the framework's own object of a record", async () => {
    const extras = [
      '{"__proto__":{"polluted":true}}',
      '{"once":{"__proto__":{"stored":1,"polluted":true}}}',
      '{"device":{"s":"x","__proto__":{"k":{"kty":"EC"}}}}',
      '{"constructor":{"prototype":{"polluted":true}}}',
    ];
    for (const text of extras) {
      const browser = await written(`{"a":1}\n${text}`);
      await browser.visit(async (session) => {
        expect([session.get("a"), session.label, session.isDeviceBound]).toEqual([1, null, false]);
        await session.once("__proto__", () => 2);
        session.login("ada", { label: "__proto__" });
        await session.save();
        session.confirm();
      });
      expectClean();
      expect((await browser.open()).userId).toBe("ada");
    }
  });

  test.each([signedCookieStore, encryptedCookieStore])("in a cookie of %o", async (make) => {
    const browser = new Browser(createSessions({ store: make({ secrets: ["s".repeat(32)] }) }));
    await browser.visit((session) =>
      session.assign(
        JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
      ),
    );
    expect(Object.keys(await browser.sees())).toEqual(["__proto__", "constructor"]);
    expectClean();
  });
});

describe("10 MB", () => {
  const large = "x".repeat(10_000_000);

  test("are stored and read, and changed beside it", async () => {
    const browser = await written("{}");
    await browser.visit((session) => session.set("large", large));
    await browser.visit((session) => session.update("n", (n = 0) => n + 1));
    const session = await browser.open();
    expect([session.get("large").length, session.get("n")]).toEqual([10_000_000, 1]);
  });

  test("of many keys too", async () => {
    const browser = await written("{}");
    await browser.visit((session) =>
      session.assign(
        Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, "y".repeat(90)])),
      ),
    );
    await browser.visit((session) => session.delete("k500"));
    expect((await browser.open()).size).toBe(99_999);
  });

  test("in a cookie are an error that says so, and the session stays", async () => {
    const browser = new Browser(
      createSessions({ store: encryptedCookieStore({ secrets: ["s".repeat(32)] }) }),
    );
    await browser.visit((session) => session.set("a", 1));
    await expect(browser.visit((session) => session.set("large", large))).rejects.toThrow(/cookie/);
    expect(await browser.sees()).toEqual({ a: 1 });
  });
});

describe("100,000 levels", () => {
  const LEVELS = 100_000;
  const deep = (open: string, close: string) => `${open.repeat(LEVELS)}${close.repeat(LEVELS)}`;

  test.each([
    ["lists", deep("[", "]")],
    ["objects", `${'{"a":'.repeat(LEVELS)}1${"}".repeat(LEVELS)}`],
  ])("of %s are refused by every method that takes a value, with the place", async (_, text) => {
    const value = JSON.parse(text);
    const browser = await written("{}");
    const session = await browser.open();
    const calls = [
      () => session.set("deep", value),
      () => session.assign({ deep: value }),
      () => session.setDefault("deep", value),
      () => session.update("deep", () => value),
    ];
    for (const call of calls) expect(call).toThrow(/deep.*more than 1,000 levels/);
    session.set("list", []).get("list").push(value);
    await expect(session.save()).rejects.toThrow(/list.*more than 1,000 levels/);
  });

  test.each([
    ["lists", `{"deep":${deep("[", "]")},"n":1}`],
    ["objects", `{"deep":${'{"a":'.repeat(LEVELS)}1${"}".repeat(LEVELS)},"n":1}`],
  ])("of %s, in a record of another program, fail no page for ever", async (_, data) => {
    const browser = await written(data);
    const visit = (act: (session: Session) => unknown) => browser.visit(act).then(() => "done", String);
    const outcomes = [
      await visit((session) => session.get("n")),
      await visit((session) => session.get("deep")),
      await visit((session) => session.update("n", (n = 0) => n + 1)),
      await visit((session) => session.delete("deep")),
      await visit((session) => session.set("n", 5)),
    ];
    expect(outcomes.at(-1)).toBe("done");
    expect((await browser.open()).get("n")).toBe(5);
    await browser.visit((session) => session.logout());
    expect((await browser.open()).isEmpty).toBe(true);
  });
});
