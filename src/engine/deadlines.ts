/**
 * The calls that wait for the store, with one timer for all of them: a timer for each costs more than a read from memory. A call that
 * is answered within the turn of the event loop in which it was made needs no timer at all.
 */

/** A moment of `performance.now()`. The clock of the settings decides about expiry only. */
export type Deadline = number;

/** A call that waits: a member of the list. */
export interface Waiting {
  deadline: Deadline;
  previous: Waiting | null;
  next: Waiting | null;
  /** The turn in which the call was made is over. */
  turnOver(): void;
  /** The deadline has come. The call leaves the list by it. */
  tooLate(): void;
}

const done = Promise.resolve();

/**
 * Runs a function when the turn of the event loop is over; soon in runtimes without `setImmediate`. Taken when the module loads: a
 * test of the application may fake all timers later.
 */
const afterTurn =
  (globalThis as { setImmediate?: (run: () => void) => unknown }).setImmediate ??
  ((run: () => void) => done.then(run));

export class Deadlines {
  #first: Waiting | null = null;
  #last: Waiting | null = null;
  /** The first of the calls of this turn. */
  #fresh: Waiting | null = null;
  #isTurnAwaited = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerEnds: Deadline = Number.POSITIVE_INFINITY;

  add(call: Waiting): void {
    call.previous = this.#last;
    if (this.#last === null) this.#first = call;
    else this.#last.next = call;
    this.#last = call;
    this.#fresh ??= call;
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    afterTurn(() => this.#turnOver());
  }

  remove(call: Waiting): void {
    const { previous, next } = call;
    if (this.#fresh === call) this.#fresh = next;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    // Without these, a call that a store holds on to would hold all that came after it.
    call.previous = null;
    call.next = null;
    // The timer would keep the process alive.
    if (this.#first === null && this.#timer !== undefined) this.#stopTimer();
  }

  #turnOver(): void {
    this.#isTurnAwaited = false;
    let earliest = Number.POSITIVE_INFINITY;
    for (let call = this.#fresh, next: Waiting | null; call !== null; call = next) {
      next = call.next;
      earliest = Math.min(earliest, call.deadline);
      call.turnOver();
    }
    this.#fresh = null;
    if (this.#first !== null) this.#wake(earliest);
  }

  /** Sees to it that the timer ends no later. */
  #wake(at: Deadline): void {
    if (at >= this.#timerEnds) return;
    this.#stopTimer();
    this.#timerEnds = at;
    this.#timer = setTimeout(() => this.#look(), Math.max(0, at - performance.now()));
  }

  #look(): void {
    this.#stopTimer();
    const now = performance.now();
    let earliest = Number.POSITIVE_INFINITY;
    for (let call = this.#first, next: Waiting | null; call !== null; call = next) {
      next = call.next;
      if (call.deadline <= now) call.tooLate();
      else earliest = Math.min(earliest, call.deadline);
    }
    this.#wake(earliest);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerEnds = Number.POSITIVE_INFINITY;
  }
}
