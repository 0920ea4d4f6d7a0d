import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { check, newSessions } from "./browser.ts";
import { asksOf, type CaseName, cases } from "./cases.ts";
import type { Place } from "./contenders/contender.ts";
import { cpuTime } from "./cpu.ts";
import { burst, type Load } from "./load.ts";
import { type Name, type Serving, startServing, type Turns } from "./serving.ts";

export interface Runner {
  readonly contender: Name;
  readonly use: CaseName;
}

/** One burst. */
export interface Sample {
  /** Microseconds of processor per request: of the server's process, and of Redis and PostgreSQL. */
  readonly cpu: number;
  readonly stores: number;
  /** Requests per second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Only of large sessions. */
  readonly turns?: Turns;
}

/** From this size on a single session can hold up the event loop. */
const LARGE = 32_000;

/**
 * Starts all runners, warms each up, and runs rounds of one burst each; all of that `starts` times, as the luck of a process is larger
 * than most differences. Resolves to each runner's samples.
 */
export async function runRounds(
  runners: readonly Runner[],
  { starts, bursts }: { readonly starts: number; readonly bursts: number },
  place: Place,
): Promise<Sample[][]> {
  const samples: Sample[][] = runners.map(() => []);
  for (let start = 0; start < starts; start++) {
    const up = new Map<Name, Serving>();
    try {
      for (const name of new Set(runners.map(({ contender }) => contender))) {
        const folder = mkdtempSync(join(place.folder, "contender-"));
        up.set(name, await startServing(name, { ...place, folder }));
      }
      const runs: (() => Promise<Sample>)[] = [];
      for (const { contender, use } of runners)
        runs.push(await prepared(up.get(contender) as Serving, use, place));
      for (const run of runs) await warmUp(run);
      for (let round = 0; round < bursts; round++) {
        // There and back again, so that a drift of the machine does not favour the one that comes first.
        const order = [...runs.entries()];
        for (const [index, run] of (start + round) % 2 === 0 ? order : order.reverse())
          samples[index]?.push(await run());
      }
    } finally {
      await Promise.all([...up.values()].map((serving) => serving.stop()));
    }
  }
  return samples;
}

/**
 * V8 goes on compiling for tens of thousands of requests: a server on Redis took twice as long for one after 5,000 of them as after
 * 50,000. Slow servers get less, as the bench would take too long.
 */
async function warmUp(run: () => Promise<Sample>): Promise<void> {
  let requests = 0;
  for (let bursts = 0; requests < 20_000 && bursts < 3; bursts++) requests += (await run()).rate;
}

/** The cookie that a framework alone is sent: as many bytes as a session's cookie has. */
const anyCookie = `sessionid=${"a".repeat(32)}`;

async function prepared(serving: Serving, use: CaseName, place: Place): Promise<() => Promise<Sample>> {
  const { url, pid } = serving;
  const asked = cases[use];
  const hasSessions = (await fetch(`${url}/fill?bytes=200`)).ok;
  if (hasSessions && asked.route !== "none") await check(url);
  const follow = asked.route === "login";
  const load = async (): Promise<Load> => {
    const cookies = hasSessions
      ? await newSessions(url, asked.sessions, asked.bytes)
      : Array.from({ length: asked.sessions }, () => anyCookie);
    return {
      url,
      connections: asked.connections,
      seconds: asked.seconds,
      asks: asksOf(asked, cookies),
      follow,
    };
  };
  const same = follow ? undefined : await load();
  const used = () => ({
    server: cpuTime(pid),
    stores: place.pids.reduce((sum, one) => sum + cpuTime(one), 0),
  });
  const watched = asked.bytes >= LARGE ? serving.turns : undefined;
  return async () => {
    const now = same ?? (await load()); // A login ends the session that it was made in.
    await watched?.();
    const before = used();
    const { requests, seconds, p50, p99 } = await burst(now, place.folder);
    const after = used();
    return {
      cpu: (after.server - before.server) / requests,
      stores: (after.stores - before.stores) / requests,
      rate: requests / seconds,
      p50,
      p99,
      ...(watched && { turns: await watched() }),
    };
  };
}
