/** What a request makes of the record that is stored: a write, to be made again where another request was first. */
import type { StoredRecord, StoreId } from "../contract/record.ts";
import { changeExtras, dictionaryOf, extrasTextOf } from "../contract/record-data.ts";
import type { Address, StoredSession } from "../contract/ticket.ts";
import { checkFits, readThrough } from "../data/schema.ts";
import { madeAgain, type Snapshot } from "../data/snapshot.ts";
import type { Settings } from "../settings/settings.ts";
import type { Write } from "./attempt.ts";
import type { Deadline } from "./deadlines.ts";
import type { Draft } from "./draft.ts";
import { expiresAt, isCookieDue, isRenewal } from "./expiry.ts";
import { notUndone } from "./in-doubt.ts";
import type { Pending } from "./intent.ts";

export class RecordChange implements Write {
  readonly known: StoredRecord;
  readonly deadline: Deadline;
  readonly versions: number[];
  /** The time of the request's write, by the clock of the settings. */
  readonly now: number;
  /** The place where the record is. */
  at: Address;
  /** The place where the record shall be, or is, where this request changes the key. */
  newAddress: Address | null = null;
  /** Whether the last `next` made a record whose cookie must be sent. */
  isAnnounced = false;
  readonly #draft: Draft;
  readonly #pending: Pending;

  constructor(draft: Draft, pending: Pending, stored: StoredSession, deadline: Deadline) {
    this.#draft = draft;
    this.#pending = pending;
    this.known = stored.record;
    this.at = stored;
    this.deadline = deadline;
    this.versions = pending.data?.versions ?? [];
    this.now = draft.settings.clock();
  }

  get rotateTo(): StoreId | undefined {
    return this.newAddress === null || this.newAddress.id === this.at.id ? undefined : this.newAddress.id;
  }

  next(there: StoredRecord): StoredRecord {
    const { newAddress, now } = this;
    const { settings, isUnderLegacyName } = this.#draft;
    const { data, intent } = this.#pending;
    const { login, expiry, extrasChanges } = intent;
    const current =
      newAddress !== null && newAddress.id === this.at.id ? notUndone(there, this.known) : there;
    const merged = data === null ? current.data : onto(current.data, current.version, data, settings);
    const changed: StoredRecord = {
      data: changeExtras(merged, extrasChanges),
      version: current.version,
      userId: login === null ? current.userId : login.userId,
      createdAt: current.createdAt,
      authenticatedAt: login === null ? current.authenticatedAt : login.at,
      expiresAt: current.expiresAt,
      expiry: expiry === undefined ? current.expiry : expiry,
      format: current.format,
    };
    const fresh = expiresAt(changed, settings, now);
    const isAsked = newAddress !== null || expiry !== undefined;
    this.#draft.attempts++;
    this.isAnnounced = isAsked || isUnderLegacyName || isCookieDue(current, fresh, settings, now);
    return isAsked || isRenewal(current, fresh, settings) ? { ...changed, expiresAt: fresh } : changed;
  }
}

/** A request's own changes, made on empty data. */
export function ownData(data: Snapshot | null, { schema }: Settings): string {
  const theirs = readThrough(schema, "{}");
  return data === null ? theirs : madeAgain(data, { text: theirs, version: null }, "mine").mine;
}

/**
 * A request's own changes, made on the dictionary of `data`, which is that of a record with this version, or null. The framework's
 * object stays as it is.
 */
export function onto(data: string, version: number | null, snapshot: Snapshot, settings: Settings): string {
  const text = readThrough(settings.schema, dictionaryOf(data));
  const { mine } = madeAgain(snapshot, { text, version }, settings.onConflict);
  checkFits(settings.schema, mine);
  return mine + extrasTextOf(data);
}
