/**
 * The application's schema for the dictionary, by the Standard Schema of zod, valibot and arktype. Data is read through it: keys
 * that do not fit are left out, and what the schema makes of the others is what the handler sees. A write must fit as it is.
 */
import { SettingsError } from "../errors.ts";
import type { StandardSchema } from "../settings/options.ts";
import { checkJson, parseData, placeOf } from "./json.ts";

type Result = Exclude<ReturnType<StandardSchema["~standard"]["validate"]>, Promise<unknown>>;
type Issue = NonNullable<Result["issues"]>[number];

/** Is told of the keys that do not fit the schema. */
export interface MisfitListener {
  misfit?(keys: string[]): void;
}

/** Throws a SettingsError where the schema cannot work: it is asynchronous, or an empty session does not fit. */
export function checkSchema(schema: StandardSchema | null): void {
  if (schema === null) return;
  const { issues } = validate(schema, {});
  if (issues === undefined) return;
  const places = placesOf(issues);
  throw new SettingsError(
    "schema",
    `a schema that an empty session fits: make every key optional, or give it a default${places && ` (now it wants ${places})`}`,
  );
}

/**
 * The data as the handler sees it. The keys that do not fit are left out, and `listener` is told of them. A text that is not a JSON
 * object stays as it is. Throws a TypeError where the schema makes something of the data that is not JSON.
 */
export function readThrough(schema: StandardSchema | null, text: string, listener?: MisfitListener): string {
  if (schema === null) return text;
  const data = tryParse(text);
  if (data === null) return text;
  const dropped: string[] = [];
  for (;;) {
    const result = tryValidate(schema, data);
    if (result?.issues === undefined && result !== null) {
      if (dropped.length > 0) listener?.misfit?.(dropped);
      return textOf(result.value);
    }
    const keys = misfits(result?.issues ?? [], data);
    if (keys.length === 0) throw new TypeError("An empty session no longer fits the option schema.");
    for (const key of keys) delete data[key];
    dropped.push(...keys);
  }
}

/** Throws a TypeError that names the places where the data does not fit. It does not show the data. */
export function checkFits(schema: StandardSchema | null, text: string): void {
  if (schema === null) return;
  const { issues } = validate(schema, parseData(text));
  if (issues === undefined) return;
  throw new TypeError(
    `The session does not fit the option schema at ${placesOf(issues) || "no place in particular"}, so nothing was stored. Store what ` +
      "the schema allows, or change it; one that transforms must take its own output.",
  );
}

function validate(schema: StandardSchema, data: object): Result {
  const result = schema["~standard"].validate(data);
  if (!(result instanceof Promise)) return result;
  result.catch(() => {}); // Its outcome comes too late, and must not end the process.
  throw new SettingsError(
    "schema",
    "a synchronous schema: session.get() and session.set() cannot wait for it",
  );
}

/**
 * null where the schema throws, or answers with a promise, as zod does when it throws: that must not make every page of this
 * visitor fail. A write of such data is refused.
 */
function tryValidate(schema: StandardSchema, data: object): Result | null {
  try {
    return validate(schema, data);
  } catch {
    return null;
  }
}

function tryParse(text: string): Record<string, unknown> | null {
  try {
    return parseData(text);
  } catch {
    return null;
  }
}

/** The keys that the issues name; every key where an issue names none. */
function misfits(issues: readonly Issue[], data: Record<string, unknown>): string[] {
  const named = issues.map((issue) => pathOf(issue)[0]);
  const keys = [...new Set(named)].filter((key) => typeof key === "string" && key in data) as string[];
  return named.includes(undefined) || keys.length === 0 ? Object.keys(data) : keys;
}

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError("The option schema makes of a session something that is no object.");
  for (const [key, member] of Object.entries(value)) if (member !== undefined) checkJson(member, key);
  return JSON.stringify(value);
}

const pathOf = ({ path = [] }: Issue): PropertyKey[] =>
  path.map((step) => (typeof step === "object" ? step.key : step));

/** The first places that the issues name, as JavaScript writes them. */
function placesOf(issues: readonly Issue[]): string {
  const places = issues.map((issue) => {
    const [key, ...rest] = pathOf(issue).map((step) => (typeof step === "number" ? step : String(step)));
    return key === undefined ? "" : placeOf(String(key), rest);
  });
  return [...new Set(places)].filter(Boolean).slice(0, 5).join(", ");
}
