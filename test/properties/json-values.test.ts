import { createSessions, memoryStore } from "coatcheck";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { canonical, copy, jsonValue, key } from "./json.ts";

async function roundTrip(name: string, value: unknown): Promise<unknown> {
  const browser = new Browser(createSessions({ store: memoryStore() }));
  const session = await browser.open();
  session.set(name, value);
  await browser.respond(session);
  return (await browser.open()).require(name);
}

// Reports: chill117/express-mysql-session#49, #128.
test("what is JSON comes back as it went in", async () => {
  await fc.assert(
    fc.asyncProperty(key, jsonValue, async (name, value) => {
      expect(canonical(await roundTrip(name, value))).toBe(canonical(value));
    }),
    { numRuns: 300 },
  );
});

/** Whether JSON can write the value. A member that is undefined is dropped; an item of a list that is undefined is not JSON. */
function isJson(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return Array.from(value).every(isJson);
  if (typeof value !== "object") return false;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return false;
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") return false;
  return Object.values(value).every((member) => member === undefined || isJson(member));
}

test("what is not JSON is refused at the call, and all else comes back as it went in", async () => {
  const anything = fc.anything({
    maxDepth: 2,
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  await fc.assert(
    fc.asyncProperty(anything, async (value) => {
      if (isJson(value)) expect(canonical(await roundTrip("key", value))).toBe(canonical(copy(value)));
      else await expect(roundTrip("key", value)).rejects.toThrow(TypeError);
    }),
    { numRuns: 500 },
  );
});
