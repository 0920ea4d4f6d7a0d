const formatter = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

const units = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

/** The distance of a moment from now, as "3 minutes ago", "in 2 hours" or "just now". */
export function ago(moment: Date): string {
  const seconds = Math.round((moment.getTime() - Date.now()) / 1000);
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return formatter.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}
