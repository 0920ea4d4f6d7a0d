/** The record of a session: its data and its cookie in one text. */
import { FORMAT, newVersion, type StoredRecord } from "../../contract/record.ts";
import { dictionaryOf } from "../../contract/record-data.ts";
import { parseData } from "../../data/json.ts";
import { isUserId } from "../../data/user-id.ts";
import { dataText } from "./data-text.ts";

/** A session as it is to be stored. */
export interface Snapshot {
  /** The data without the cookie. */
  readonly data: string;
  /** The cookie as JSON, without its end; null where it is as the options say, and "null" where there is none. */
  readonly cookie: string | null;
  readonly userId: string | null;
  readonly expiresAt: number;
  readonly expiry: number | null;
}

export function newRecord(snapshot: Snapshot, now: number): StoredRecord {
  const { data, cookie, userId, expiresAt, expiry } = snapshot;
  return {
    data: textOf(data, cookie),
    version: newVersion(),
    userId,
    createdAt: now,
    authenticatedAt: userId === null ? null : now,
    expiresAt,
    expiry,
    format: FORMAT,
  };
}

/** The dictionary of a record: the data, and the cookie as its last key. */
export function textOf(data: string, cookie: string | null): string {
  if (cookie === null) return data;
  return `${data.slice(0, -1)}${data === "{}" ? "" : ","}"cookie":${cookie}}`;
}

export function textWithoutCookie(record: StoredRecord): string {
  const dictionary = dictionaryOf(record.data);
  return dictionary.includes('"cookie"') ? dataText({ ...parseData(dictionary) }) : dictionary;
}

/** The user that passport has signed in. */
export function userIn(data: object): string | null {
  const user = (data as { passport?: { user?: unknown } }).passport?.user;
  const userId = typeof user === "string" || Number.isFinite(user) ? String(user) : "";
  return isUserId(userId) ? userId : null;
}
