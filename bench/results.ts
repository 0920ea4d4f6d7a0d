import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plot } from "./plot.ts";
import type { Report } from "./report.ts";

/** Writes a report to results/ and replaces the last one of its kind. */
export function writeResults(report: Report, text: string): void {
  const folder = join(import.meta.dirname, "results");
  const { kind } = report;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${kind}.md`), `${text}\n![The same as bars](${kind}.svg)\n`);
  writeFileSync(join(folder, `${kind}.svg`), plot(report));
  writeFileSync(join(folder, `${kind}.json`), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`Written to bench/results/${kind}.md, .svg and .json`);
}
