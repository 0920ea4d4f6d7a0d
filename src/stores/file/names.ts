/** The names of our files. A folder may hold others, such as .DS_Store: they are passed over and left alone. */
import { isStoreId, type StoredRecord, type StoreId } from "../../contract/record.ts";

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

export const isContentName = (name: string) => /^[0-9a-f]{16}\.json$/.test(name);

/** Whether the file in the folder of a session is one of ours. */
export const isOurs = (name: string) => isContentName(name) || parseState(name) !== undefined;

/** Reads the name of a state; undefined for any other name. */
export function parseState(name: string): State | undefined {
  const [kind, first = "", second = "", content = "", from, ...more] = name.split("_");
  const expiresAt = Number(second);
  if (second === "" || Number.isNaN(expiresAt) || more.length > 0) return undefined;
  if (kind === "moved")
    return isStoreId(first) && content === "" ? { kind, name, to: first, expiresAt } : undefined;
  const version = Number(first);
  if (first === "" || Number.isNaN(version) || !/^[0-9a-f]{16}$/.test(content)) return undefined;
  if (kind === "live") return from === undefined ? { kind, name, version, expiresAt, content } : undefined;
  if (kind === "pending")
    return isStoreId(from) ? { kind, name, version, expiresAt, content, from } : undefined;
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
