import assert from "node:assert/strict";
import type { Store } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { type Ability, abilities, type Sentence } from "./sentence.ts";
import { aborting } from "./sentences/aborting.ts";
import { clearing } from "./sentences/clearing.ts";
import { counting } from "./sentences/counting.ts";
import { creating } from "./sentences/creating.ts";
import { deleting } from "./sentences/deleting.ts";
import { expiring } from "./sentences/expiring.ts";
import { keeping } from "./sentences/keeping.ts";
import { listing } from "./sentences/listing.ts";
import { plainness } from "./sentences/plainness.ts";
import { reading } from "./sentences/reading.ts";
import { rotating } from "./sentences/rotating.ts";
import { touching } from "./sentences/touching.ts";
import { updating } from "./sentences/updating.ts";
import { type MakeStore, type StoreUnderTest, Trial } from "./trial.ts";

const chapters: Readonly<Record<string, readonly Sentence[]>> = {
  reading,
  "keeping what was given": keeping,
  creating,
  updating,
  deleting,
  expiring,
  touching,
  rotating,
  "listing a user's sessions": listing,
  "clearing what has expired": clearing,
  "counting and checking": counting,
  aborting,
  "being a plain object": plainness,
};

/** The two functions that vitest, node:test, Jest, Mocha and Bun have in common. */
export interface TestRunner {
  describe(title: string, body: () => void): unknown;
  it: {
    (title: string, body: () => Promise<void>): unknown;
    /** Where a runner has no `skip`, a sentence that does not apply is a passing test whose title says so. */
    skip?: ((title: string, body: () => Promise<void>) => unknown) | undefined;
  };
}

export interface TestStoreOptions extends Partial<TestRunner> {
  /**
   * The abilities that the store or this test does not have. Sentences that need them are skipped by name. Default is `[]`. The
   * store's own verbs and `capabilities` must agree, so that a forgotten verb is a failure.
   */
  readonly without?: readonly Ability[];
}

/**
 * Registers the store contract as tests: one for each sentence of `contract/store.ts`, each on an empty store of its own.
 * Throws a SettingsError when an option is wrong, or when the runner has no `describe` and `it`.
 *
 * ```ts
 * import { describe, it } from "node:test"; // or vitest, bun:test; Jest and Mocha have them as globals
 * import { testStore } from "coatcheck/testing";
 *
 * testStore("my store", async () => {
 *   const folder = await mkdtemp("my-store-");
 *   return { store: myStore(folder), elsewhere: myStore(folder), dispose: () => rm(folder, { recursive: true }) };
 * }, { describe, it, without: ["listUser", "peek"] });
 * ```
 *
 * Beyond the words of the contract it demands this: `data` and `userId` are well-formed Unicode without a raw NUL
 * (what `JSON.stringify` gives); `data` has up to 256 KiB, a user id up to 300 characters; times are whole numbers; `now`
 * alone decides what has expired, also in a store whose server expires natively; with nothing else going on, `delete` and
 * `rotate` leave no entry of the old id in the user's list. Whether `create` may reuse the id of an expired session is
 * the store's choice. A store may remove expired records whenever it likes.
 */
export function testStore(name: string, makeStore: MakeStore, options: TestStoreOptions = {}): void {
  const { describe, it } = runner(options);
  const without = new Set(options.without);
  for (const ability of without) {
    if (!Object.hasOwn(abilities, ability)) {
      throw new SettingsError(
        "without",
        `a list of ${Object.keys(abilities).join(", ")}, and got ${String(ability)}`,
      );
    }
  }

  const onFreshStore = (attempt: (made: StoreUnderTest) => unknown) => async () => {
    const made = await makeStore();
    try {
      await attempt(made);
    } finally {
      await made.dispose?.();
    }
  };

  const register = ({ says, needs = [], holds }: Sentence) => {
    const missing = needs.filter((ability) => without.has(ability));
    const body = onFreshStore((made) => holds(new Trial(made, makeStore)));
    if (missing.length === 0) {
      it(says, body);
      return;
    }
    const title = `${says} [does not apply: ${missing.map((ability) => abilities[ability]).join("; ")}]`;
    if (it.skip) it.skip(title, body);
    else it(title, async () => {});
  };

  describe(`the store contract: ${name}`, () => {
    it(
      "the store can do what the suite was told, no more and no less",
      onFreshStore((made) => agree(made, without)),
    );
    for (const [chapter, sentences] of Object.entries(chapters)) {
      describe(chapter, () => {
        for (const sentence of sentences) register(sentence);
      });
    }
  });
}

function runner({ describe, it }: TestStoreOptions): TestRunner {
  const globals = globalThis as Partial<TestRunner>;
  const found = { describe: describe ?? globals.describe, it: it ?? globals.it };
  if (found.describe === undefined || found.it === undefined) {
    throw new SettingsError(
      "describe",
      "the function of your test runner, as does it: this runner has no such globals",
    );
  }
  return found as TestRunner;
}

/** Holds when the store has exactly the abilities that the suite was told of: a forgotten verb is a failure, not a skip. */
function agree({ store, elsewhere, peek }: StoreUnderTest, without: ReadonlySet<Ability>): void {
  const has: Record<Ability, boolean> = {
    ...shown(store),
    elsewhere: elsewhere !== undefined,
    peek: peek !== undefined,
  };
  for (const [ability, present] of Object.entries(has) as [Ability, boolean][]) {
    assert.equal(
      present,
      !without.has(ability),
      present
        ? `The suite was told of no ${ability}, but it is there: take "${ability}" out of \`without\`.`
        : `There is no ${ability}: add it, or say without: ["${ability}"] if ${abilities[ability]} on purpose.`,
    );
  }
  assert.equal(
    store.capabilities?.expiresNatively ?? false,
    store.clearExpired === undefined,
    "A store has clearExpired, or says capabilities.expiresNatively: true, and not both.",
  );
}

function shown(store: Store) {
  return {
    compareAndSet: store.capabilities?.compareAndSet ?? true,
    clearExpired: store.clearExpired !== undefined,
    listUser: store.listUser !== undefined,
    stats: store.stats !== undefined,
    check: store.check !== undefined,
  };
}
