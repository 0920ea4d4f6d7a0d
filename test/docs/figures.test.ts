/** The figures that README and docs/speed.md show are those of the last full run of the bench. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pages, withFigures } from "../../bench/pages.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test.each(Object.entries(pages))("%s shows the figures of the last full run", (path, lines) => {
  const page = read(path);
  expect(page).toBe(withFigures(page, lines, JSON.parse(read("bench/results/full.json"))));
});
