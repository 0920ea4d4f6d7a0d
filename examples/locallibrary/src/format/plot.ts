import { scaleLinear, scaleUtc } from "d3-scale";
import { curveStepAfter, line } from "d3-shape";

/** A number at a moment in epoch milliseconds; null where the number was not known. */
export interface Point {
  at: number;
  value: number | null;
}

const WIDTH = 480;
const HEIGHT = 190;
const MARGIN = { top: 14, right: 20, bottom: 28, left: 58 };
const DAY_MS = 24 * 60 * 60_000;

/** Everything that a template needs to draw a curve as SVG: its path, and the ticks with their labels. */
export function plot(
  points: Point[],
  [from, to]: [from: number, to: number],
  label: (value: number) => string = String,
) {
  const known = points.flatMap(({ value }) => value ?? []);
  const x = scaleUtc([from, to], [MARGIN.left, WIDTH - MARGIN.right]);
  const timeLabel = x.tickFormat(4, to - from > DAY_MS ? "%-d %b" : "%H:%M");
  const y = scaleLinear([0, Math.max(1, ...known)], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice(4);
  const curve = line<Point>()
    .defined(({ value }) => value !== null)
    .x(({ at }) => x(at))
    .y(({ value }) => y(value ?? 0))
    .curve(curveStepAfter)
    .digits(1);
  return {
    width: WIDTH,
    height: HEIGHT,
    left: MARGIN.left,
    right: WIDTH - MARGIN.right,
    xTicks: x.ticks(4).map((at) => ({ x: round(x(at)), label: timeLabel(at) })),
    yTicks: y
      .ticks(4)
      // There are no half sessions or bytes.
      .filter(Number.isInteger)
      .map((value) => ({ y: round(y(value)), label: label(value) })),
    path: curve(points) ?? "",
  };
}

function round(position: number): number {
  return Math.round(position * 10) / 10;
}
