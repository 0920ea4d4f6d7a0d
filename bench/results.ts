import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pages, withFigures } from "./pages.ts";
import { plot } from "./plot.ts";
import type { Report } from "./report.ts";

/** Writes a report to results/ in place of the last one of its kind, and the figures of a full run into the pages that show them. */
export function writeResults(report: Report, text: string): void {
  const folder = join(import.meta.dirname, "results");
  const { kind } = report;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${kind}.md`), `${text}\n![The same as bars](${kind}.svg)\n`);
  writeFileSync(join(folder, `${kind}.svg`), plot(report));
  writeFileSync(join(folder, `${kind}.json`), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`Written to bench/results/${kind}.md, .svg and .json`);
  if (kind === "full") writePages(report);
}

function writePages(report: Report): void {
  for (const [path, lines] of Object.entries(pages)) {
    const file = join(import.meta.dirname, "..", path);
    writeFileSync(file, withFigures(readFileSync(file, "utf8"), lines, report));
    console.log(`Figures written into ${path}`);
  }
}
