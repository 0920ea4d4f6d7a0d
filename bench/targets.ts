// The project's aims, beside what was measured.
import {
  asManyAsPeer,
  HEAP,
  lazyRoundTrips,
  roundTrips as mostTrips,
  P50_OVER_BARE,
  P99_OF_PEER,
  partOfPeer,
  type ReadAndWrite,
} from "./aims.ts";
import type { Beside, Row } from "./compare.ts";
import type { Report } from "./report.ts";
import type { Trips } from "./round-trips.ts";

export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly isReached: boolean;
}

export function targetsOf({ groups, trips, heap }: Pick<Report, "groups" | "trips" | "heap">): Target[] {
  return [
    ...groups.flatMap(({ rows }) => rows.flatMap(ofRow)),
    ...trips.flatMap(ofTrips),
    ...(heap === null ? [] : [ofHeap(heap)]),
  ];
}

const ofHeap = (heap: number): Target => ({
  what: "memoryStore",
  wanted: `at most ${HEAP} bytes per session beside its data`,
  measured: `${heap}`,
  isReached: heap <= HEAP,
});

function ofRow(row: Row): Target[] {
  const targets = row.beside.flatMap((beside) => ofPair(row, beside));
  if (row.use === "write, one at a time" && row.beside.length > 0 && row.p50OverBare !== null)
    targets.push({
      what: nameOf(row),
      wanted: `p50 at most ${P50_OVER_BARE} × the framework alone`,
      measured: row.p50OverBare.toFixed(2),
      isReached: row.p50OverBare <= P50_OVER_BARE,
    });
  return targets;
}

function ofPair(row: Row, { peer, added, addedLater, rate, p99 }: Beside): Target[] {
  const what = nameOf(row);
  const targets: Target[] = [];
  const most = partOfPeer[row.contender]?.[peer]?.[row.use as keyof ReadAndWrite];
  if (most !== undefined && added !== null && addedLater !== null) {
    // Of the two the dearer one counts.
    const worse = Math.max(added, addedLater);
    targets.push({
      what,
      wanted: `adds at most ${most.toFixed(3)} of what ${peer} adds`,
      measured: `${added.toFixed(3)}; a turn later ${addedLater.toFixed(3)}`,
      isReached: worse <= most,
    });
  }
  if (asManyAsPeer.includes(row.contender))
    targets.push({
      what,
      wanted: `requests/s at least those of ${peer}`,
      measured: `${rate.toFixed(2)} ×`,
      isReached: rate >= 1,
    });
  if (row.use === "write, 512 connections")
    targets.push({
      what,
      wanted: `p99 at most ${P99_OF_PEER} × that of ${peer}`,
      measured: `${p99.toFixed(2)} ×`,
      isReached: p99 <= P99_OF_PEER,
    });
  return targets;
}

const nameOf = ({ contender, use }: Row) => `${contender}, ${use}`;

function ofTrips({ contender, use, roundTrips }: Trips): Target[] {
  if (!contender.startsWith("coatcheck")) return [];
  const most = (contender.endsWith("lazy") ? lazyRoundTrips : mostTrips)[use];
  if (most === undefined) return [];
  const wanted = `round trips at most ${most}`;
  return [{ what: `${contender}, ${use}`, wanted, measured: `${roundTrips}`, isReached: roundTrips <= most }];
}
