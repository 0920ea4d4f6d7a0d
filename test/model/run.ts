/** Runs a program: the scheduler chooses, call by call, what the store does next and which request goes on. */

// The engine takes timers when it is loaded, so this line comes first.
import "./virtual-time.ts";

import type { Choices, Program } from "./program.ts";
import { Serving } from "./serving.ts";
import type { ShelfCall } from "./shelf.ts";
import { begin, end } from "./virtual-time.ts";
import { idOf, Violation, World } from "./world.ts";

// The engine loads these with their first use, and virtual time does not wait for a file.
import "../../src/engine/clearing.ts";
import "../../src/engine/once.ts";
import "../../src/engine/users.ts";

/** Milliseconds, to which the end of a cookie is exact. */
const SECOND = 1000;

/** Milliseconds, by which all work in the background has ended. */
const QUIET = 130_000;

class Scheduler {
  readonly #world: World;
  readonly #choices: Choices;
  #chosen = 0;
  #faultsLeft: number;
  /** Calls that the store answers long after their deadlines, if it does. */
  readonly #late = new Set<ShelfCall>();
  /** Requests that have not begun, and handlers that pause. */
  readonly #ready: (() => void)[] = [];

  constructor(program: Program, choices: Choices) {
    this.#choices = choices;
    this.#world = new World(program, choices.length);
    this.#faultsLeft = program.faults;
  }

  get time() {
    return this.#world.time;
  }

  prepare(): Promise<void> {
    return this.#world.begin();
  }

  get story(): string {
    return this.#world.story.join("\n");
  }

  async run(): Promise<void> {
    const { program, time } = this.#world;
    let number = 0;
    for (const { visits, pass } of program.rounds) {
      let open = visits.length;
      for (const visit of visits) {
        const serving = new Serving(this.#world, visit, number++, () => this.#turn());
        void this.#turn()
          .then(() => serving.serve())
          .catch((error) => this.#world.check(false, `the checker failed: ${error.stack}`))
          .finally(() => {
            open -= 1;
          });
      }
      await time.settle();
      while (open > 0) await this.#step();
      this.#checkJars();
      this.#checkCookies();
      this.#checkLimit();
      // Work in the background may last into the next round.
      if (pass > 0) await this.#rest(time.now + pass * 1000);
    }
    for (const call of this.#late) if (this.#next() % 2 === 1) call.answer();
    this.#late.clear();
    await this.#rest(time.now + QUIET);
    this.#checkEnd();
    this.#world.throwIfBroken();
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#ready.push(resolve));
  }

  #next(): number {
    return this.#choices[this.#chosen++] ?? 0;
  }

  get #waiting(): ShelfCall[] {
    return [...this.#world.shelf.waiting].filter((call) => !this.#late.has(call));
  }

  async #step(): Promise<void> {
    const { time } = this.#world;
    const choice = this.#next();
    const kind = choice % 32;
    const calls = this.#waiting;
    const pick = <T>(list: readonly T[]) => list[(choice >> 5) % list.length] as T;
    if (kind >= 27 && this.#faultsLeft > 0 && calls.length > 0) {
      this.#faultsLeft -= 1;
      this.#fault(pick(calls), choice);
    } else if (kind === 26 && this.#late.size > 0) {
      const call = pick([...this.#late]);
      this.#late.delete(call);
      if (!call.isApplied) this.#apply(call);
    } else if (kind === 25 && time.next !== null && calls.length === 0) await time.passTo(time.next);
    else if (calls.length + this.#ready.length > 0) {
      const place = (choice >> 5) % (calls.length + this.#ready.length);
      const call = calls[place];
      if (call === undefined) this.#ready.splice(place - calls.length, 1)[0]?.();
      else if (kind >= 16 && !call.isApplied) this.#apply(call);
      else call.answer();
    } else if (time.next !== null) await time.passTo(time.next);
    else throw new Violation("a request is never answered");
    // Every step takes a millisecond.
    await time.settle();
    await time.passTo(time.now + 1);
    this.#world.throwIfBroken();
  }

  #apply(call: ShelfCall): void {
    this.#world.story.push(
      `${this.#world.shelf.step + 1} ${call.verb} ${call.id.slice(0, 4)} is done, and not answered`,
    );
    call.apply();
  }

  #fault(call: ShelfCall, choice: number): void {
    const faults = ["before", "after", "late"] as const;
    const fault = faults[(choice >> 12) % faults.length];
    this.#world.story.push(`${this.#world.shelf.step} fault ${fault}: ${call.verb} ${call.id.slice(0, 4)}`);
    if (fault === "late") this.#late.add(call);
    else {
      if (fault === "after" && !call.isApplied) call.apply();
      call.fail();
    }
  }

  /** No request is under way, and time passes. Work in the background goes on. */
  async #rest(until: number): Promise<void> {
    const { time } = this.#world;
    for (;;) {
      await time.settle();
      this.#world.throwIfBroken();
      const [call] = this.#waiting;
      if (call !== undefined) call.answer();
      else if (time.next !== null && time.next <= until) await time.passTo(time.next);
      else break;
    }
    await time.passTo(until);
  }

