import fc from "fast-check";
import { expect, test } from "vitest";
import { replay } from "../../src/data/changes.ts";
import { Dictionary } from "../../src/data/dictionary.ts";
import { madeAgain, type Snapshot } from "../../src/data/snapshot.ts";
import { canonical, copy, jsonValue } from "./json.ts";

const settings = { nestedChanges: "detect", onConflict: "mine", schema: null } as const;
const names = ["a", "b", "c", "__proto__", "0"];
const data = (names: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...names), jsonValue).map((data) => JSON.stringify(data));

type Change = (dictionary: Dictionary) => void;

/** One change to one of these keys, and to no other. */
function change(names: readonly string[]): fc.Arbitrary<Change> {
  const name = fc.constantFrom(...names);
  return fc.oneof(
    fc.tuple(name, jsonValue).map(
      ([name, value]): Change =>
        (data) =>
          data.set(name, copy(value)),
    ),
    name.map(
      (name): Change =>
        (data) =>
          void data.delete(name),
    ),
    name.map(
      (name): Change =>
        (data) =>
          void data.update(name, (value) => [value ?? null]),
    ),
    name.map(
      (name): Change =>
        (data) => {
          const value = data.get(name);
          if (Array.isArray(value)) value.push(1);
        },
    ),
  );
}
const changes = (names: readonly string[]) => fc.array(change(names), { maxLength: 5 });
/** Changes to any key, `clear` among them. */
const anyChanges = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: change(names) },
    fc.constant<Change>((data) => data.clear()),
  ),
  { maxLength: 6 },
);

/** Makes these changes on the data of this text. */
function made(base: string, changes: readonly Change[]): Snapshot {
  const dictionary = new Dictionary(base, settings);
  for (const change of changes) change(dictionary);
  return dictionary.take();
}

const again = (snapshot: Snapshot, theirs: string, version: number | null = null) =>
  madeAgain(snapshot, { text: theirs, version }, "mine").mine;
const same = (one: string, other: string) =>
  expect(canonical(JSON.parse(one))).toBe(canonical(JSON.parse(other)));

test("replayed on what they were made on, changes lead where they led", () => {
  fc.assert(
    fc.property(data(names), anyChanges, (base, changes) => {
      const snapshot = made(base, changes);
      same(again(snapshot, base), snapshot.mine);
    }),
  );
});

test("no changes leave what others wrote", () => {
  fc.assert(
    fc.property(data(names), data(names), (base, theirs) => {
      same(again(made(base, []), theirs), theirs);
    }),
  );
});

test("changes to different keys come to the same in either order", () => {
  fc.assert(
    fc.property(data(names), changes(["a", "0"]), changes(["b", "__proto__"]), (base, some, others) => {
      const [one, two] = [made(base, some), made(base, others)];
      same(again(one, two.mine), again(two, one.mine));
    }),
  );
});

test("keys that were not changed stay as others left them", () => {
  fc.assert(
    fc.property(data(names), data(names), changes(["a", "0"]), (base, theirs, changes) => {
      const result = JSON.parse(again(made(base, changes), theirs));
      const before = JSON.parse(theirs);
      for (const name of ["b", "c", "__proto__"]) {
        const value = (data: object) => Object.getOwnPropertyDescriptor(data, name)?.value;
        expect(canonical(value(result))).toBe(canonical(value(before)));
      }
    }),
  );
});

test("counters add up, however many there are", () => {
  const count = fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(count, { maxLength: 5 }), (requests) => {
      const add = (by: number) => (data: Dictionary) =>
        void data.update("n", (n) => ((n as number | undefined) ?? 0) + by);
      const snapshots = requests.map((request) => made("{}", request.map(add)));
      const result = JSON.parse(snapshots.reduce((theirs, snapshot) => again(snapshot, theirs), "{}"));
      expect(result.n ?? 0).toBe(requests.flat().reduce((sum, by) => sum + by, 0));
    }),
  );
});

test("clear() leaves nothing of others, and what came after it", () => {
  fc.assert(
    fc.property(data(names), data(names), changes(names), (base, theirs, changes) => {
      const cleared = made(base, [(data) => data.clear(), ...changes]);
      same(again(cleared, theirs), cleared.mine);
    }),
  );
});

test("onConflict is asked exactly where both changed a key otherwise than by update, to different values", () => {
  const values = fc.record({ base: jsonValue, mine: jsonValue, theirs: jsonValue });
  fc.assert(
    fc.property(values, ({ base, mine, theirs }) => {
      const text = (value: unknown) => JSON.stringify({ key: value });
      const { changes } = made(text(base), [(data) => data.set("key", mine)]);
      const texts = { base: text(base), mine: text(mine), theirs: text(theirs) };
      const isConflict = texts.theirs !== texts.base && texts.theirs !== texts.mine;
      let asked = 0;
      const result = replay(changes, texts, (...given) => {
        asked++;
        expect(canonical(given)).toBe(canonical(["key", base, mine, theirs]));
        return "settled";
      });
      expect(asked).toBe(isConflict ? 1 : 0);
      same(result, text(isConflict ? "settled" : mine));
      same(replay(changes, texts, "theirs"), text(isConflict ? theirs : mine));
      const strictly = () => replay(changes, texts, "error");
      if (isConflict) expect(strictly).toThrow(/Another request changed "key"/);
      else same(strictly(), text(mine));
    }),
  );
});

test("changes put back are the changes that they were, with what was done since", () => {
  fc.assert(
    fc.property(data(names), data(names), anyChanges, anyChanges, (base, theirs, before, after) => {
      const dictionary = new Dictionary(base, settings);
      for (const change of before) change(dictionary);
      const snapshot = dictionary.take();
      for (const change of after) change(dictionary);
      dictionary.putBack(snapshot);
      same(again(dictionary.take(), theirs), again(made(base, [...before, ...after]), theirs));
    }),
  );
});

test("changes put back are not made again on a record that holds them", () => {
  fc.assert(
    fc.property(data(names), data(names), anyChanges, anyChanges, (base, theirs, before, after) => {
      const dictionary = new Dictionary(base, settings);
      for (const change of before) change(dictionary);
      const snapshot = dictionary.take();
      for (const change of after) change(dictionary);
      snapshot.versions.push(1);
      dictionary.putBack(snapshot);
      const stored = again(snapshot, theirs);
      dictionary.reload(stored, 1);
      same(dictionary.take().mine, again(made(snapshot.mine, after), stored));
    }),
  );
});

test("what was done while a save met another's write is made again on what that stored", () => {
  fc.assert(
    fc.property(data(names), data(names), anyChanges, anyChanges, (base, theirs, before, after) => {
      const dictionary = new Dictionary(base, settings);
      for (const change of before) change(dictionary);
      const snapshot = dictionary.take();
      for (const change of after) change(dictionary);
      const stored = again(snapshot, theirs);
      dictionary.rebase(stored, snapshot);
      const later = dictionary.take();
      const written = later.base === stored ? later.mine : again(later, stored);
      same(written, again(made(snapshot.mine, after), stored));
    }),
  );
});
