/** Sessions hold JSON. It is checked at the call that gives it, so that no value changes silently on its way to the store. */

/** The levels of objects and lists that a value may have. Deeper ones overflow the stack of what reads them elsewhere. */
const MOST_LEVELS = 1000;

/** The steps of a place that an error shows. */
const SHOWN_STEPS = 10;

interface Flaw {
  /** From the outside in: names of members, numbers of items. */
  readonly path: (string | number)[];
  readonly what: string;
  readonly cure: string;
}

/**
 * Throws a TypeError that names the place when `value` would not come back from JSON as it went in: undefined, NaN,
 * Infinity, bigint, function, symbol, an object with `toJSON` or of a class, a circle, a hole in a list, more than 1,000
 * levels. Members of objects that are undefined are dropped, as JSON does. With `takesDates` a Date passes, which JSON makes a text.
 */
export function checkJson(value: unknown, name: string, takesDates = false): void {
  const flaw =
    value === undefined
      ? flawOf("undefined", "To remove a key, use delete().")
      : findFlaw(value, [], takesDates);
  if (flaw === null) return;
  throw new TypeError(
    `Sessions hold JSON only, and ${placeOf(name, flaw.path)} is ${flaw.what}. ${flaw.cure}`,
  );
}

/** Whether a value can change from within, without a call of `set`. */
export function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** A place within the value of a key, as JavaScript writes it. */
export function placeOf(key: string, path: readonly (string | number)[]): string {
  const rest = path.length > SHOWN_STEPS ? " …" : "";
  return path.slice(0, SHOWN_STEPS).reduce(step, key) + rest;
}

/** Adds a part to a place, as JavaScript writes it: `my_car.wheels[0]`, `cart["a b"]`. */
function step(place: string, part: string | number): string {
  if (typeof part === "number") return `${place}[${part}]`;
  return /^[A-Za-z_$][\w$]*$/.test(part) ? `${place}.${part}` : `${place}[${JSON.stringify(part)}]`;
}

const flawOf = (what: string, cure: string): Flaw => ({ path: [], what, cure });

/** `above` holds the objects that the value is inside of. */
function findFlaw(value: unknown, above: object[], takesDates: boolean): Flaw | null {
  if (typeof value === "string" || typeof value === "boolean" || value === undefined || value === null)
    return null;
  if (typeof value === "number") {
    return Number.isFinite(value) ? null : flawOf(String(value), "Store null or a string in its place.");
  }
  if (typeof value !== "object")
    return flawOf(`a ${typeof value}`, "Store a string or a number made from it.");
  if (takesDates && isDate(value)) return null;
  if (above.includes(value)) return flawOf("inside itself", "Store the inner part by its name or number.");
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
    return flawOf(`a ${kindOf(value)} with toJSON`, "Store what it stands for, such as date.toISOString().");
  }
  if (above.length >= MOST_LEVELS)
    return flawOf(
      "nested more than 1,000 levels deep",
      "Store it flat, or as a text that you parse yourself.",
    );
  const isList = Array.isArray(value);
  if (!isList && !isPlain(value)) return flawOf(`a ${kindOf(value)}`, "Store a plain object made from it.");

  above.push(value);
  for (const [key, member] of isList ? value.entries() : Object.entries(value)) {
    // As an item of a list, undefined would come back as null.
    const isHole = isList && member === undefined;
    const flaw = isHole
      ? flawOf("undefined", "Store null in its place.")
      : findFlaw(member, above, takesDates);
    if (flaw === null) continue;
    flaw.path.unshift(key);
    return flaw;
  }
  above.pop();
  return null;
}

/** Objects of other realms (a vm context, an iframe) are plain too: their prototype is another `Object.prototype`. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

const isDate = (value: object): boolean =>
  Object.prototype.toString.call(value) === "[object Date]" && !Number.isNaN((value as Date).getTime());

const kindOf = (value: object): string => value.constructor?.name || "class instance";

/**
 * Data as `JSON.parse` makes it: an object with a prototype, so that keys are looked for with `hasOwn` and set with `put`. Throws
 * when the text is not a JSON object.
 */
export function parseObject(text: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new SyntaxError("not a JSON object");
  return parsed as Record<string, unknown>;
}

/** Sets a member of an object that has a prototype. Assigned, `__proto__` would change that prototype in place of the data. */
export function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (Object.hasOwn(object, key) || !(key in object)) object[key] = value;
  else Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
}

/** Data as an object without a prototype, so that no key is special. Throws when the text is not a JSON object. */
export function parseData(text: string): Record<string, unknown> {
  return Object.assign(Object.create(null), parseObject(text));
}
