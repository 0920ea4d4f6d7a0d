import { createSessions, memoryStore, type Session } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";

let session: Session;
beforeEach(async () => {
  session = await createSessions({ store: memoryStore() }).open(null, { secure: false });
});

class Money {
  amount = 1;
}
const circle: { inner?: unknown } = {};
circle.inner = { back: circle };

describe("what would not come back from JSON is refused, with its place", () => {
  it.each([
    ["NaN", Number.NaN, "v is NaN"],
    ["Infinity", { a: [1, Number.POSITIVE_INFINITY] }, "v.a[1] is Infinity"],
    ["undefined", undefined, "v is undefined"],
    ["a bigint", { n: 10n }, "v.n is a bigint"],
    ["a function", { "on click": () => {} }, 'v["on click"] is a function'],
    ["a symbol", [Symbol("s")], "v[0] is a symbol"],
    ["a Date", { when: new Date(0) }, "v.when is a Date with toJSON"],
    ["something with toJSON", { toJSON: () => 1 }, "v is a Object with toJSON"],
    ["a Map", new Map(), "v is a Map"],
    ["a Set", { a: { b: new Set() } }, "v.a.b is a Set"],
    ["a class of one's own", [[new Money()]], "v[0][0] is a Money"],
    ["bytes", { b: new Uint8Array(2) }, "v.b is a Uint8Array"],
    ["a boxed number", Object(1), "v is a Number"],
    ["an error", new Error("no"), "v is a Error"],
    ["a promise", Promise.resolve(1), "v is a Promise"],
    ["a circle", circle, "v.inner.back is inside itself"],
  ])("%s", (_what, value, place) => {
    for (const give of [
      () => session.set("v", value),
      () => session.setDefault("v", value),
      () => session.update("v", () => (value === undefined ? Number.NaN : value)),
    ]) {
      expect(give).toThrow(TypeError);
      if (value !== undefined && !(value instanceof Promise)) expect(give).toThrow(place);
    }
    expect(session.size).toBe(0);
  });

  it("and what is JSON goes in", async () => {
    const value = {
      text: "\u2028 🧥 \0",
      numbers: [0, -1.5, 1e300, Number.MAX_SAFE_INTEGER],
      flags: [true, false, null],
      nested: { "": {}, list: [[], [[]]] },
      bare: Object.assign(Object.create(null), { a: 1 }),
      twice: [1],
    };
    const shared = value.twice;
    session.set("v", { ...value, again: shared });
    expect(session.get("v")).toEqual({ ...value, again: [1] });
  });

  // Reports: expressjs/express#1922.
  it("undefined members are dropped as JSON does", async () => {
    const sessions = createSessions({ store: memoryStore() });
    const first = await sessions.open(null, { secure: false });
    await first.set("v", { a: undefined, b: 1 }).save();
    const later = await sessions.open(`sessionid=${first.key}`, { secure: false });
    expect(Object.keys(later.get("v"))).toEqual(["b"]);
  });

  it("a value is data, not the object: what comes back later is as JSON made it", async () => {
    const sessions = createSessions({ store: memoryStore() });
    const first = await sessions.open(null, { secure: false });
    const given = Object.assign(Object.create(null), { a: 1 });
    first.set("v", given);
    expect(first.get("v")).toBe(given);
    await first.save();
    const later = await sessions.open(`sessionid=${first.key}`, { secure: false });
    expect(later.get("v")).toEqual({ a: 1 });
    expect(later.get("v")).not.toBe(given);
  });
});

describe("a value has at most 1,000 levels", () => {
  const nested = (levels: number): unknown => {
    let value: unknown = [];
    for (let level = 1; level < levels; level++) value = level % 2 === 0 ? [value] : { inner: value };
    return value;
  };

  it("1,000 are stored", async () => {
    session.set("v", nested(1000));
    expect(await session.save()).toBe(true);
  });

  it.each([1001, 5000, 100_000])("%i are refused at the call, naming the place", (levels) => {
    const refusal = /^Sessions hold JSON only, and v\S+ … is nested more than 1,000 levels deep\./;
    for (const give of [
      () => session.set("v", nested(levels)),
      () => session.update("v", () => nested(levels)),
      () => session.assign({ v: nested(levels) }),
    ]) {
      expect(give).toThrow(TypeError);
      expect(give).toThrow(refusal);
    }
  });

  it.each([1001, 5000, 100_000])(
    "%i that were nested later are refused when they are saved",
    async (levels) => {
      const outer: Record<string, unknown> = {};
      session.set("v", outer);
      outer.deep = nested(levels);
      await expect(session.save()).rejects.toThrow(TypeError);
      await expect(session.save()).rejects.toThrow(/v\.deep\S+ … is nested more than 1,000 levels deep/);
    },
  );

  it.each([
    ["too many levels", nested(100_000), "nested more than 1,000 levels deep"],
    ["a circle", circle, "v.deep.inner.back is inside itself"],
  ])("update of a value that was given %s within says where", (_what, deep, place) => {
    const outer: Record<string, unknown> = {};
    session.update("v", () => outer);
    outer.deep = deep;
    expect(() => session.update("v", (value) => value)).toThrow(TypeError);
    expect(() => session.update("v", (value) => value)).toThrow(place);
  });
});
