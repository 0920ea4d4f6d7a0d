/** The data of a session as JSON text, without its cookie. */
import { parseData } from "../../data/json.ts";

/** The text that the caller has made already, so that a store of ours need not make it again. */
let made: { readonly session: object; readonly text: string } | null = null;

/** The data as text. Throws what `JSON.stringify` throws. */
export function dataText(session: object): string {
  if (made?.session === session) return made.text;
  const { cookie: _, ...data } = session as { cookie?: unknown };
  return JSON.stringify(data);
}

/** Runs a call that may ask for the text of a session, which is known. */
export function withText<T>(session: object, text: string, run: () => T): T {
  made = { session, text };
  try {
    return run();
  } finally {
    made = null;
  }
}

const isList = Array.isArray;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !isList(value);
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Joins the changes of two requests, which both began from `base`: `theirs` is stored already, `mine` is the later save.
 * All are JSON texts of objects. A key that one side changed is that side's. Where both changed it, objects are joined by
 * their own keys, and lists keep what each side appended; of anything else the later save wins.
 */
export function mergeTexts(base: string, mine: string, theirs: string): string {
  if (base === theirs) return mine;
  if (base === mine) return theirs;
  return JSON.stringify(mergeObjects(parseData(base), parseData(mine), parseData(theirs)));
}

function mergeObjects(
  base: Record<string, unknown>,
  mine: Record<string, unknown>,
  theirs: Record<string, unknown>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = Object.create(null);
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const value = merge(own(base, key), own(mine, key), own(theirs, key));
    if (value !== undefined) merged[key] = value;
  }
  return merged;
}

const own = (object: Record<string, unknown>, key: string) =>
  Object.hasOwn(object, key) ? object[key] : undefined;

function merge(base: unknown, mine: unknown, theirs: unknown): unknown {
  if (same(mine, base)) return theirs;
  if (same(theirs, base) || same(mine, theirs)) return mine;
  if (isObject(mine) && isObject(theirs)) return mergeObjects(isObject(base) ? base : {}, mine, theirs);
  return mergeLists(base, mine, theirs) ?? mine;
}

/** The joined list; undefined where the later save stands. */
function mergeLists(base: unknown, mine: unknown, theirs: unknown): unknown[] | undefined {
  const start = isList(base) ? base : [];
  if (!isList(base) && base !== undefined) return undefined;
  const [ours, other] = [tailOf(start, mine), tailOf(start, theirs)];
  if (ours === null || other === null || ours.isReplaced) return undefined;
  const joined = [...(ours.keeps && other.keeps ? start : []), ...other.tail, ...ours.tail];
  return joined.length === 0 && mine === undefined ? undefined : joined;
}

/** What one side did to a list. */
interface ListChange {
  /** The items of before are still there. */
  readonly keeps: boolean;
  /** The items that are new. */
  readonly tail: unknown[];
  /** There are others in the place of those of before: one request took these off, and it or another appended. */
  readonly isReplaced: boolean;
}

/** The change from `start` to the list of one side; null where that is no list. */
function tailOf(start: readonly unknown[], side: unknown): ListChange | null {
  if (side !== undefined && !isList(side)) return null;
  const list = side ?? [];
  if (list.length === 0) return { keeps: start.length === 0, tail: [], isReplaced: false };
  const keeps = same(list.slice(0, start.length), start);
  return { keeps, tail: keeps ? list.slice(start.length) : list, isReplaced: !keeps };
}
