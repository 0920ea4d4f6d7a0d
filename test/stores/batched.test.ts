import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { Signal } from "../../src/contract/call.ts";
import { ALONE, batched, LARGEST_BATCH } from "../../src/stores/calls/batched.ts";
import { InDoubtError } from "../../src/stores/calls/borrow.ts";
import { settle } from "../instruments/loopback.ts";

interface Call {
  readonly id: string;
  /** Makes the batch fail, or this call alone. */
  readonly flaw?: "spoils the batch" | "loses the answer" | "is refused" | "cannot be batched" | undefined;
}

const patience = () => new AbortController().signal;

/** The trips so far, each as the ids that it carried. */
let trips: string[][] = [];
/** Set to hold the answers of batches back. */
let gate: Promise<void> = Promise.resolve();

async function one({ id, flaw }: Call): Promise<string> {
  trips.push([id]);
  if (flaw === "is refused") throw new Error(`${id} is refused`);
  return `${id} alone`;
}

async function many(calls: readonly Call[]): Promise<(string | typeof ALONE)[]> {
  trips.push(calls.map(({ id }) => id));
  await gate;
  if (calls.some(({ flaw }) => flaw === "spoils the batch" || flaw === "is refused"))
    throw new Error("spoilt");
  return calls.map(({ id, flaw }) => (flaw === "cannot be batched" ? ALONE : `${id} together`));
}

const together = batched<Call, string>({ one, many });
const oneOfAnId = batched<Call, string>({ one, many, keyOf: ({ id }) => id });
const ids = (...names: string[]): Call[] => names.map((id) => ({ id }));
const askAll = (ask: typeof together, calls: readonly Call[]) =>
  Promise.all(calls.map((call) => ask(call, patience())));

beforeEach(() => {
  trips = [];
  gate = Promise.resolve();
});

describe("calls of one turn", () => {
  it("go together, and each gets its own answer", async () => {
    expect(await askAll(together, ids("a", "b", "c"))).toEqual(["a together", "b together", "c together"]);
    expect(trips).toEqual([["a", "b", "c"]]);
  });

  it("also from callbacks that run later in the turn", async () => {
    const first = together({ id: "a" }, patience());
    await Promise.resolve();
    const second = new Promise((resolve) =>
      process.nextTick(() => resolve(together({ id: "b" }, patience()))),
    );
    expect(await Promise.all([first, second])).toEqual(["a together", "b together"]);
    expect(trips).toEqual([["a", "b"]]);
  });

  it("of which there is one go as if there were no batches", async () => {
    const { signal } = new AbortController();
    const given: unknown[] = [];
    const ask = batched<string, string>({
      async one(call, signal) {
        given.push(call, signal);
        return call;
      },
      many: () => Promise.reject(new Error("not asked")),
    });
    expect(await ask("a", signal)).toBe("a");
    expect(given).toEqual(["a", signal]);
    expect(given[1]).toBe(signal);
  });

  it("of different turns do not wait for each other", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    const first = askAll(together, ids("a", "b"));
    await settle();
    expect(await together({ id: "c" }, patience())).toBe("c alone");
    resolve();
    await first;
    expect(trips).toEqual([["a", "b"], ["c"]]);
  });

  it("are no more than a batch may hold: the rest go with the next turn", async () => {
    const calls = Array.from({ length: 2 * LARGEST_BATCH + 1 }, (_, n) => ({ id: `${n}` }));
    await askAll(together, calls);
    expect(trips.map(({ length }) => length)).toEqual([LARGEST_BATCH, LARGEST_BATCH, 1]);
    expect(trips.flat()).toEqual(calls.map(({ id }) => id));
  });
});

describe("two writes of one id", () => {
  it("never share a batch, and go in the call in which they came", async () => {
    const answers = await askAll(oneOfAnId, ids("a", "b", "a", "a", "c"));
    expect(answers).toEqual(["a together", "b together", "a alone", "a alone", "c together"]);
    expect(trips).toEqual([["a", "b", "c"], ["a"], ["a"]]);
  });

  it("but reads may", async () => {
    await askAll(together, ids("a", "a"));
    expect(trips).toEqual([["a", "a"]]);
  });
});

