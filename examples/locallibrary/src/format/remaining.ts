const SECONDS_A_DAY = 86_400;

/** The time until a moment, as "13 days 23:59:59". In the browser public/countdown.js counts on from there. */
export function remaining(moment: Date): string {
  const seconds = Math.max(0, Math.ceil((moment.getTime() - Date.now()) / 1000));
  const days = Math.floor(seconds / SECONDS_A_DAY);
  const clock = new Date((seconds % SECONDS_A_DAY) * 1000).toISOString().slice(11, 19);
  if (days === 0) return clock;
  return `${days} day${days === 1 ? "" : "s"} ${clock}`;
}
