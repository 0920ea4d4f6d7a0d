/**
 * Takes back writes of requests that were answered with an error, because the store did not answer in time or failed at
 * another step: they may have been stored all the same, or may be stored later. Otherwise a session whose key no browser ever received would
 * live on, signed in. The work goes on in the background for up to a minute. A process that ends first leaves the session,
 * which is listed among those of its user and can be revoked.
 */
import { newVersion, type StoredRecord, type StoreId } from "../contract/record.ts";
import { dictionaryOf, extrasOf, extrasTextOf, withExtras } from "../contract/record-data.ts";
import { MOVED_MARK_MS, storedBy } from "../contract/store.ts";
import { ticketOf } from "../cookie/key.ts";
import type { Settings } from "../settings/settings.ts";
import { wait } from "../wait.ts";
import type { GuardedStore } from "./guarded-store.ts";

/** A change of key that may have been stored. */
export interface DoubtfulRotation {
  readonly from: StoreId;
  readonly to: StoreId;
  /** The record that was to be replaced. */
  readonly before: StoredRecord;
  /** The record that was to be stored under the new id. */
  readonly after: StoredRecord;
}

/** How many writes are taken back at one time. In a long outage the others are left alone. */
const MOST_AT_ONCE = 1000;

/** Milliseconds. */
const GIVE_UP_AFTER = 60_000;
const LONGEST_PAUSE = 5_000;

export class InDoubt {
  readonly #settings: Settings;
  readonly #store: GuardedStore;
  #underWay = 0;
  #isStopped = false;
  /** The new ids of the changes of key that are being taken back. */
  readonly #rotations = new Set<StoreId>();

  constructor(settings: Settings, store: GuardedStore) {
    this.#settings = settings;
    this.#store = store;
  }

  /** Deletes a record that was or may have been created. `call` settles when the store's own work on it has ended. */
  created(id: StoreId, call: Promise<unknown> = Promise.resolve()): void {
    const remove = () =>
      this.#untilDone(async () => {
        await this.#store.delete(id, this.#store.deadline());
        return true;
      });
    void call.then(remove, remove);
  }

  /** Takes a change of key back, whether it has been stored or may still be. */
  rotated(rotation: DoubtfulRotation): void {
    const markEnds = this.#settings.clock() + MOVED_MARK_MS;
    this.#rotations.add(rotation.to);
    this.#untilDone(() => this.#undo(rotation, markEnds)).finally(() => this.#rotations.delete(rotation.to));
  }

  /** The request goes on under the new id, which its response announces: the change of key is not taken back any more. */
  leave(to: StoreId): void {
    this.#rotations.delete(to);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #untilDone(attempt: () => Promise<boolean>): Promise<void> {
    if (this.#isStopped || this.#underWay >= MOST_AT_ONCE) return;
    this.#underWay += 1;
    await this.#repeat(attempt);
    this.#underWay -= 1;
  }

  /** A store that fails is asked again, less and less often; its events tell of each failure. */
  async #repeat(attempt: () => Promise<boolean>): Promise<void> {
    const giveUp = performance.now() + GIVE_UP_AFTER;
    for (let pause = 125; performance.now() < giveUp && !this.#isStopped; pause *= 2) {
      if (await attempt().catch(() => false)) return;
      await wait(Math.min(pause, LONGEST_PAUSE) * (0.5 + Math.random()), { unref: true });
    }
  }

  /** Resolves to true when the change of key has been taken back or is no longer possible; false: look again. */
  async #undo({ from, to, before, after }: DoubtfulRotation, markEnds: number): Promise<boolean> {
    const deadline = this.#store.deadline();
    const seen = await this.#store.read(from, deadline);
    const isClear = ticketOf(this.#settings.store).kind === "clear";
    if (isClear && (seen === null || seen === "moved")) {
      // Such a store keeps no marks that all processes see, and another program reads its records: the new one is deleted.
      await this.#store.delete(to, deadline);
      return true;
    }
    if (seen === null) return true;
    if (seen !== "moved") {
      // With another version the change of key cannot be stored any more: it expects the version that was there.
      if (seen.version !== before.version) return true;
      const barred = { ...seen, version: newVersion() };
      const outcome = await this.#store.update(from, barred, seen.version, deadline);
      // Without marks, a record that has gone from the old id may have moved: the next look deletes the new one.
      return storedBy(outcome, barred) !== null || (outcome === "gone" && !isClear);
    }
    // `delete` is the verb that answers where a session has moved to; it removes nothing then.
    if ((await this.#store.delete(from, deadline)) !== to) return true;
    const moved = await this.#store.read(to, deadline);
    if (moved === null || moved === "moved") return true;
    // `leave` comes before the request writes under the new id, so what was read just now is none of its writes.
    if (!this.#rotations.has(to)) return true;
    const restored = undone(moved, before, after, markEnds);
    const outcome = await this.#store.update(to, restored, moved.version, deadline);
    return storedBy(outcome, restored) !== null || outcome === "gone";
  }
}

/** What a request goes on from that follows its own change of key: where that was taken back, everything but its data is as before. */
export function notUndone(there: StoredRecord, before: StoredRecord): StoredRecord {
  if (extrasOf(there.data).undone === undefined) return there;
  const { userId, authenticatedAt } = before;
  const data = dictionaryOf(there.data) + extrasTextOf(before.data);
  return { ...there, data, userId, authenticatedAt };
}

/**
 * The record as it was before the change of key, without a user. If requests that followed the mark have written to it since,
 * their changes stay; the data may then hold something of the user who was signing in, and belongs to that user.
 */
function undone(
  moved: StoredRecord,
  before: StoredRecord,
  after: StoredRecord,
  markEnds: number,
): StoredRecord {
  const isUntouched = moved.version === after.version;
  const dictionary = dictionaryOf(isUntouched ? before.data : moved.data);
  const userId = isUntouched ? before.userId : (before.userId ?? after.userId);
  return {
    ...moved,
    data: withExtras(dictionary, { undone: { userId } }),
    version: newVersion(),
    userId: null,
    authenticatedAt: null,
    expiry: before.expiry,
    expiresAt: Math.min(moved.expiresAt, markEnds),
  };
}
