import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { check, newSessions } from "./browser.ts";
import { asksOf, type CaseName, cases } from "./cases.ts";
import type { Place } from "./contenders/contender.ts";
import { cpuTime } from "./cpu.ts";
import { burst, type Load } from "./load.ts";
import { type Name, type Serving, startServing } from "./serving.ts";

export interface Runner {
  readonly contender: Name;
  readonly use: CaseName;
}

/** One burst. */
export interface Sample {
  /** Microseconds of processor per request. */
  readonly cpu: number;
  /** Requests per second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Starts all runners at once, warms each up, then runs `rounds` rounds of one burst each. Resolves to each runner's samples. */
export async function runRounds(
  runners: readonly Runner[],
  rounds: number,
  place: Place,
): Promise<Sample[][]> {
  const up = new Map<Name, Serving>();
  try {
    for (const name of new Set(runners.map(({ contender }) => contender))) {
      const folder = mkdtempSync(join(place.folder, "contender-"));
      up.set(name, await startServing(name, { ...place, folder }));
    }
    const runs: (() => Promise<Sample>)[] = [];
    for (const { contender, use } of runners) {
      runs.push(await prepared(up.get(contender) as Serving, use, place.folder));
    }
    for (const run of runs) await warmUp(run, rounds > 10 ? 1 : 4);

    const samples: Sample[][] = runs.map(() => []);
    for (let round = 0; round < rounds; round++) {
      // There and back again, so that a drift of the machine does not favour the one that comes first.
      const order = [...runs.entries()];
      for (const [index, run] of round % 2 === 0 ? order : order.reverse()) samples[index]?.push(await run());
    }
    return samples;
  } finally {
    await Promise.all([...up.values()].map((serving) => serving.stop()));
  }
}

/** V8 compiles code well only after some thousand runs. With many rounds the median leaves the first ones out. */
async function warmUp(run: () => Promise<Sample>, mostBursts: number): Promise<void> {
  let requests = 0;
  for (let bursts = 0; requests < 10_000 && bursts < mostBursts; bursts++) requests += (await run()).rate;
}

/** The cookie that a framework alone is sent: as many bytes as a session's cookie has. */
const anyCookie = `sessionid=${"a".repeat(32)}`;

async function prepared(
  { url, pid }: Serving,
  use: CaseName,
  folder: string,
): Promise<() => Promise<Sample>> {
  const asked = cases[use];
  const hasSessions = (await fetch(`${url}/fill?bytes=200`)).ok;
  if (hasSessions && asked.route !== "none") await check(url);
  const follow = asked.route === "login";
  const load = async (): Promise<Load> => {
    const cookies = hasSessions
      ? await newSessions(url, asked.sessions, asked.bytes)
      : Array.from({ length: asked.sessions }, () => anyCookie);
    return { url, connections: asked.connections, asks: asksOf(asked, cookies), follow };
  };
  const same = follow ? undefined : await load();
  return async () => {
    const now = same ?? (await load()); // A login ends the session that it was made in.
    const before = cpuTime(pid);
    const { requests, seconds, p50, p99 } = await burst(now, folder);
    return { cpu: (cpuTime(pid) - before) / requests, rate: requests / seconds, p50, p99 };
  };
}
