import { createSessions, memoryStore, type Store } from "coatcheck";
import fc from "fast-check";
import { expect, test } from "vitest";
import { VERBS } from "../instruments/wrapped-store.ts";

const record = fc.record({
  data: fc.constantFrom("{}", '{"n":1}', "no JSON: hunter2", "[]", "null"),
  version: fc.nat(),
  userId: fc.constantFrom(null, "ada"),
  createdAt: fc.constant(0),
  authenticatedAt: fc.constant(null),
  expiresAt: fc.constantFrom(0, 1e15),
  expiry: fc.constantFrom(null, 0, 60, 2e12),
  format: fc.constantFrom(0, 1, 2),
});
const spoiled = fc
  .tuple(record, fc.constantFrom("data", "version", "userId", "expiresAt", "expiry", "format"), fc.anything())
  .map(([record, name, value]) => ({ ...record, [name]: value }));

const moved = fc.constantFrom("a", "b").map((digit) => ({ movedTo: digit.repeat(64) }));
const outcome = fc.oneof(fc.constantFrom("saved", "conflict", "gone"), moved);
const sane = {
  read: fc.oneof({ weight: 3, arbitrary: record }, fc.constantFrom("moved", null)),
  create: fc.boolean(),
  update: outcome,
  rotate: outcome,
  touch: fc.boolean(),
  delete: fc.oneof(fc.constant(undefined), moved),
};
const insane = fc.oneof(
  fc.anything(),
  spoiled,
  fc.constantFrom(null, undefined, true, "moved", "saved", "hunter2"),
);

/** Answers that a broken store, or an object that is no store, may give. */
function reply(verb: (typeof VERBS)[number]): fc.Arbitrary<() => unknown> {
  const named = (how: string, what: unknown, answer: () => unknown) =>
    Object.assign(answer, { [fc.toStringMethod]: () => `${how} ${fc.stringify(what)}` });
  return fc.oneof(
    {
      weight: 6,
      arbitrary: (sane[verb] as fc.Arbitrary<unknown>).map((it) => named("says", it, async () => it)),
    },
    insane.map((it) => named("says", it, async () => it)),
    insane.map((it) => named("returns", it, () => it)),
    insane.map((it) => named("rejects", it, () => Promise.reject(it))),
    insane.map((it) =>
      named("throws", it, () => {
        throw it;
      }),
    ),
  );
}
const replies = fc.record(
  Object.fromEntries(VERBS.map((verb) => [verb, fc.array(reply(verb), { minLength: 1, maxLength: 3 })])),
);

/** More calls than this mean that the core would never stop. */
const TOO_OFTEN = 20_000;

test("whatever a store answers, a request succeeds or gets a StoreUnavailableError that tells nothing of it", async () => {
  const acts = fc.subarray([
    "set",
    "update",
    "login",
    "flush",
    "cycleKey",
    "setExpiry",
    "save",
    "load",
  ] as const);
  await fc.assert(
    fc.asyncProperty(replies, acts, async (replies, acts) => {
      let asked = 0;
      const verbs = VERBS.map((verb) => {
        const list = replies[verb] ?? [];
        let turn = 0;
        return [
          verb,
          () => {
            if (++asked > TOO_OFTEN) throw new Error("The core asks for ever.");
            return list[turn++ % list.length]?.();
          },
        ];
      });
      const store = { ...memoryStore(), ...Object.fromEntries(verbs) } as Store;
      const sessions = createSessions({ store, storeTimeout: 0.01, idleTimeout: 60 });
      try {
        const session = await sessions.open(`sessionid=${"k".repeat(32)}`, { secure: false });
        session.toObject();
        for (const act of acts) {
          if (act === "set") session.set("a", 1);
          else if (act === "update") session.update("n", () => 1);
          else if (act === "login") session.login("bob");
          else if (act === "setExpiry") session.setExpiry(60);
          else await session[act]();
        }
        await sessions.commit(session, { status: 200 });
      } catch (error) {
        expect(error).toMatchObject({ name: "StoreUnavailableError", status: 503 });
        expect(String(error)).not.toContain("hunter2");
      }
      expect(asked).toBeLessThan(TOO_OFTEN);
    }),
    { numRuns: 1000 },
  );
});
