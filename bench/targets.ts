// The project's aims, beside what was measured.
import type { Row } from "./compare.ts";
import type { Report } from "./report.ts";
import type { Trips } from "./round-trips.ts";

export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly isReached: boolean;
  /** The same figure of the framework alone, beside the same peer. */
  readonly limit?: string;
}

export function targetsOf({ groups, trips, heap }: Omit<Report, "machine">): Target[] {
  return [
    ...groups.flatMap(({ rows }) => rows.flatMap(ofRow)),
    ...trips.flatMap(ofTrips),
    {
      what: "memoryStore",
      wanted: "at most 250 bytes per session beside its data",
      measured: `${heap}`,
      isReached: heap <= 250,
    },
  ];
}

function ofRow({ contender, use, atMost, shareAtMost, overBare, beside }: Row): Target[] {
  const what = `${contender}, ${use}`;
  const targets: Target[] = [];
  if (atMost !== null && overBare !== null) {
    const wanted = `CPU at most ${atMost} × bare`;
    targets.push({ what, wanted, measured: overBare.toFixed(2), isReached: overBare <= atMost });
  }
  for (const { peer, share, rate, p99, atLeast, limit } of beside) {
    if (shareAtMost !== null && share !== null) {
      const wanted = `the session's CPU at most ${shareAtMost} × that of ${peer}`;
      targets.push({ what, wanted, measured: share.toFixed(2), isReached: share <= shareAtMost });
    }
    if (atLeast > 0) {
      const wanted = `requests/s at least ${atLeast} × ${peer}`;
      const known = limit === null ? {} : { limit: limit.toFixed(2) };
      targets.push({ what, wanted, measured: rate.toFixed(2), isReached: rate >= atLeast, ...known });
    }
    targets.push({
      what,
      wanted: `p99 below that of ${peer}`,
      measured: `${p99.toFixed(2)} ×`,
      isReached: p99 < 1,
    });
  }
  return targets;
}

/** The most round trips that each use may take. A lazy session that is not used may take none. */
const mostTrips: Readonly<Record<string, number>> = { read: 1, write: 2, login: 2, logout: 2 };

function ofTrips({ contender, use, roundTrips }: Trips): Target[] {
  if (!contender.startsWith("coatcheck")) return [];
  const lazy: Readonly<Record<string, number>> = { "not used": 0, logout: 1 };
  const most = (contender.endsWith("lazy") ? lazy : mostTrips)[use];
  if (most === undefined) return [];
  const wanted = `round trips at most ${most}`;
  return [{ what: `${contender}, ${use}`, wanted, measured: `${roundTrips}`, isReached: roundTrips <= most }];
}
