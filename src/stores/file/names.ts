import type { StoredRecord, StoreId } from "../../contract/record.ts";

/** The state of a session, which is the name of an empty file. Its record is `<content>.json`. Renaming changes the session. */
export interface Live {
  readonly kind: "live";
  readonly name: string;
  readonly version: number;
  readonly expiresAt: number;
  readonly content: string;
}

/** The state of a session that a rotation brings here. It lives when the folder of `from` has a mark that names this id. */
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

/** The state in a session's folder: one empty file beside the records. */
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

/** The text of a record, without version and end: the name of the state has those. */
export function encode({ version, expiresAt, ...rest }: StoredRecord): string {
  return JSON.stringify(rest);
}

/** Reads the text of a record; null where a power cut left only a part of it, which is no JSON. */
export function decode(text: string, { version, expiresAt }: Versioned): StoredRecord | null {
  try {
    const { data, userId, createdAt, authenticatedAt, expiry, format } = JSON.parse(text) as StoredRecord;
    return { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format };
  } catch {
    return null;
  }
}
