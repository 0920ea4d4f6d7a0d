import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { memoryStore, type Store } from "coatcheck";
import { testStore } from "coatcheck/testing";
import { describe, expect, it } from "vitest";
import { brokenStores, indexing, pause, soundStore } from "./broken-stores.ts";
import { runSuite } from "./run-suite.ts";

/** Each call begins and answers after a short random time, as over a network. */
function slow(inner: Store): Partial<Store> {
  const late =
    <Given extends unknown[], Answer>(verb: (...given: Given) => Promise<Answer>) =>
    async (...given: Given) => {
      await pause(Math.random() * 2);
      const answer = await verb(...given);
      await pause(Math.random() * 2);
      return answer;
    };
  return {
    read: late(inner.read),
    create: late(inner.create),
    update: late(inner.update),
    rotate: late(inner.rotate),
    touch: late(inner.touch),
    delete: late(inner.delete),
  };
}

describe("the store suite", () => {
  const wrong = ({ failures }: Awaited<ReturnType<typeof runSuite>>) =>
    [...failures]
      .filter(([, error]) => error !== undefined)
      .map(([sentence, error]) => `${sentence}: ${error?.message}`);

  it("finds nothing wrong with a sound store", async () => {
    const result = await runSuite(() => soundStore());
    expect(wrong(result)).toEqual([]);
    expect(result.skipped).toEqual([]);
  });

  it("finds nothing wrong with a sound store that takes its time", async () => {
    expect(wrong(await runSuite(() => soundStore(slow)))).toEqual([]);
  });

  it("finds nothing wrong with a sound store that keeps its user index by hand", async () => {
    expect(wrong(await runSuite(() => soundStore((inner) => indexing(inner, {}))))).toEqual([]);
  });

  // Reports: php/php-src#23071.
  it("knows a broken store for every one of its sentences", async () => {
    const { failures } = await runSuite(() => soundStore());
    const proven = new Set(brokenStores.flatMap(({ breaks }) => breaks));
    expect([...failures.keys()].filter((sentence) => !proven.has(sentence))).toEqual([]);
  });

  describe("reports that", () => {
    for (const { fault, breaks, make } of brokenStores) {
      it(fault, async () => {
        const { failures } = await runSuite(make, [], breaks);
        for (const sentence of breaks) expect(failures.get(sentence), sentence).toBeInstanceOf(Error);
      });
    }
  });

  it("skips by name what does not apply, and nothing else", async () => {
    const { listUser: _, clearExpired: __, stats: ___, ...rest } = memoryStore();
    const bare: Store = { ...rest, capabilities: { compareAndSet: false, expiresNatively: true } };
    const without = [
      "compareAndSet",
      "listUser",
      "clearExpired",
      "stats",
      "check",
      "elsewhere",
      "peek",
    ] as const;
    const all = await runSuite(() => soundStore());
    const { failures, skipped } = await runSuite(() => ({ store: bare }), without);
    expect(wrong({ failures, skipped: [] })).toEqual([
      expect.stringMatching(/^two stores that were made separately share no session/),
    ]);
    expect(failures.size + skipped.length).toBe(all.failures.size);
    expect(skipped).toContain(
      "the oldest go first [does not apply: the store expires by itself and has no clearExpired]",
    );
  });

  it("names the sentences that do not apply also where the runner cannot skip", () => {
    const titles: string[] = [];
    testStore("bare", () => ({ store: memoryStore() }), {
      describe: (_title, body) => body(),
      it: (title) => titles.push(title),
      without: ["peek"],
    });
    expect(titles).toContain(
      "the mark keeps no data and no user [does not apply: the test cannot look past the store]",
    );
  });

  it("says what to do where the runner has no globals, and for an ability that does not exist", () => {
    expect(() => testStore("any", () => ({ store: memoryStore() }))).toThrow(
      /option describe takes .* your test runner/,
    );
    const without = ["listUsers"] as unknown as ["listUser"];
    expect(() => testStore("any", () => ({ store: memoryStore() }), { describe, it, without })).toThrow(
      /option without.*listUsers/,
    );
  });

  it("runs under node:test as well", () => {
    const file = join(import.meta.dirname, "under-node-test.ts");
    const output = execFileSync(
      process.execPath,
      ["--import", "./test/runner/from-source.ts", "--test", "--test-reporter=tap", file],
      {
        encoding: "utf8",
        // Inside another run, node:test prints no result.
        env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      },
    );
    expect(output).toMatch(/^# pass 70$/m);
    expect(output).toMatch(/^# skipped 3$/m);
    expect(output).toMatch(/^# fail 0$/m);
  });
});
