import type { Group } from "./groups.ts";
import { median, medianRatio } from "./median.ts";
import type { Runner, Sample } from "./rounds.ts";
import type { Name } from "./serving.ts";

/** A contender of coatcheck beside a peer: medians of the ratios of pairs of bursts, coatcheck's over the peer's. */
export interface Beside {
  readonly peer: Name;
  readonly cpu: number;
  /** The session's processor time, that over the bare framework, over the peer's; null where there is no bare one. */
  readonly share: number | null;
  readonly rate: number;
  readonly p99: number;
  /** The `rate` that is aimed at, or 0. */
  readonly atLeast: number;
  /** The bare framework's `rate` over the peer's. */
  readonly limit: number | null;
}

export interface Row extends Runner, Sample {
  readonly pairs: number;
  /** Processor time over that of the bare framework. */
  readonly overBare: number | null;
  readonly atMost: number | null;
  readonly shareAtMost: number | null;
  readonly beside: readonly Beside[];
}

export const runnersOf = ({ bare, entries }: Group): Runner[] => [
  ...(bare === undefined ? [] : [{ contender: bare, use: "not used" } as const]),
  ...entries,
];

/** The samples are those of `runnersOf(group)`. */
export function compare(group: Group, samples: readonly Sample[][]): Row[] {
  const runners = runnersOf(group);
  const column = (index: number, of: keyof Sample) => (samples[index] ?? []).map((sample) => sample[of]);
  /** Of the medians, because the differences of single bursts come near to zero. */
  const overBare = (index: number) =>
    median(column(index, "cpu").map((cpu, round) => cpu - (column(0, "cpu")[round] as number)));
  return runners.map(({ contender, use }, index): Row => {
    const entry = group.entries.find((entry) => entry.contender === contender && entry.use === use);
    const beside = Object.entries(entry?.peers ?? {}).flatMap(([peer, atLeast]): Beside[] => {
      const other = runners.findIndex((runner) => runner.contender === peer && runner.use === use);
      if (other === -1) return [];
      const ratio = (of: keyof Sample) => medianRatio(column(index, of), column(other, of));
      const limit = group.bare === undefined ? null : medianRatio(column(0, "rate"), column(other, "rate"));
      return [
        {
          peer: peer as Name,
          cpu: ratio("cpu"),
          share: group.bare === undefined ? null : overBare(index) / overBare(other),
          rate: ratio("rate"),
          p99: ratio("p99"),
          atLeast,
          limit,
        },
      ];
    });
    return {
      contender,
      use,
      pairs: samples[index]?.length ?? 0,
      cpu: median(column(index, "cpu")),
      rate: median(column(index, "rate")),
      p50: median(column(index, "p50")),
      p99: median(column(index, "p99")),
      overBare: group.bare === undefined ? null : medianRatio(column(index, "cpu"), column(0, "cpu")),
      atMost: entry?.atMost ?? null,
      shareAtMost: entry?.shareAtMost ?? null,
      beside,
    };
  });
}
