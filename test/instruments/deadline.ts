/**
 * The deadline of store calls, which comes when a test says so. Sessions made with `storeTimeout: STORE_TIMEOUT` tell no call that it
 * is too late before `deadlinesPass()` is called, however long a busy machine stops the test, and no test waits for it.
 */

/** Seconds. Less than the minute for which the engine remembers the keys that have ended. */
export const STORE_TIMEOUT = 50;

/** No driver sets a timer of this length while it is at work, milliseconds. */
const isDeadline = (wait: number) => wait > 500 * STORE_TIMEOUT && wait <= 1000 * STORE_TIMEOUT;

const real = {
  now: performance.now.bind(performance),
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
};
const waiting = new Map<unknown, () => void>();
let ahead = 0;

performance.now = () => real.now() + ahead;

globalThis.setTimeout = Object.assign((run: (...given: unknown[]) => void, wait = 0, ...given: unknown[]) => {
  const timer = real.setTimeout(run, wait, ...given);
  if (isDeadline(wait)) waiting.set(timer, () => run(...given));
  return timer;
}, real.setTimeout) as typeof globalThis.setTimeout;

globalThis.clearTimeout = (timer) => {
  waiting.delete(timer);
  real.clearTimeout(timer);
};

/** All calls that have begun so far have had their time. */
export function deadlinesPass(): void {
  ahead += 1000 * STORE_TIMEOUT;
  const due = [...waiting.values()];
  for (const timer of [...waiting.keys()]) clearTimeout(timer as NodeJS.Timeout);
  for (const run of due) run();
}
