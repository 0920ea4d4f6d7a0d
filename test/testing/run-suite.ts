import { type MakeStore, type TestStoreOptions, testStore } from "coatcheck/testing";

export interface Result {
  /** The error of each sentence; undefined for a sentence that holds. */
  readonly failures: ReadonlyMap<string, Error | undefined>;
  readonly skipped: readonly string[];
}

/** Runs the suite as a test runner would, and returns what it found. */
export async function runSuite(
  makeStore: MakeStore,
  without: NonNullable<TestStoreOptions["without"]> = [],
  only?: readonly string[],
): Promise<Result> {
  const tests = new Map<string, () => Promise<void>>();
  const skipped: string[] = [];
  testStore("a store", makeStore, {
    describe: (_title, body) => body(),
    it: Object.assign((title: string, body: () => Promise<void>) => tests.set(title, body), {
      skip: (title: string) => skipped.push(title),
    }),
    without,
  });
  const failures = new Map<string, Error | undefined>();
  for (const title of only ?? tests.keys()) {
    const run = tests.get(title);
    if (run === undefined) throw new Error(`The suite has no sentence "${title}".`);
    failures.set(
      title,
      await run().then(
        () => undefined,
        (error: Error) => error,
      ),
    );
  }
  return { failures, skipped };
}
