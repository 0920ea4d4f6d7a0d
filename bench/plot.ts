import { init } from "echarts";
import type { Report } from "./report.ts";

const COLORS = { read: "#4c9f70", write: "#d98032", alone: "#9a9a9a" } as const;

/** Reading and writing, as bars of processor time per request: an SVG. */
export function plot({ groups, date, kind }: Report): string {
  const rows = groups.flatMap(({ rows }) => rows);
  const isAlone = (name: string) => rows.some((row) => row.contender === name && row.overBare === 1);
  const shown = rows.filter(({ use, contender }) => use === "read" || isAlone(contender));
  const names = [...new Set(shown.map(({ contender }) => contender))].reverse();
  const bars = (use: string) =>
    names.map((name) => {
      const alone = use === "read" && isAlone(name);
      const row = rows.find((row) => row.contender === name && row.use === (alone ? "not used" : use));
      if (row === undefined) return null;
      return { value: Math.round(row.cpu), ...(alone && { itemStyle: { color: COLORS.alone } }) };
    });
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 900, height: 110 + names.length * 34 });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: [COLORS.read, COLORS.write],
    title: {
      text: "Processor time per request, µs: less is better",
      subtext: `median of bursts of one second, ${date}${kind === "quick" ? ", a quick run" : ""}; grey: a framework alone`,
      left: 16,
      top: 10,
    },
    legend: { top: 16, right: 24 },
    grid: { left: 16, right: 60, top: 70, bottom: 16, containLabel: true },
    xAxis: { type: "value", splitLine: { lineStyle: { color: "#eeeeee" } } },
    yAxis: { type: "category", data: names, axisTick: { show: false } },
    series: ["read", "write"].map((use) => ({
      name: use,
      type: "bar" as const,
      data: bars(use),
      label: { show: true, position: "right" as const, fontSize: 10 },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
