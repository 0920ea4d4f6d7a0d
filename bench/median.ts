/** The middle number; of an even count, the mean of the middle two; of none, NaN. */
export const median = (numbers: readonly number[]) => quantile(numbers, 0.5);

/** The numbers below which a quarter and three quarters of them lie. */
export const quartiles = (numbers: readonly number[]): [lower: number, upper: number] => [
  quantile(numbers, 0.25),
  quantile(numbers, 0.75),
];

/** Between two numbers, the nearer one counts more. */
function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const [below = Number.NaN, above = below] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (above - below) * (place % 1);
}

/** The median of the ratios of pairs. */
export const medianRatio = (of: readonly number[], to: readonly number[]) =>
  median(of.map((value, index) => value / (to[index] as number)));
