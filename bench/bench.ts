// npm run bench [-- --quick | --only TEXT | --starts N | --scale [--sessions N] | --guard [--write]]: measures, prints, and writes results/.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compare } from "./compare.ts";
import type { Place } from "./contenders/contender.ts";
import { pythonFor } from "./contenders/django/start.ts";
import { moveToServers } from "./cores.ts";
import { type Group, groups, runnersOf } from "./groups.ts";
import { guard } from "./guard.ts";
import type { Cost } from "./in-process.ts";
import { describeMachine, otherLoad } from "./machine.ts";
import { withPlace } from "./place.ts";
import type { Report } from "./report.ts";
import { writeResults } from "./results.ts";
import { countTrips } from "./round-trips.ts";
import { runRounds } from "./rounds.ts";
import { measureScale } from "./scale.ts";
import { isDjango, type Name } from "./serving.ts";
import { markdown } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    scale: { type: "boolean", default: false },
    sessions: { type: "string", default: "10000000" },
    only: { type: "string" },
    starts: { type: "string" },
    guard: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
/** How often each server is started anew. */
const starts = Number(options.starts ?? (options.quick ? 1 : 5));
const namesIn = (group: Group): Name[] => runnersOf(group).map(({ contender }) => contender);

if (options.guard) process.exit(guard({ write: options.write }) ? 0 : 1);
moveToServers();
await withPlace(options.scale ? (place) => measureScale(place, Number(options.sessions)) : measure);

async function measure(place: Place): Promise<void> {
  const missing = [...new Set(groups.flatMap(namesIn))].filter(
    (name) => isDjango(name) && pythonFor(name) === undefined,
  );
  const chosen = groups
    .filter(({ title }) => title.toLowerCase().includes((options.only ?? "").toLowerCase()))
    .map((group) => ({
      ...group,
      entries: group.entries.map((entry) => ({
        ...entry,
        peers: entry.peers.filter((peer) => !missing.includes(peer)),
      })),
    }));
  const before = otherLoad();
  const machine = describeMachine([...new Set(chosen.flatMap(namesIn))]); // Now, before the sources can change.
  const began = performance.now();
  const minutes = () => Math.round((performance.now() - began) / 60_000);
  const bursts = chosen.reduce((sum, group) => sum + runnersOf(group).length * (group.bursts + 1.5), 0);
  console.log(
    `About ${Math.ceil((bursts * starts * 1.1 + 40) / 60)} minutes; the load average is ${before}.`,
  );

  const measured: Report["groups"][number][] = [];
  for (const group of chosen) {
    console.log(`${group.title}: ${[...new Set(namesIn(group))].join(", ")}`);
    const samples = await runRounds(runnersOf(group), { starts, bursts: group.bursts }, place);
    measured.push({ title: group.title, rows: compare(group, samples) });
  }
  const isWhole = options.only === undefined;
  const trips = isWhole ? await countTrips(place) : [];
  const costs = isWhole ? child<Cost[]>("in-process.ts") : [];
  const heap = isWhole ? child<number>("../test/stores/processes/memory-measure.ts") : null;
  const report: Report = {
    kind: options.quick ? "quick" : "full",
    date: new Date().toISOString().slice(0, 10),
    machine,
    load: { before, after: otherLoad() },
    groups: measured,
    trips,
    costs,
    minutes: minutes(),
    heap,
    skipped: missing.map((name) => `${name}: no Python here has Django, gunicorn and what else it needs`),
  };
  const text = markdown(report);
  console.log(`\n${text}`);
  console.log(`The run took ${minutes()} minutes.`);
  // A run of only some groups, or of another number of starts, is not published.
  if (isWhole && options.starts === undefined) writeResults(report, text);
}

/** Runs a program and returns the JSON that it prints. */
function child<T>(program: string): T {
  const args = ["--expose-gc", join(import.meta.dirname, program)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 120_000 }));
}