describe("one caller's data costs nobody else", () => {
  it("a batch that fails is repeated one by one", async () => {
    const calls: Call[] = [{ id: "a" }, { id: "b", flaw: "is refused" }, { id: "c" }];
    const settled = await Promise.allSettled(calls.map((call) => together(call, patience())));
    expect(settled).toEqual([
      { status: "fulfilled", value: "a alone" },
      { status: "rejected", reason: new Error("b is refused") },
      { status: "fulfilled", value: "c alone" },
    ]);
  });

  it("a call is told when it may have been carried out already", async () => {
    const told: [string, boolean][] = [];
    const ask = batched<Call, string>({
      async one({ id }, _signal, isInDoubt) {
        told.push([id, isInDoubt]);
        return id;
      },
      async many(calls) {
        if (calls.some(({ flaw }) => flaw === "spoils the batch")) throw new Error("spoilt");
        if (calls.some(({ flaw }) => flaw === "loses the answer")) throw new InDoubtError(new Error("lost"));
        return calls.map(() => ALONE);
      },
    });
    await ask({ id: "a" }, patience());
    await askAll(ask, ids("b", "c"));
    await askAll(ask, [{ id: "d", flaw: "spoils the batch" }, { id: "e" }]);
    await askAll(ask, [{ id: "f", flaw: "loses the answer" }, { id: "g" }]);
    expect(told).toEqual([
      ["a", false],
      ["b", false],
      ["c", false],
      ["d", false],
      ["e", false],
      ["f", true],
      ["g", true],
    ]);
  });

  it("a batch that must not be repeated gives its error to all its callers", async () => {
    for (const many of [
      () => {
        throw new TypeError("lost");
      },
      () => Promise.reject(new TypeError("lost")),
    ]) {
      const ask = batched<Call, string>({ one, many, isFinal: (error) => error instanceof TypeError });
      const settled = await Promise.allSettled(ids("a", "b").map((call) => ask(call, patience())));
      expect(settled).toEqual([1, 2].map(() => ({ status: "rejected", reason: new TypeError("lost") })));
    }
    expect(trips).toEqual([]);
  });

  it("what a batch cannot do is done alone, and nothing else is repeated", async () => {
    const calls: Call[] = [{ id: "a" }, { id: "b", flaw: "cannot be batched" }, { id: "c" }];
    expect(await askAll(together, calls)).toEqual(["a together", "b alone", "c together"]);
    expect(trips).toEqual([["a", "b", "c"], ["b"]]);
  });
});

it("takes answers that are there at once, and faults too", async () => {
  const ask = batched<Call, string>({
    one({ id, flaw }) {
      if (flaw !== undefined) throw new Error(`${id} is refused`);
      return `${id} alone`;
    },
    many(calls) {
      if (calls.some(({ flaw }) => flaw !== undefined)) throw new Error("spoilt");
      return calls.map(({ id }) => `${id} together`);
    },
  });
  expect(await ask({ id: "a" }, patience())).toBe("a alone");
  await expect(ask({ id: "a", flaw: "is refused" }, patience())).rejects.toThrow("a is refused");
  expect(await askAll(ask, ids("a", "b"))).toEqual(["a together", "b together"]);
  const mixed: Call[] = [{ id: "a" }, { id: "b", flaw: "is refused" }];
  expect(await Promise.allSettled(mixed.map((call) => ask(call, patience())))).toEqual([
    { status: "fulfilled", value: "a alone" },
    { status: "rejected", reason: new Error("b is refused") },
  ]);
});

describe("a signal", () => {
  it("that has aborted sends nothing", async () => {
    await expect(together({ id: "a" }, AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
    await settle();
    expect(trips).toEqual([]);
  });

  it("that aborts before the turn ends sends nothing, and the others go", async () => {
    const leaver = new AbortController();
    const left = together({ id: "a" }, leaver.signal);
    const stayed = askAll(together, ids("b", "c"));
    leaver.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    expect(await stayed).toEqual(["b together", "c together"]);
    expect(trips).toEqual([["b", "c"]]);
  });

  it("that aborts under way tells its caller at once; the others get their answers", async () => {
    let open = () => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const leaver = new AbortController();
    const left = together({ id: "a" }, leaver.signal);
    const stayed = askAll(together, ids("b", "c"));
    await settle();
    leaver.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    open();
    expect(await stayed).toEqual(["b together", "c together"]);
  });

  it("that aborts before its batch fails is not asked for again", async () => {
    let open = () => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const leaver = new AbortController();
    const left = together({ id: "a" }, leaver.signal);
    const stayed = together({ id: "b", flaw: "spoils the batch" }, patience());
    await settle();
    leaver.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    open();
    expect(await stayed).toBe("b alone");
    expect(trips).toEqual([["a", "b"], ["b"]]);
  });

  it("ends the trip when it is the last to abort, and not before", async () => {
    let trip: Signal | undefined;
    const ask = batched<string, string>({
      one: async (call) => call,
      many(_orders, signal) {
        trip = signal;
        return new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        );
      },
    });
    const [one, other] = [new AbortController(), new AbortController()];
    const settled = Promise.allSettled([ask("a", one.signal), ask("b", other.signal)]);
    await settle();
    one.abort(new Error("first"));
    expect(trip?.aborted).toBe(false);
    other.abort(new Error("last"));
    expect(trip?.reason).toEqual(new Error("last"));
    expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

it("answers everybody once and rightly, whatever comes together", async () => {
  const flaw = fc.option(
    fc.constantFrom("spoils the batch" as const, "is refused" as const, "cannot be batched" as const),
    { nil: undefined, freq: 9 },
  );
  const call = fc.record({ id: fc.constantFrom("a", "b", "c", "d", "e"), flaw });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(call, { maxLength: 9 }), { maxLength: 4 }), async (turns) => {
      trips = [];
      const settled: Promise<[PromiseSettledResult<string>]>[] = [];
      for (const calls of turns) {
        for (const call of calls) settled.push(Promise.allSettled([oneOfAnId(call, patience())]));
        await new Promise(setImmediate);
      }
      for (const [n, { id, flaw }] of turns.flat().entries()) {
        const [outcome] = (await settled[n]) as [PromiseSettledResult<string>];
        if (flaw === "is refused") expect(outcome.status).toBe("rejected");
        else expect((outcome as PromiseFulfilledResult<string>).value).toMatch(new RegExp(`^${id} `));
      }
      for (const trip of trips) expect(new Set(trip).size).toBe(trip.length);
    }),
  );
});
