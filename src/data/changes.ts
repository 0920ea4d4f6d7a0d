/** What a request did to its dictionary, in a form that can be done again on newer data. */
import { SessionConflictError } from "../errors.ts";
import type { Resolve } from "../settings.ts";
import { checkJson, parseData } from "./json.ts";

/** A function given to `update`. Returning undefined deletes the key. */
export type Updater = (current: unknown) => unknown;

export class Changes {
  /** `clear` was called: what was there before does not count. */
  cleared = false;
  /** Each changed key: the updaters to run again, or null where its final value counts (set, deleted, nested). */
  readonly keys = new Map<string, Updater[] | null>();

  get isEmpty(): boolean {
    return !this.cleared && this.keys.size === 0;
  }

  clear(): void {
    this.cleared = true;
    this.keys.clear();
  }

  setFinal(key: string): void {
    this.keys.set(key, null);
  }

  addUpdater(key: string, updater: Updater): void {
    const before = this.keys.get(key);
    if (before === undefined) this.keys.set(key, [updater]);
    else before?.push(updater);
  }

  /** Adds what was done later. */
  append(later: Changes): void {
    if (later.cleared) this.clear();
    for (const [key, updaters] of later.keys) {
      if (updaters === null) this.setFinal(key);
      else for (const updater of updaters) this.addUpdater(key, updater);
    }
  }
}

/** Runs an updater, and checks what it gives back. */
export function runUpdater(updater: Updater, key: string, current: unknown): unknown {
  const next = updater(current);
  if (typeof (next as { then?: unknown } | null | undefined)?.then === "function") {
    throw new TypeError(
      `The function given to update(${JSON.stringify(key)}) returned a promise; it may run again on newer data, so it must ` +
        "be synchronous. Await first, then call update with the result.",
    );
  }
  if (next !== undefined) checkJson(next, key);
  return next;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * The data that results when `changes`, made on `base` and leading to `mine`, are made again on `theirs`. All three are
 * JSON texts. Throws what an updater throws, and SessionConflictError.
 */
export function replay(
  changes: Changes,
  { base, mine, theirs }: { base: string; mine: string; theirs: string },
  onConflict: "mine" | "theirs" | "error" | Resolve,
): string {
  const was = parseData(base);
  const ours = parseData(mine);
  const result = changes.cleared ? Object.create(null) : parseData(theirs);

  const put = (key: string, value: unknown) => {
    if (value === undefined) delete result[key];
    else result[key] = value;
  };
  for (const [key, updaters] of changes.keys) {
    if (updaters !== null) {
      put(
        key,
        updaters.reduce((current, updater) => runUpdater(updater, key, current), result[key]),
      );
    } else if (changes.cleared || same(result[key], was[key]) || same(result[key], ours[key])) {
      put(key, ours[key]);
    } else {
      put(key, settle(key, was[key], ours[key], result[key], onConflict));
    }
  }
  return JSON.stringify(result);
}

function settle(
  key: string,
  base: unknown,
  mine: unknown,
  theirs: unknown,
  onConflict: Resolve | string,
): unknown {
  if (onConflict === "mine") return mine;
  if (onConflict === "theirs") return theirs;
  if (typeof onConflict !== "function") throw new SessionConflictError(key);
  const settled = onConflict(key, base, mine, theirs);
  if (settled !== undefined) checkJson(settled, key);
  return settled;
}