  /**
   * The cookie leads somewhere: a browser never ends with a key in whose place it got another. The exception: a response of
   * another process that renews the old cookie, and whose commit had begun before the store changed the key, may arrive last.
   */
  #checkJars(): void {
    const { shelf, announced, jars } = this.#world;
    for (const [browser, cookie] of jars.entries()) {
      if (cookie === null || browser === 2) continue;
      const id = idOf(cookie.key);
      const next = announced.get(shelf.last(id));
      if (!shelf.wasMoved(id) || next === undefined || !next.to.has(browser)) continue;
      const isBetween =
        cookie.by.isRenewal &&
        next.by.at !== cookie.by.at &&
        cookie.by.committedAt <= (shelf.movedAt(id) ?? 0);
      this.#world.check(
        isBetween,
        `browser ${browser} has a key in whose place it got another: ${id.slice(0, 4)}`,
      );
    }
  }

  /**
   * The cookie lasts as long as its session, to 1/100 of the life. The exceptions: a shorter idle timeout ends the session and not the
   * cookie, the thief may have got the renewal, and a response whose commit failed renews nothing.
   */
  #checkCookies(): void {
    const { shelf, now, program, jars } = this.#world;
    const [age, ...ages] = program.processes.map(({ cookieAge = 1_209_600 }) => cookieAge);
    const isPlain = program.processes.every(
      ({ idleTimeout, onConflict, onInterrupted }) =>
        idleTimeout === undefined && onConflict !== "error" && onInterrupted !== "error",
    );
    if (program.faults > 0 || !isPlain || ages.some((other) => other !== age) || jars[2] !== null) return;
    for (const cookie of jars) {
      const record = cookie === null ? null : shelf.record(idOf(cookie.key), now);
      if (cookie === null || record === null) continue;
      const life = (record.expiry || (age as number)) * 1000;
      this.#world.check(
        cookie.until >= record.expiresAt - life / 100 - SECOND,
        `a cookie ends ${record.expiresAt - cookie.until} ms before its session`,
      );
    }
  }

  /** After the logins of a user, `maxUserSessions` live. The exception: when the store fails, the next login ends the others. */
  #checkLimit(): void {
    const { shelf, now, program } = this.#world;
    const { faults, maxUserSessions = Number.POSITIVE_INFINITY } = program;
    for (const user of faults === 0 ? ["ada", "bob"] : []) {
      const count = shelf.live(now).filter((id) => shelf.record(id, now)?.userId === user).length;
      this.#world.check(
        count <= maxUserSessions,
        `${user} has ${count} sessions, and may have ${maxUserSessions}`,
      );
    }
  }

  /** A signed-in session whose key no browser got does not stay. */
  #checkEnd(): void {
    const { shelf, now, announced, unannounced } = this.#world;
    for (const id of shelf.live(now)) {
      const isHeld = announced.has(id) || unannounced.has(id);
      const isSignedIn = shelf.record(id, now)?.userId !== null;
      this.#world.check(
        isHeld || !isSignedIn,
        `a signed-in session stays whose key no browser got: ${id.slice(0, 4)}`,
      );
    }
  }
}

/** Throws a Violation, with the story of the run, when the engine does what the specification forbids. */
export async function run(program: Program, choices: Choices): Promise<void> {
  const scheduler = new Scheduler(program, choices);
  await scheduler.prepare();
  begin(scheduler.time);
  try {
    await scheduler.run();
  } catch (error) {
    if (error instanceof Error) error.message += `\n${scheduler.story}`;
    throw error;
  } finally {
    await end();
  }
}
