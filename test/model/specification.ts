/**
 * The specification that the model checker holds the engine against: what one request does to a session, as if it were alone,
 * and what must hold whatever the order of all calls. Where the documentation names a window, it stands here as an exception.
 *
 * Every change of data is signed. A value is the text "NUMBER@USER#FAMILY": the request that wrote it, the user who was signed in
 * then, and the browser. Whatever changes data also appends such a text, its tag, to the list `log` by `update`. So each record
 * tells which saves it holds, and in which order, and no search for an order is needed.
 *
 * - **One after the other.** A record is what its saves make of it, each alone, in the order of its log (`made`).
 * - **Acknowledged is there.** A save that was answered with success is in the log of its session, once.
 * - **Refused is not there.** A save that was answered with a conflict or with the end of its session is in no log. A save that
 *   was answered with a fault of the store may be in a log, once. The exception: where its request saves again, and the record was
 *   written in between, it may be there twice.
 * - **`once` runs once.** Of all requests of a session one runs the function for a key, until its lease is over. What it returned is
 *   stored once, and changes that key alone. When it is acknowledged it is stored, or the session has ended.
 * - **A confirmation is there.** When it is acknowledged, the session has another key, and its time.
 * - **Reads are current.** A request sees the session as it stood at some moment of its `open`.
 * - **Ended stays ended.** When a logout is acknowledged, no record of its session lives, under any key, and none comes later.
 * - **Nobody sees another's.** A record holds values of its own user and of anonymous times, all of one browser; so does what a
 *   handler sees.
 * - **The cookie leads somewhere.** A cookie is sent only for a stored session. In the end a browser has no key, or one that was
 *   not replaced by another that it got as well. A signed-in session whose key no browser got does not stay.
 * - **Activity counts.** With `idleTimeout` a session lives that long from each request, whatever other requests write.
 * - **A cookie lasts.** It ends with its session, to 1/100 of the life, where no shorter idle timeout ends the session first.
 * - **A device is asked for.** From 30 seconds after the first request with a bound cookie, a session whose device has registered a key
 *   is served to requests with its bound cookie, and to no others. Before, it is served to all. From that request on no login of the
 *   same user takes the device away. A binding ends in the browser only where its session has ended, or is bound to another key.
 * - **No fault, no error.** Without faults of the store no request fails, except as `onConflict` and `onInterrupted` ask.
 */

import type { RecordDevice } from "./bound-jar.ts";
import type { ProcessOptions } from "./program.ts";

export type Data = Readonly<Record<string, unknown>>;
type Updater = (current: unknown) => unknown;

/** The changes of one request since its last save, key by key. */
export class Changes {
  isCleared = false;
  /** The functions given to `update`, or null where the final value counts. */
  readonly keys = new Map<string, Updater[] | null>();

  get isEmpty(): boolean {
    return !this.isCleared && this.keys.size === 0;
  }

  final(key: string): void {
    this.keys.set(key, null);
  }

  update(key: string, updater: Updater): void {
    const before = this.keys.get(key);
    if (before === undefined) this.keys.set(key, [updater]);
    else before?.push(updater);
  }

  clear(): void {
    this.isCleared = true;
    this.keys.clear();
  }
}

/** Everything that one request wanted stored at one time. */
export interface Save {
  readonly tag: string;
  readonly changes: Changes;
  /** The data that the request knew, and what it made of it. */
  base: Data;
  mine: Data;
  readonly onConflict: ProcessOptions["onConflict"];
  /** The calls that the store had done when the save began. */
  readonly begunAt: number;
  state: "under way" | "stored" | "dropped" | "refused" | "doubtful";
  /** It was told as failed, and its request has saved again. */
  isRepeated: boolean;
}

/** A value that a function of `once` has returned. */
export interface Put {
  readonly key: string;
  readonly value: unknown;
}

/** One after the other: saves, with the values of `once` at any place between them. */
export function* orders(saves: readonly Save[], puts: readonly Put[]): Generator<(Save | Put)[]> {
  const [put, ...rest] = puts;
  if (put === undefined) yield [...saves];
  else
    for (const order of orders(saves, rest))
      for (let place = 0; place <= order.length; place++) yield order.toSpliced(place, 0, put);
}

export const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** The function that programs give as `onConflict`. */
export const join = (_key: string, _base: unknown, mine: unknown, theirs: unknown): unknown => [
  ...new Set([theirs, mine].flat().filter((value) => value !== undefined)),
];

/** Thrown where the later of two requests must fail. */
export class Conflict extends Error {}

/**
 * What a save makes of the data that is there: a key changed only by `update` gets its functions again; any other changed key gets
 * its final value, and `onConflict` decides where the key had changed meanwhile; `clear` empties what is there.
 */
export function made(there: Data, step: Save | Put): Data {
  if ("key" in step) return copy({ ...there, [step.key]: step.value });
  const { changes, base, mine, onConflict = "mine" } = step;
  const result: Record<string, unknown> = changes.isCleared ? {} : { ...there };
  for (const [key, updaters] of changes.keys) {
    const theirs = result[key];
    const hasConflict = !changes.isCleared && !same(theirs, base[key]) && !same(theirs, mine[key]);
    let value: unknown;
    if (updaters !== null) value = updaters.reduce((now, updater) => updater(now), theirs);
    else if (!hasConflict || onConflict === "mine") value = mine[key];
    else if (onConflict === "theirs") value = theirs;
    else if (onConflict === "join") value = join(key, base[key], mine[key], theirs);
    else throw new Conflict();
    if (value === undefined) delete result[key];
    else result[key] = value;
  }
  return copy(result);
}

/** The framework's part of a record, as far as the specification speaks of it. */
export interface Extras {
  readonly undone?: { readonly userId: string | null };
  readonly confirmedAt?: number;
  readonly device?: RecordDevice;
  readonly once?: Readonly<Record<string, { stored: number; lease?: { holder: number; until: number } }>>;
}

/** The first and the second object of a record's data. */
export function parts(data: string): { dictionary: Data; extras: Extras } {
  const [dictionary = "{}", extras = "{}"] = data.split(/\n(?=\{)/);
  return { dictionary: JSON.parse(dictionary), extras: JSON.parse(extras) };
}

export const logOf = ({ log = [] }: Data): readonly string[] => log as string[];

/** A text to compare data by: the order of the keys does not count. */
export const canonical = (data: Data): string =>
  JSON.stringify(Object.entries(data).sort(([one], [other]) => (one < other ? -1 : 1)));

/** The signatures in data. */
export function signatures(data: Data): { text: string; user: string; family: string }[] {
  return [...JSON.stringify(data).matchAll(/"(\d+\.\d+)@(\w+)#(\d)"/g)].map(([, text, user, family]) => ({
    text: `${text}`,
    user: `${user}`,
    family: `${family}`,
  }));
}
