import type { Row, Spread } from "./compare.ts";
import type { Report } from "./report.ts";
import { targetsOf } from "./targets.ts";

/** The report as Markdown. */
export function markdown(report: Report): string {
  const { kind, date, machine, load, minutes, groups, trips, costs, heap, skipped } = report;
  const bursts = groups.flatMap(({ rows }) => rows.map((row) => row.bursts));
  return [
    `# What a session adds, ${date}`,
    "",
    `${kind === "quick" ? "A quick run: a hint only." : "A full run."} Each figure is the median of ${span(bursts)} bursts of one second, in turn,`,
    "from servers that were started anew several times. **Added** is the CPU time of a request, user and system time of the server's process, less that of a",
    "request of the framework alone in the same round, with the quartiles; then the same over the framework a turn later. 64 sessions of 200 bytes on 32",
    "connections, unless said. \"Of the peer's\" is what our session adds over what the peer's adds: over the framework alone, and over the framework a turn later.",
    "",
    ...machine.map((line) => `- ${line}`),
    `- load average of the machine ${load.before} before and ${load.after} after; the run took ${minutes} minutes`,
    ...skipped.map((line) => `- not measured: ${line}`),
    "",
    "## To be reached",
    "",
    ...table(
      ["case", "to be reached", "measured", ""],
      targetsOf(report).map(({ what, wanted, measured, isReached }) => [
        what,
        wanted,
        measured,
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
          "added, µs",
          "a turn later",
          "CPU, µs",
          "CPU of Redis, PostgreSQL",
          "of the peer's",
          "requests/s",
          "p50, ms",
          "p99, ms",
          ...(rows.some(({ turns }) => turns) ? ["loop delayed, ms: p50, p99, most"] : []),
        ],
        rows.map((row) => cells(row)),
      ),
    ]),
    ...(trips.length === 0 ? [] : ofTrips(trips)),
    ...(costs.length === 0 ? [] : ofCosts(costs)),
    ...(heap === null ? [] : ["", `A session in memoryStore takes ${heap} bytes beside its data.`]),
    "",
  ].join("\n");
}

const ofTrips = (trips: Report["trips"]) => [
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
];

const ofCosts = (costs: Report["costs"]) => [
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
];

function cells({
  contender,
  use,
  added,
  addedLater,
  cpu,
  stores,
  beside,
  rate,
  p50,
  p99,
  turns,
}: Row): string[] {
  return [
    contender,
    use,
    withQuartiles(added),
    withQuartiles(addedLater),
    cpu.toFixed(1),
    stores < 0.5 ? "" : stores.toFixed(1),
    beside
      .filter((one) => one.added !== null && one.addedLater !== null)
      .map((one) => `${one.added?.toFixed(2)}, ${one.addedLater?.toFixed(2)} of ${one.peer}`)
      .join("; "),
    rate.toFixed(0),
    p50.toFixed(2),
    p99.toFixed(1),
    ...(turns === null ? [] : [[turns.p50, turns.p99, turns.longest].map((ms) => ms.toFixed(1)).join(", ")]),
  ];
}

const withQuartiles = (added: Spread | null) =>
  added === null ? "" : `${added.median.toFixed(1)} (${added.lower.toFixed(1)} to ${added.upper.toFixed(1)})`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
}

function span(numbers: readonly number[]): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? `${least}` : `${least} to ${most}`;
}

const short = (number: number) => (Number.isInteger(number) ? `${number}` : number.toFixed(2));
