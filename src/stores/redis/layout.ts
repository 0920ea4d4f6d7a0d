/** How a session lies under its key: columns of fixed width that scripts compare and overwrite, then JSON, then the data. */
import type { StoredRecord, StoreId } from "../../contract/record.ts";

/** The three kinds of value under the key of a session. */
export type Stored =
  | { readonly kind: "record"; readonly record: StoredRecord }
  /** Written by a rotation that has not finished. It is a session only if a mark under `from` names this id. */
  | { readonly kind: "pending"; readonly record: StoredRecord; readonly from: StoreId }
  | { readonly kind: "moved"; readonly to: StoreId; readonly until: number };

/** A half of a column. */
const HALF = 100_000_000;

/**
 * A whole number as wide as the widest safe integer, so that numbers compare as texts and Lua rounds none. It is written in two
 * halves, because engines write numbers below 2^31 several times faster than larger ones.
 */
export function column(number: number): string {
  const whole = Math.min(Math.max(0, Math.floor(number)), Number.MAX_SAFE_INTEGER);
  const upper = Math.floor(whole / HALF);
  const lower = whole - upper * HALF;
  return `${HALF + upper}`.slice(1) + `${HALF + lower}`.slice(1);
}

/** The `indexed` column of an anonymous session, which has no entry in a user's index. */
export const UNINDEXED = column(0);

/** The part behind the columns. `from` is the old id, in a record that a rotation writes. */
function body(record: StoredRecord, from?: StoreId): string {
  const { format, createdAt, authenticatedAt, expiry, userId, data } = record;
  const fields: unknown[] = [format, createdAt, authenticatedAt, expiry, userId];
  if (from !== undefined) fields.push(from);
  return `${JSON.stringify(fields)}\n${data}`;
}

/** A record as it is written. `before` is the version that it replaces, or a nonce where it replaces none. */
export function encode(
  record: StoredRecord,
  indexed: string,
  before: string,
  pending?: { from: StoreId },
): string {
  const kind = pending ? "p" : "r";
  const columns = `${kind} ${column(record.expiresAt)} ${indexed} ${column(record.version)} ${before}`;
  return `${columns} ${body(record, pending?.from)}`;
}

/** Reads the answer of GET. Throws when another program, or a newer release, wrote the value. */
export function decode(value: unknown): Stored | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === "string" ? value : "";
  const kind = text.slice(0, 2);
  const ends = Number(text.slice(2, 18));
  if (kind === "m ") return { kind: "moved", until: ends, to: text.slice(19) as StoreId };
  const line = text.indexOf("\n");
  if ((kind !== "r " && kind !== "p ") || line < 0) {
    throw new Error(
      "A session's key holds what this release of coatcheck did not write: another program uses the same prefix, or a " +
        "newer release. Give each its own prefix.",
    );
  }
  const [format, createdAt, authenticatedAt, expiry, userId, from] = fieldsOf(text.slice(0, line));
  const record: StoredRecord = {
    data: text.slice(line + 1),
    version: Number(text.slice(36, 52)),
    userId,
    createdAt,
    authenticatedAt,
    expiresAt: ends,
    expiry,
    format,
  };
  return kind === "p " ? { kind: "pending", record, from: from as StoreId } : { kind: "record", record };
}

type Fields = [
  format: number,
  createdAt: number,
  authenticatedAt: number | null,
  expiry: number | null,
  userId: string | null,
  from?: StoreId,
];

/** Reads the JSON in the first line of a record. Scripts answer with that line where the user in it matters. */
export const fieldsOf = (line: string): Fields => JSON.parse(line.slice(70)) as Fields;
