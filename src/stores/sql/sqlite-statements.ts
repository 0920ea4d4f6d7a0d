/** The statements of a store in SQLite, and the form in which they take and give records. */
import type { StoredRecord, StoreId } from "../../contract/record.ts";
import type { WriteOutcome } from "../../contract/store.ts";
import { quote, type SqliteValue } from "./sqlite-table.ts";

/** The columns of `find` in their order, as numbers or as the driver gives them. */
type Values = readonly [
  data: string,
  version: number,
  userId: string | null,
  createdAt: number,
  authenticatedAt: number | null,
  expiresAt: number,
  expiry: number | null,
  format: number,
  movedTo: StoreId | null,
];

/** A row of `locate`. */
export interface Place {
  readonly movedTo: StoreId | null;
  readonly version: number;
}

/** The values of a row in the order of the columns, without the id. */
export function encode(record: StoredRecord): SqliteValue[] {
  const { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format } = record;
  return [data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format];
}

/** Some drivers give integers as the application has told them to: as strings, or as big integers. */
const numberOrNull = (value: number | null) => (value === null ? null : Number(value));

/** The record in a row of `find`: an array of the columns, or an object with them in the same order. */
export function decode(row: unknown): StoredRecord | "moved" | null {
  if (row === undefined) return null;
  const values = Array.isArray(row) ? row : Object.values(row as object);
  const [data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format, movedTo] =
    values as unknown as Values;
  if (movedTo !== null) return "moved";
  return {
    data,
    version: Number(version),
    userId,
    createdAt: Number(createdAt),
    authenticatedAt: numberOrNull(authenticatedAt),
    expiresAt: Number(expiresAt),
    expiry: numberOrNull(expiry),
    format: Number(format),
  };
}

/** The reason why a conditional write changed nothing. */
export function whyNot(row: Place | undefined): Exclude<WriteOutcome, "saved"> {
  if (row === undefined) return "gone";
  return row.movedTo === null ? "conflict" : { movedTo: row.movedTo };
}

export function sqliteStatements(name: string) {
  const table = quote(name);
  const columns = "data, version, user_id, created_at, authenticated_at, expires_at, expiry, format";
  const insert = `INSERT INTO ${table} (id, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
  const live = "id = ? AND version = ? AND expires_at > ? AND moved_to IS NULL";
  const update = `
    UPDATE ${table} SET data = ?, version = ?, created_at = ?, authenticated_at = ?, expiry = ?, format = ? WHERE ${live}`;
  return {
    find: `
      SELECT data, version, user_id AS userId, created_at AS createdAt, authenticated_at AS authenticatedAt,
        expires_at AS expiresAt, expiry, format, moved_to AS movedTo
      FROM ${table} WHERE id = ? AND expires_at > ?`,
    locate: `SELECT moved_to AS movedTo, version FROM ${table} WHERE id = ? AND expires_at > ?`,
    isVersion: `SELECT 1 FROM ${table} WHERE ${live}`,
    insert: `${insert} ON CONFLICT (id) DO NOTHING`,
    insertNew: insert,
    // SQLite takes a column that is set out of its index and puts it back, even if its value stays the same.
    updateInPlace: `${update} AND user_id IS ? AND expires_at = ?`,
    update: update.replace("SET", "SET user_id = ?, expires_at = ?,"),
    mark: `
      UPDATE ${table} SET moved_to = ?, expires_at = ?, data = '', user_id = NULL, authenticated_at = NULL, expiry = NULL
      WHERE ${live}`,
    touch: `UPDATE ${table} SET expires_at = ? WHERE ${live} AND expires_at < ?`,
    remove: `DELETE FROM ${table} WHERE id = ? AND moved_to IS NULL`,
    // One statement under the write lock, so that no row can be touched between the choice and the removal.
    clear: `
      DELETE FROM ${table} WHERE rowid IN
        (SELECT rowid FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    listUser: `
      SELECT id, rowid AS place FROM ${table} WHERE user_id = ? AND expires_at > ? AND rowid > ?
      ORDER BY rowid LIMIT ?`,
    countAfter: `
      WITH step AS (
        SELECT *, rowid AS place, expires_at > ? AND moved_to IS NULL AS live, expires_at <= ? AS expired
        FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ?)
      SELECT count(*) AS rows, count(*) FILTER (WHERE live) AS live, count(*) FILTER (WHERE expired) AS expired,
        count(user_id) FILTER (WHERE live) AS authenticated, min(created_at) FILTER (WHERE live) AS oldest,
        coalesce(sum(length(CAST(data AS BLOB))) FILTER (WHERE live), 0) AS bytes, max(place) AS last
      FROM step`,
  };
}
