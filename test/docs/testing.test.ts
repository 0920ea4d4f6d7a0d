/** The tests that docs/testing.md shows run as they stand. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { browserMissing, chromiumPath } from "../servers/chromium.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

const blocks = readFileSync(join(root, "docs/testing.md"), "utf8")
  .split(/^## /m)
  .flatMap((section) =>
    [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""], index) => ({
      name: `${section.split("\n")[0]}, block ${index + 1}`,
      code,
    })),
  );

const why = browserMissing();

for (const { name, code } of blocks) {
  const needsBrowser = code.includes("chromium");
  test.skipIf(needsBrowser && why)(name, { timeout: 120_000 }, async () => {
    // Inside node_modules, where packages are found. Node strips no types there, so the file is JavaScript.
    const cache = join(root, "node_modules/.cache");
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, "coatcheck-testing-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "application.test.mjs");
    writeFileSync(file, stripTypeScriptTypes(code));
    const env = { ...process.env, ...(needsBrowser && { CHROMIUM_PATH: chromiumPath() }) };
    const args = ["--import", join(root, "test/runner/from-source.ts"), "--test-reporter=tap", file];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
    const tests = [...code.matchAll(/^test\(/gm)].length;
    expect(stdout).toContain(`# pass ${tests}\n`);
    expect(stdout).toContain("# fail 0\n");
  });
}

test("there is an example of every framework", () => {
  const frameworks = ["express", "fastify", "hono", "koa", "fetch", "node"];
  for (const one of frameworks)
    expect(blocks.filter(({ code }) => code.includes(`"coatcheck/${one}"`))).toHaveLength(1);
});
