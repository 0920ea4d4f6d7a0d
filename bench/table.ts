import type { Row } from "./compare.ts";
import type { Report } from "./report.ts";
import { targetsOf } from "./targets.ts";

/** The report as Markdown. */
export function markdown(report: Report): string {
  const { kind, date, machine, load, groups, trips, costs, heap, skipped } = report;
  const pairs = groups.flatMap(({ rows }) => rows.map((row) => row.pairs));
  return [
    `# What a session costs, ${date}`,
    "",
    `${kind === "quick" ? "A quick run: few pairs, a hint only." : "A full run."} Each cell is the median of ${span(pairs)} bursts of`,
    "one second; each ratio the median of the ratios of bursts that followed each other. CPU is user and system time of the server's",
    "process per request. 64 sessions of 200 bytes on 32 connections, unless said.",
    "",
    ...machine.map((line) => `- ${line}`),
    `- load average of the machine ${load.before} before and ${load.after} after; CPU ratios bear that, requests per second hardly`,
    ...skipped.map((line) => `- not measured: ${line}`),
    "",
    "## To be reached",
    "",
    ...table(
      ["case", "to be reached", "measured", "the framework alone", ""],
      targetsOf(report).map(({ what, wanted, measured, isReached, limit = "" }) => [
        what,
        wanted,
        measured,
        limit,
        isReached ? "reached" : "**missed**",
      ]),
    ),
    ...groups.flatMap(({ title, rows }) => [
      "",
      `## ${title}`,
      "",
      ...table(
        [
          "server",
          "case",
          "CPU, µs",
          "CPU over bare",
          "requests/s",
          "p99, ms",
          "beside",
          "CPU",
          "session's CPU",
          "requests/s",
          "p99",
          "pairs",
        ],
        rows.map((row) => cells(row)),
      ),
    ]),
    "",
    "## Asked of the store, per request",
    "",
    ...table(
      ["server", "case", "round trips", "Redis commands", "bytes to and fro"],
      trips.map(({ contender, use, roundTrips, commands, bytes }) => [
        contender,
        use,
        short(roundTrips),
        commands === 0 && contender.match(/PostgreSQL|pg/) ? "" : short(commands),
        bytes.toFixed(0),
      ]),
    ),
    "",
    "## In the process, without a server",
    "",
    ...table(
      ["what", "µs", "p99, µs"],
      costs.map(({ what, nanoseconds, p99 }) => [
        what,
        (nanoseconds / 1000).toFixed(2),
        (p99 / 1000).toFixed(2),
      ]),
    ),
    "",
    `A session in memoryStore takes ${heap} bytes beside its data.`,
    "",
  ].join("\n");
}

function cells(row: Row): string[] {
  const { contender, use, cpu, overBare, rate, p99, pairs, beside } = row;
  const [first] = beside;
  return [
    contender,
    use,
    cpu.toFixed(0),
    overBare === null ? "" : overBare.toFixed(2),
    rate.toFixed(0),
    p99.toFixed(1),
    first?.peer ?? "",
    first?.cpu.toFixed(2) ?? "",
    first?.share?.toFixed(2) ?? "",
    first?.rate.toFixed(2) ?? "",
    first?.p99.toFixed(2) ?? "",
    `${pairs}`,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
}

function span(numbers: readonly number[]): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? `${least}` : `${least} to ${most}`;
}

const short = (number: number) => (Number.isInteger(number) ? `${number}` : number.toFixed(2));
