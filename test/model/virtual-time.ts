/**
 * Time that passes only when a test says so. The engine takes some timers when it is loaded, so this file must be imported
 * before `coatcheck`. Outside of `begin` and `end` everything is the runtime's own.
 */

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  now: performance.now.bind(performance),
  random: Math.random,
};

type Run = (...given: unknown[]) => void;

class Timer {
  at: number;
  readonly run: () => void;
  /** Milliseconds between two runs; null for a timer that runs once. */
  readonly every: number | null;

  constructor(at: number, run: () => void, every: number | null) {
    this.at = at;
    this.run = run;
    this.every = every;
  }

  unref(): this {
    return this;
  }
}

export class VirtualTime {
  /** Milliseconds since the beginning. */
  now = 0;
  readonly #timers = new Set<Timer>();
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  start(run: Run, milliseconds: number, given: unknown[], every: number | null): Timer {
    const timer = new Timer(this.now + Math.max(0, milliseconds), () => run(...given), every);
    this.#timers.add(timer);
    return timer;
  }

  stop(timer: Timer): void {
    this.#timers.delete(timer);
  }

  /** Random numbers that are the same in each run of a schedule (mulberry32). */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** The moment of the next timer; null where there is none. */
  get next(): number | null {
    let next: number | null = null;
    for (const { at } of this.#timers) if (next === null || at < next) next = at;
    return next;
  }

  /** Lets everything run that need not wait for a later moment. Node runs a tick when no promise has anything left to do. */
  async settle(): Promise<void> {
    do await new Promise((resolve) => process.nextTick(resolve));
    while (this.#runDue());
  }

  /** Lets time pass up to a moment, and runs the timers that are due then. */
  async passTo(moment: number): Promise<void> {
    this.now = Math.max(this.now, moment);
    if (this.#runDue()) await this.settle();
  }

  #runDue(): boolean {
    const due = [...this.#timers].filter(({ at }) => at <= this.now).sort((a, b) => a.at - b.at);
    for (const timer of due) {
      if (!this.#timers.has(timer)) continue; // An earlier one has stopped it.
      if (timer.every === null) this.#timers.delete(timer);
      else timer.at = this.now + Math.max(1, timer.every);
      timer.run();
    }
    return due.length > 0;
  }
}

let present: VirtualTime | null = null;

/** From now on all timers, the monotonic clock and random numbers are those of this time. */
export function begin(time: VirtualTime): void {
  present = time;
}

/** The runtime gets a turn of its event loop, which ticks alone would not give it. */
export async function end(): Promise<void> {
  present = null;
  await new Promise((resolve) => real.setImmediate(resolve));
}

const isTimer = (given: unknown): given is Timer => given instanceof Timer;

Object.assign(globalThis, {
  setTimeout: (run: Run, wait = 0, ...given: unknown[]) =>
    present?.start(run, wait, given, null) ?? real.setTimeout(run, wait, ...given),
  setInterval: (run: Run, wait = 0, ...given: unknown[]) =>
    present?.start(run, wait, given, wait) ?? real.setInterval(run, wait, ...given),
  setImmediate: (run: Run, ...given: unknown[]) =>
    present?.start(run, 0, given, null) ?? real.setImmediate(run, ...given),
  clearTimeout: (timer: unknown) =>
    isTimer(timer) ? present?.stop(timer) : real.clearTimeout(timer as NodeJS.Timeout),
  clearInterval: (timer: unknown) =>
    isTimer(timer) ? present?.stop(timer) : real.clearInterval(timer as NodeJS.Timeout),
});
performance.now = () => present?.now ?? real.now();
Math.random = () => present?.random() ?? real.random();
