import type { StoredRecord, StoreId } from "../../contract/record.ts";

/** A session: its record is `<content>.json`. Renaming this file is what changes the session. */
export interface Live {
  readonly kind: "live";
  readonly name: string;
  readonly version: number;
  readonly expiresAt: number;
  readonly content: string;
}

/** A session that a rotation is about to bring here: it lives when the folder of `from` has the mark that says so. */
export interface Pending extends Omit<Live, "kind"> {
  readonly kind: "pending";
  readonly from: StoreId;
}

/** The mark of a session that was rotated away. */
export interface Moved {
  readonly kind: "moved";
  readonly name: string;
  readonly to: StoreId;
  readonly expiresAt: number;
}

/** What a session's folder holds beside records, told by the name of one empty file. */
export type State = Live | Pending | Moved;

type Versioned = Pick<StoredRecord, "version" | "expiresAt">;

export const liveName = ({ version, expiresAt }: Versioned, content: string) =>
  `live_${version}_${expiresAt}_${content}`;

export const pendingName = ({ version, expiresAt }: Versioned, content: string, from: StoreId) =>
  `pending_${version}_${expiresAt}_${content}_${from}`;

export const movedName = (to: StoreId, until: number) => `moved_${to}_${until}`;

export const contentName = (content: string) => `${content}.json`;

export const isContentName = (name: string) => name.endsWith(".json");

export function parseState(name: string): State | undefined {
  const [kind, a = "", b = "", content = "", from = ""] = name.split("_");
  if (kind === "moved") return { kind, name, to: a as StoreId, expiresAt: Number(b) };
  const numbers = { version: Number(a), expiresAt: Number(b) };
  if (kind === "live") return { kind, name, ...numbers, content };
  if (kind === "pending") return { kind, name, ...numbers, content, from: from as StoreId };
  return undefined;
}

/** All of a record but what the name of the state says. */
export function encode({ version, expiresAt, ...rest }: StoredRecord): string {
  return JSON.stringify(rest);
}

/** Null where a power cut left less than was written: such a text is no JSON. */
export function decode(text: string, { version, expiresAt }: Versioned): StoredRecord | null {
  try {
    const { data, userId, createdAt, authenticatedAt, expiry, format } = JSON.parse(text) as StoredRecord;
    return { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format };
  } catch {
    return null;
  }
}
