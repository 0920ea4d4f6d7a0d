import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Longer than any test or hook may take. */
const SILENCE_MS = 10 * 60_000;

/** Ends every run with one plain line: "12 passed, 0 failed". In CI a skipped test counts as failed. */
export default class Tally implements Reporter {
  readonly #results: Record<"passed" | "failed" | "skipped", string[]> = {
    passed: [],
    failed: [],
    skipped: [],
  };
  readonly #running = new Set<string>();
  #faults = 0;
  #alarm: NodeJS.Timeout | undefined;

  onTestRunStart(): void {
    this.#heard();
    // At the very end, after the other reporters' summary.
    process.once("exit", () => {
      const { passed, failed, skipped } = this.#results;
      const failures = failed.length + this.#faults + (process.env.CI ? skipped.length : 0);
      if (failures > 0) process.exitCode = 1;
      for (const name of skipped) console.log(`Skipped: ${name}`);
      if (process.env.CI && skipped.length > 0) console.log("In CI a skipped test is a failure.");
      const remark = !process.env.CI && skipped.length > 0 ? `, ${skipped.length} skipped` : "";
      console.log(`\n${passed.length} passed, ${failures} failed${remark}`);
    });
  }

  onTestModuleQueued(file: TestModule): void {
    this.#running.add(file.relativeModuleId);
  }

  onTestModuleEnd(file: TestModule): void {
    this.#running.delete(file.relativeModuleId);
  }

  onTestCaseResult(test: TestCase): void {
    this.#heard();
    const { state } = test.result();
    // A store's tests leave out sentences of the contract that the store says do not apply to it: those do not count.
    if (state === "pending" || (state === "skipped" && test.name.includes("[does not apply:"))) return;
    this.#results[state].push(`${test.module.relativeModuleId}: ${test.fullName}`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    clearTimeout(this.#alarm);
    // These have no test to count: a file that could not be loaded, a failed hook, an error outside any test.
    const suites = modules.flatMap((file) => [file, ...file.children.allSuites()]);
    this.#faults += unhandledErrors.length + suites.filter((suite) => suite.errors().length > 0).length;
  }

  /** Vitest's own time limits cannot end a test that never yields, such as an endless loop. */
  #heard(): void {
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(() => {
      console.error(`Nothing happened for ${SILENCE_MS / 60_000} minutes in:`, [...this.#running]);
      this.#faults += 1;
      process.exit(1);
    }, SILENCE_MS).unref();
  }
}
