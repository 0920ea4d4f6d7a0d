// A program that reads this file alone must find the declaration too.
/// <reference path="./cloudflare-workers.d.ts" />
import { DurableObject } from "cloudflare:workers";
import type { StoredRecord, StoreId } from "../../contract/record.ts";
import { MOVED_MARK_MS, type Moved, type WriteOutcome } from "../../contract/store.ts";
import type { StepCount } from "../sql/count-in-steps.ts";
import { decode, encode, type Place, sqliteStatements, whyNot } from "../sql/sqlite-statements.ts";
import { changesFor, inspection, type SqliteValue, stateOf } from "../sql/sqlite-table.ts";

/** The id is that of a record that comes from another shard. It is a session once a mark under `pendingFrom` names it. */
export interface Pending {
  readonly pendingFrom: StoreId;
}

/** Some sessions of a user. */
export interface UserPage {
  readonly ids: StoreId[];
  /** The new ids of sessions that have left for another shard within the last minute. */
  readonly left: StoreId[];
  /** The place from which the next page begins; null where there is none. */
  readonly last: number | null;
}

const TABLE = "sessions";
const texts = sqliteStatements(TABLE);

/** The life of a pending record, milliseconds: longer than that of the mark which makes it a session. */
const PENDING_MS = 2 * MOVED_MARK_MS;

/** The bounds of the time between two clearings, milliseconds. */
const [SOONEST_MS, LATEST_MS] = [600_000, 86_400_000];

/** The rows that one statement of a clearing removes. */
const BATCH = 1000;

/** `record` is JSON, and null in the shard that a session leaves: there the entry only keeps it in its user's list. */
const MOVES = `
  CREATE TABLE IF NOT EXISTS moves (
    id TEXT NOT NULL PRIMARY KEY, from_id TEXT NOT NULL, user_id TEXT, expires_at INTEGER NOT NULL, record TEXT
  ) STRICT`;

/**
 * The Durable Object in which `durableObjectStore` keeps sessions, in its SQLite. Export it from the worker's main module, and
 * bind it as a class with SQLite (`new_sqlite_classes`). Its methods are for the store alone.
 */
export class SessionShard extends DurableObject {
  #isReady = false;
  #hasAlarm = false;

  find(id: StoreId, now: number): StoredRecord | Moved | Pending | null {
    const [row] = this.#ask<Place>(texts.find, id, now);
    if (row === undefined) return this.#pending(id, now);
    return row.movedTo === null ? (decode(row) as StoredRecord) : { movedTo: row.movedTo };
  }

  async create(id: StoreId, record: StoredRecord, now: number): Promise<boolean> {
    const isNew = this.#pending(id, now) === null && this.#change(texts.insert, id, ...encode(record));
    if (isNew) await this.#wake(record.expiresAt);
    return isNew;
  }

