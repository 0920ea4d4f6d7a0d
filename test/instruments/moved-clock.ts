/** A clock that only the test moves, for the option `clock`. */
export class MovedClock {
  now: number;

  constructor(now = Date.UTC(2031, 4, 6, 7, 8, 9)) {
    this.now = now;
  }

  readonly read = (): number => this.now;

  pass(seconds: number): void {
    this.now += seconds * 1000;
  }

  get date(): Date {
    return new Date(this.now);
  }
}
