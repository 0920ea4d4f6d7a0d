// Counts the times with `data-countdown` down, second by second.

const SECONDS_A_DAY = 86_400;

/** The seconds as "13 days 23:59:59", in the same way as src/format/remaining.ts. */
function remaining(seconds) {
  const days = Math.floor(seconds / SECONDS_A_DAY);
  const clock = new Date((seconds % SECONDS_A_DAY) * 1000).toISOString().slice(11, 19);
  if (days === 0) return clock;
  return `${days} day${days === 1 ? "" : "s"} ${clock}`;
}

function tick() {
  for (const time of document.querySelectorAll("[data-countdown]")) {
    const seconds = Math.ceil((Date.parse(time.dateTime) - Date.now()) / 1000);
    time.textContent =
      seconds > 0 ? `in ${remaining(seconds)}` : "now: the next request begins a new session";
  }
}

tick();
setInterval(tick, 1000);
