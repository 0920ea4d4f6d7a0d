/** The changes that a request made to its dictionary, in a form that can be made again on newer data. */
import { SessionConflictError } from "../errors.ts";
import type { Settings } from "../settings/settings.ts";
import { checkJson, parseData } from "./json.ts";

/** A function given to `update`. Returning undefined deletes the key. */
export type Updater = (current: unknown) => unknown;

const NO_KEYS: ReadonlyMap<string, Updater[] | null> = new Map();

export class Changes {
  /** `clear` was called: earlier data and changes do not count. */
  cleared = false;
  #keys: Map<string, Updater[] | null> | null = null;

  /** Each changed key with the updaters to run again, or with null where its final value counts (set, deleted, nested). */
  get keys(): ReadonlyMap<string, Updater[] | null> {
    return this.#keys ?? NO_KEYS;
  }

  get isEmpty(): boolean {
    return !this.cleared && this.#keys === null;
  }

  clear(): void {
    this.cleared = true;
    this.#keys = null;
  }

  setFinal(key: string): void {
    this.#keys ??= new Map();
    this.#keys.set(key, null);
  }

  addUpdater(key: string, updater: Updater): void {
    this.#keys ??= new Map();
    const before = this.#keys.get(key);
    if (before === undefined) this.#keys.set(key, [updater]);
    else before?.push(updater);
  }
}

/** Runs an updater, and checks its result. */
export function runUpdater(updater: Updater, key: string, current: unknown): unknown {
  const next = updater(current);
  if (typeof (next as { then?: unknown } | null | undefined)?.then === "function") {
    throw new TypeError(
      `The function given to update(${JSON.stringify(key)}) returned a promise; it may run again, so it must be synchronous. Await ` +
        "first, then call update.",
    );
  }
  if (next !== undefined) checkJson(next, key);
  return next;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Makes changes again on newer data. They were made on `base` and led to `mine`; the newer data is `theirs`. All three are
 * JSON texts, as is the result. Throws SessionConflictError, and any error of an updater.
 */
export function replay(
  changes: Changes,
  { base, mine, theirs }: { base: string; mine: string; theirs: string },
  onConflict: Settings["onConflict"],
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
      put(key, resolveConflict(key, was[key], ours[key], result[key], onConflict));
    }
  }
  return JSON.stringify(result);
}

function resolveConflict(
  key: string,
  base: unknown,
  mine: unknown,
  theirs: unknown,
  onConflict: Settings["onConflict"],
): unknown {
  if (onConflict === "mine") return mine;
  if (onConflict === "theirs") return theirs;
  if (typeof onConflict !== "function") throw new SessionConflictError(key);
  const resolved = onConflict(key, base, mine, theirs);
  if (resolved !== undefined) checkJson(resolved, key);
  return resolved;
}