  update(id: StoreId, record: StoredRecord, expected: number, now: number): WriteOutcome | Pending {
    const { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format } = record;
    const changes = [data, version, createdAt, authenticatedAt, expiry, format];
    const live = [id, expected, now];
    if (this.#change(texts.updateInPlace, ...changes, ...live, userId, expiresAt)) return "saved";
    if (this.#change(texts.update, userId, expiresAt, ...changes, ...live)) return "saved";
    return this.#whyNot(id, now);
  }

  touch(id: StoreId, expiresAt: number, version: number, now: number): boolean | Pending {
    if (this.#change(texts.touch, expiresAt, id, version, now, expiresAt)) return true;
    if (this.#ask(texts.isVersion, id, version, now).length > 0) return true;
    const why = this.#whyNot(id, now);
    return typeof why === "object" && "pendingFrom" in why ? why : false;
  }

  delete(id: StoreId, now: number): Moved | Pending | null {
    if (this.#change(texts.remove, id)) return null;
    const why = this.#whyNot(id, now);
    return typeof why === "object" ? why : null;
  }

  /** A rotation within this shard: the record arrives and the mark is written, or neither. */
  async rotate(
    oldId: StoreId,
    newId: StoreId,
    record: StoredRecord,
    expected: number,
    now: number,
  ): Promise<WriteOutcome | Pending> {
    const outcome = this.#whole(() => {
      const marked = this.#mark(oldId, newId, expected, now);
      if (marked !== "saved") return marked;
      if (this.#pending(newId, now) === null && this.#change(texts.insert, newId, ...encode(record)))
        return marked;
      throw new Error("The session cannot move to an id that is taken. Make a new one.");
    });
    if (outcome === "saved") await this.#wake(now + MOVED_MARK_MS);
    return outcome;
  }

  /** The first step of a rotation between two shards, at the new one. False where the id is taken. */
  async prepare(id: StoreId, record: StoredRecord, from: StoreId, now: number): Promise<boolean> {
    if (this.#ask(texts.locate, id, now).length > 0) return false;
    const isNew = this.#change(
      "INSERT INTO moves (id, from_id, user_id, expires_at, record) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
      id,
      from,
      record.userId,
      now + PENDING_MS,
      JSON.stringify(record),
    );
    if (isNew) await this.#wake(now + PENDING_MS);
    return isNew;
  }

  /** The second step, at the old shard, which decides. */
  async mark(
    oldId: StoreId,
    newId: StoreId,
    userId: string | null,
    expected: number,
    now: number,
  ): Promise<WriteOutcome | Pending> {
    const outcome = this.#whole(() => {
      const marked = this.#mark(oldId, newId, expected, now);
      if (marked === "saved" && userId !== null) {
        // A list of the user's sessions that asked the new shard before the first step, and asks this one now, must not miss it.
        this.#change(
          "INSERT OR REPLACE INTO moves (id, from_id, user_id, expires_at, record) VALUES (?, ?, ?, ?, NULL)",
          newId,
          oldId,
          userId,
          now + MOVED_MARK_MS,
        );
      }
      return marked;
    });
    if (outcome === "saved") await this.#wake(now + MOVED_MARK_MS);
    return outcome;
  }

  /** The last step, at the new shard. False where the record is gone. */
  async arrive(id: StoreId, now: number): Promise<boolean> {
    const [move] = this.#ask<{ record: string }>(
      "SELECT record FROM moves WHERE id = ? AND record IS NOT NULL",
      id,
    );
    if (move === undefined) return this.#ask(texts.locate, id, now).length > 0;
    const record = JSON.parse(move.record) as StoredRecord;
    this.#whole(() => {
      this.#change(texts.insert, id, ...encode(record));
      this.#change("DELETE FROM moves WHERE id = ?", id);
    });
    await this.#wake(record.expiresAt);
    return true;
  }

  /** Takes the first step back. */
  withdraw(id: StoreId, from: StoreId): void {
    this.#change("DELETE FROM moves WHERE id = ? AND from_id = ? AND record IS NOT NULL", id, from);
  }

  /** A page of a user's sessions, from a place on. Those that have left for another shard come with the first. */
  listUser(userId: string, now: number, place: number, limit: number): UserPage {
    const rows = this.#ask<{ id: StoreId; place: number }>(texts.listUser, userId, now, place, limit);
    const moves = this.#ask<{ id: StoreId; isComing: number }>(
      "SELECT id, record IS NOT NULL AS isComing FROM moves WHERE user_id = ? AND expires_at > ? AND ? = 0",
      userId,
      now,
      place,
    );
    const ids = (which: readonly { id: StoreId }[]) => which.map(({ id }) => id);
    return {
      ids: ids([...rows, ...moves.filter(({ isComing }) => isComing)]),
      left: ids(moves.filter(({ isComing }) => !isComing)),
      last: rows.length < limit ? null : (rows.at(-1)?.place ?? null),
    };
  }

  countAfter(now: number, place: number, limit: number): StepCount<number> {
    return this.#ask<StepCount<number>>(texts.countAfter, now, now, place, limit)[0] as StepCount<number>;
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    this.#hasAlarm = true;
    this.#change("DELETE FROM moves WHERE expires_at <= ?", now);
    if (this.#count(texts.clear, now, BATCH) === BATCH) {
      // Calls come in between.
      await this.ctx.storage.setAlarm(now);
      return;
    }
    const [first] = this.#ask<{ end: number | null }>(
      `SELECT min(end) AS end FROM (SELECT min(expires_at) AS end FROM ${TABLE} UNION ALL SELECT min(expires_at) FROM moves)`,
    );
    if (first?.end == null) this.#hasAlarm = false;
    else await this.ctx.storage.setAlarm(clearingOf(first.end));
  }

  /** Sees to it that the object clears what expires: sessions that end sooner than expected wait for the next clearing. */
  async #wake(expiresAt: number): Promise<void> {
    if (this.#hasAlarm) return;
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(clearingOf(expiresAt));
    this.#hasAlarm = true;
  }

  #mark(oldId: StoreId, newId: StoreId, expected: number, now: number): WriteOutcome | Pending {
    const isMarked = this.#change(texts.mark, newId, now + MOVED_MARK_MS, oldId, expected, now);
    return isMarked ? "saved" : this.#whyNot(oldId, now);
  }

  #whyNot(id: StoreId, now: number): Exclude<ReturnType<typeof whyNot>, { saved: number }> | Pending {
    const [place] = this.#ask<Place>(texts.locate, id, now);
    if (place !== undefined) return whyNot(place) as "conflict" | Moved;
    return this.#pending(id, now) ?? "gone";
  }

  #pending(id: StoreId, now: number): Pending | null {
    const [move] = this.#ask<{ from_id: StoreId }>(
      "SELECT from_id FROM moves WHERE id = ? AND expires_at > ? AND record IS NOT NULL",
      id,
      now,
    );
    return move === undefined ? null : { pendingFrom: move.from_id };
  }

  #whole<T>(work: () => T): T {
    this.#getReady();
    return this.ctx.storage.transactionSync(work);
  }

  #ask<T>(sql: string, ...values: SqliteValue[]): T[] {
    this.#getReady();
    return this.ctx.storage.sql.exec(sql, ...values).toArray() as T[];
  }

  #change(sql: string, ...values: SqliteValue[]): boolean {
    return this.#count(sql, ...values) > 0;
  }

  /** The rows that a statement changed. The cursor's own count is one of rows of the indexes too. */
  #count(sql: string, ...values: SqliteValue[]): number {
    this.#ask(sql, ...values);
    return this.#ask<{ changes: number }>("SELECT changes() AS changes")[0]?.changes ?? 0;
  }

  #getReady(): void {
    if (this.#isReady) return;
    const { sql } = this.ctx.storage;
    this.ctx.storage.transactionSync(() => {
      const rows = inspection(TABLE).map((text) => sql.exec(text.sql, ...text.args).toArray());
      for (const change of [...changesFor(stateOf(rows, TABLE), TABLE, "SessionShard"), MOVES])
        sql.exec(change);
    });
    this.#isReady = true;
  }
}

/** The time of the next clearing, for records of which the first ends then. */
function clearingOf(expiresAt: number): number {
  const now = Date.now();
  return Math.min(Math.max(expiresAt, now + SOONEST_MS), now + LATEST_MS);
}
