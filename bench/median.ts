/** The middle number; of an even count, the mean of the middle two; of none, NaN. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** The median of the ratios of pairs. */
export const medianRatio = (of: readonly number[], to: readonly number[]) =>
  median(of.map((value, index) => value / (to[index] as number)));
