import { type Group, runnersOf } from "./groups.ts";
import { median, medianRatio, quartiles } from "./median.ts";
import type { Runner, Sample } from "./rounds.ts";
import type { Name, Turns } from "./serving.ts";

/** The median of the differences of bursts of one round, and their quartiles. Microseconds of CPU per request. */
export interface Spread {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** A contender of coatcheck beside a peer, ours over the peer's. */
export interface Beside {
  readonly peer: Name;
  /** What the sessions add over the framework alone; null where that was not measured. */
  readonly added: number | null;
  /** The same over the framework a turn later. */
  readonly addedLater: number | null;
  readonly rate: number;
  readonly p99: number;
}

export interface Row extends Runner {
  readonly bursts: number;
  /** Medians. */
  readonly cpu: number;
  readonly stores: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly turns: Turns | null;
  /** What a request costs the server more than one of the framework alone, and one of the framework a turn later. */
  readonly added: Spread | null;
  readonly addedLater: Spread | null;
  /** The median time of a request, over that of the framework alone. */
  readonly p50OverBare: number | null;
  readonly beside: readonly Beside[];
}

/** The samples are those of `runnersOf(group)`. */
export function compare(group: Group, samples: readonly (readonly Sample[])[]): Row[] {
  const runners = runnersOf(group);
  const rows = runners.map(({ contender, use }, index): Omit<Row, "beside"> => {
    const column = (of: "cpu" | "stores" | "rate" | "p50" | "p99") => columnOf(samples[index], of);
    /** Over the first base or the second. */
    const over = (base: number): Spread | null =>
      group.bases[base] === undefined ? null : spread(column("cpu"), columnOf(samples[base], "cpu"));
    return {
      contender,
      use,
      bursts: samples[index]?.length ?? 0,
      cpu: median(column("cpu")),
      stores: median(column("stores")),
      rate: median(column("rate")),
      p50: median(column("p50")),
      p99: median(column("p99")),
      turns: turnsOf(samples[index]),
      added: over(0),
      addedLater: over(1),
      p50OverBare: group.bases.length === 0 ? null : medianRatio(column("p50"), columnOf(samples[0], "p50")),
    };
  });
  return rows.map((row, index) => {
    const peers = group.entries.flatMap(({ contender, uses, peers }) =>
      contender === row.contender && uses.includes(row.use) ? peers : [],
    );
    const beside = peers.flatMap((peer): Beside[] => {
      const other = rows.findIndex(({ contender, use }) => contender === peer && use === row.use);
      const theirs = rows[other];
      if (theirs === undefined) return [];
      const ratio = (of: "rate" | "p99") =>
        medianRatio(columnOf(samples[index], of), columnOf(samples[other], of));
      return [
        {
          peer,
          added: part(row.added, theirs.added),
          addedLater: part(row.addedLater, theirs.addedLater),
          rate: ratio("rate"),
          p99: ratio("p99"),
        },
      ];
    });
    return { ...row, beside };
  });
}

const columnOf = <Of extends keyof Sample>(samples: readonly Sample[] | undefined, of: Of) =>
  (samples ?? []).map((sample) => sample[of]);

function spread(of: readonly number[], over: readonly number[]): Spread {
  const added = of.map((cpu, round) => cpu - (over[round] as number));
  const [lower, upper] = quartiles(added);
  return { median: median(added), lower, upper };
}

/** Of the medians, because the differences of single bursts come near to zero. */
const part = (ours: Spread | null, theirs: Spread | null) =>
  ours === null || theirs === null ? null : ours.median / theirs.median;

function turnsOf(samples: readonly Sample[] | undefined): Turns | null {
  const all = (samples ?? []).flatMap(({ turns }) => turns ?? []);
  if (all.length === 0) return null;
  const middle = (of: keyof Turns) => median(all.map((turns) => turns[of]));
  return { p50: middle("p50"), p99: middle("p99"), longest: middle("longest") };
}
