/** docs/errors.md names every error, warning and event of the source. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("the page of errors is made from the source as it is now", () => {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-errors-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  execFileSync(process.execPath, ["scripts/errors-page.ts", join(folder, "errors.md")], { cwd: root });
  expect(
    readFileSync(join(root, "docs/errors.md"), "utf8"),
    "run `node scripts/errors-page.ts`, which writes the page anew",
  ).toBe(readFileSync(join(folder, "errors.md"), "utf8"));
});
