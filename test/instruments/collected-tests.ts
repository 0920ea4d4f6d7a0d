/** Tests of `testStore` for a runtime that has no runner: they are collected, and run one after the other. */
export function collectedTests() {
  const tests: { name: string; body: () => Promise<void> }[] = [];
  const titles: string[] = [];

  function describe(title: string, body: () => void) {
    titles.push(title);
    body();
    titles.pop();
  }

  const it = Object.assign(
    (title: string, body: () => Promise<void>) =>
      void tests.push({ name: [...titles, title].join(" > "), body }),
    { skip() {} },
  );

  async function run(): Promise<{ passed: number; failed: string[] }> {
    const failed: string[] = [];
    for (const { name, body } of tests)
      await body().catch((error) => failed.push(`${name}: ${error.message}`));
    return { passed: tests.length - failed.length, failed };
  }

  return { describe, it, run };
}
