import { createSessions, memoryStore, type Session } from "coatcheck";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { canonical, copy, jsonValue, key } from "./json.ts";

/** Does the same to the session and to a plain Map, and returns both answers. */
type Step = (session: Session, map: Map<string, unknown>) => [actual: unknown, expected: unknown];

const named = (name: string, step: Step): Step =>
  Object.assign(step, { [fc.toStringMethod]: () => name, toString: () => name });
const show = (...values: unknown[]) => values.map((value) => JSON.stringify(value)).join(", ");

const newSessions = () => createSessions({ store: memoryStore() });

/** `pop`, for a Map. */
function taken(map: Map<string, unknown>, name: string): unknown {
  const value = map.get(name);
  map.delete(name);
  return value;
}

function grow(value: unknown): unknown {
  if (Array.isArray(value)) value.push(value.length);
  else if (typeof value === "object" && value !== null) (value as Record<string, unknown>).grown = true;
  return value;
}

/** A pure function, as `update` takes it. */
const wrapped = (value: unknown) => (value === undefined ? 0 : [value]);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(key, jsonValue).map(([name, value]) =>
    named(`set(${show(name, value)})`, (session, map) => {
      map.set(name, copy(value));
      return [session.set(name, copy(value)), session];
    }),
  ),
  fc.tuple(key, jsonValue).map(([name, value]) =>
    named(`setDefault(${show(name, value)})`, (session, map) => {
      if (!map.has(name)) map.set(name, copy(value));
      return [session.setDefault(name, copy(value)), map.get(name)];
    }),
  ),
  fc.dictionary(key, jsonValue, { maxKeys: 3 }).map((members) =>
    named(`assign(${show(members)})`, (session, map) => {
      for (const [name, value] of Object.entries(members)) map.set(name, copy(value));
      return [session.assign(members), session];
    }),
  ),
  key.map((name) =>
    named(`update(${show(name)})`, (session, map) => {
      const next = wrapped(map.get(name));
      map.set(name, next);
      return [session.update(name, wrapped), next];
    }),
  ),
  key.map((name) =>
    named(`update(${show(name)}) to undefined`, (session, map) => {
      map.delete(name);
      return [session.update(name, () => undefined), undefined];
    }),
  ),
  key.map((name) =>
    named(`grow(${show(name)})`, (session, map) => [grow(session.get(name)), grow(map.get(name))]),
  ),
  key.map((name) =>
    named(`grow all by iteration, then get(${show(name)})`, (session, map) => {
      for (const [, value] of session) grow(value);
      for (const value of map.values()) grow(value);
      return [session.get(name), map.get(name)];
    }),
  ),
  key.map((name) =>
    named(`get(${show(name)}, null)`, (session, map) => [session.get(name, null), map.get(name) ?? null]),
  ),
  key.map((name) =>
    named(`require(${show(name)})`, (session, map) => {
      if (map.has(name)) return [session.require(name), map.get(name)];
      expect(() => session.require(name)).toThrow(/The session has no/);
      return [0, 0];
    }),
  ),
  key.map((name) =>
    named(`delete(${show(name)})`, (session, map) => [session.delete(name), map.delete(name)]),
  ),
  key.map((name) => named(`pop(${show(name)})`, (session, map) => [session.pop(name), taken(map, name)])),
  key.map((name) =>
    named(`pop(${show(name)}, 7)`, (session, map) => {
      const fallback = map.has(name) ? undefined : 7;
      return [session.pop(name, 7), fallback ?? taken(map, name)];
    }),
  ),
  fc.constant(
    named("clear()", (session, map) => {
      session.clear();
      map.clear();
      return [0, 0];
    }),
  ),
);

/** Compares all that a session shows of its data with the Map. */
function compare(session: Session, map: Map<string, unknown>): void {
  const visited: [string, unknown][] = [];
  session.forEach((value, name) => void visited.push([name, value]));
  // By name alone: a value such as `{ toString: false }` cannot be compared.
  const sorted = (entries: Iterable<[string, unknown]>) =>
    canonical([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
  const expected = sorted(map);
  expect(sorted(session)).toBe(expected);
  expect(sorted(session.entries())).toBe(expected);
  expect(sorted(visited)).toBe(expected);
  expect(sorted(Object.entries(session.toObject()))).toBe(expected);
  expect([...session.keys()].sort()).toEqual([...map.keys()].sort());
  expect([...session.values()]).toHaveLength(map.size);
  expect(session.size).toBe(map.size);
  for (const name of [...map.keys(), "absent", "toString"]) expect(session.has(name)).toBe(map.has(name));
}

test("a session is a Map, from one request to the next", async () => {
  const visits = fc.array(fc.array(step, { maxLength: 8 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(visits, async (visits) => {
      const browser = new Browser(newSessions());
      const map = new Map<string, unknown>();
      for (const steps of visits) {
        const session = await browser.open();
        compare(session, map);
        for (const step of steps) {
          const [actual, expected] = step(session, map);
          if (expected === session) expect(actual).toBe(session);
          else expect(canonical(actual)).toBe(canonical(expected));
          compare(session, map);
        }
        await browser.respond(session);
      }
      compare(await browser.open(), map);
    }),
    { numRuns: 300 },
  );
});

test("a session keeps the order of a Map while a request runs", async () => {
  const names = fc.uniqueArray(key, { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(names, async (names) => {
      const session = await new Browser(newSessions()).open();
      for (const name of names) session.set(name, 1);
      expect([...session.keys()]).toEqual(names);
    }),
    { numRuns: 100 },
  );
});
