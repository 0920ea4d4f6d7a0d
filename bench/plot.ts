import { init } from "echarts";
import type { Report } from "./report.ts";

const COLORS = { read: "#4c9f70", write: "#d98032" } as const;

/** What reading and writing a session adds, as bars: an SVG. */
export function plot({ groups, date, kind }: Report): string {
  const rows = groups.flatMap(({ rows }) => rows).filter(({ added }) => added !== null);
  const names = [
    ...new Set(rows.filter(({ use }) => use === "read").map(({ contender }) => contender)),
  ].reverse();
  const bars = (use: string) =>
    names.map((name) => {
      const row = rows.find((row) => row.contender === name && row.use === use);
      return row?.added ? Math.round(row.added.median) : null;
    });
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 900, height: 110 + names.length * 34 });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: [COLORS.read, COLORS.write],
    title: {
      text: "What a session adds to a request, µs of CPU: less is better",
      subtext: `over the framework alone, ${date}${kind === "quick" ? ", a quick run" : ""}`,
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
