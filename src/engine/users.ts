/** The sessions of one user: lists them and ends them, where the store keeps an index of users. */

import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import { dictionaryOf, type Extras, extrasOf } from "../contract/record-data.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { logIdOf, ticketOf } from "../cookie/key.ts";
import { parseData } from "../data/json.ts";
import { isUserId } from "../data/user-id.ts";
import { SettingsError, StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings/settings.ts";
import { wait } from "../wait.ts";
import { lastSeenAt } from "./expiry.ts";
import type { GuardedStore } from "./guarded-store.ts";

/** One session of a user, as `listUserSessions` shows it. */
export interface UserSession {
  /** Names the session in `revoke`. It may stand in a page. */
  readonly handle: string;
  readonly createdAt: Date;
  /** The last write or touch, to 1/100 of the session's lifetime. Without `idleTimeout`, reading is not activity. */
  readonly lastSeenAt: Date;
  readonly authenticatedAt: Date | null;
  readonly expiresAt: Date;
  /** The device's name, as the login gave it, else null. */
  readonly label: string | null;
  /** Whether the session is bound to a device, by the option `deviceBound`. */
  readonly isDeviceBound: boolean;
  /** A copy: changing it does not change the session. */
  readonly data: Record<string, unknown>;
}

export interface RevokeUserOptions {
  /** The handle of the session that goes on, usually that of the present request. */
  except?: string | null;
  /** Aborting it stops after the step under way. Another call ends the rest. */
  signal?: AbortSignal;
  /** Called after each step with the number of sessions ended so far. */
  onProgress?: (progress: { ended: number }) => void;
}

/** How many calls of the store one step makes at once: few enough that a request has to wait only a moment behind them. */
const AT_ONCE = 32;

/** How often the list of sessions is looked at again, for sessions that were created meanwhile. */
const PASSES = 10;

export class Users {
  readonly #settings: Settings;
  readonly #store: GuardedStore;

  constructor(settings: Settings, store: GuardedStore) {
    this.#settings = settings;
    this.#store = store;
  }

  /** The live sessions of a user, the one seen last first. */
  async list(userId: string): Promise<UserSession[]> {
    const now = this.#settings.clock();
    return (await this.#sessionsOf(userId))
      .map(({ id, record }) => ({
        handle: id,
        createdAt: new Date(record.createdAt),
        lastSeenAt: new Date(lastSeenAt(record, this.#settings, now)),
        authenticatedAt: record.authenticatedAt === null ? null : new Date(record.authenticatedAt),
        expiresAt: new Date(record.expiresAt),
        label: extrasOfAny(record).label ?? null,
        isDeviceBound: extrasOfAny(record).device?.k !== undefined,
        data: dataOf(record),
      }))
      .sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  }

  /** Ends one session. False, and nothing ended, when there is none by that handle or it belongs to another user. */
  async revoke(handle: string, userId: string): Promise<boolean> {
    this.#refuseClearIds();
    if (!isStoreId(handle)) return false;
    const found = await this.#locate(handle);
    if (found?.record.userId !== userId) return false;
    await this.#end(found.id);
    return true;
  }

  /**
   * Ends all sessions of a user but the one with the handle `except`, a few at a time. Resolves to their number, in which a
   * session that had already expired may be counted. Where the store fails, it rejects with StoreUnavailableError, which says how
   * many have ended.
   */
  async revokeAll(userId: string, { except, signal, onProgress }: RevokeUserOptions): Promise<number> {
    const seen = new Set<StoreId>();
    let spared = isStoreId(except) ? except : null;
    let ended = 0;
    let fault: unknown;
    try {
      for (let pass = 0; pass < PASSES && fault === undefined && !signal?.aborted; pass++) {
        const ids = (await this.#idsOf(userId)).filter((id) => !seen.has(id));
        if (ids.length === 0) break;
        for await (const batch of inSteps(ids)) {
          if (signal?.aborted) break;
          // The session that goes on may change its key at any time.
          if (spared !== null) spared = (await this.#locate(spared))?.id ?? spared;
          const ends = await Promise.allSettled(batch.map((id) => this.#endOf(userId, id, spared)));
          for (const id of batch) seen.add(id);
          const count = ends.filter((end) => end.status === "fulfilled" && end.value).length;
          ended += count;
          onProgress?.({ ended });
          const failed = ends.filter((end) => end.status === "rejected");
          fault ??= failed[0]?.reason;
          // One session that cannot be ended must not keep the others alive. A store that fails for all is not asked further.
          if (failed.length === batch.length) break;
        }
      }
    } catch (error) {
      fault = error;
    }
    if (fault === undefined) return ended;
    if (!(fault instanceof StoreUnavailableError)) throw fault;
    const doing = `end all sessions of a user (${ended} have ended; the same call again ends the rest)`;
    throw new StoreUnavailableError(doing, fault.cause);
  }

  /**
   * Ends the sessions of a user beyond the `most` newest by their logins, and resolves to their ids. Every process puts them in the
   * same order, so that of logins at the same time the same ones stay.
   */
  async keepNewest(userId: string, most: number): Promise<StoreId[]> {
    const sessions = (await this.#sessionsOf(userId)).sort(
      (a, b) => (a.record.authenticatedAt ?? 0) - (b.record.authenticatedAt ?? 0) || (a.id < b.id ? -1 : 1),
    );
    const beyond = sessions.slice(0, Math.max(0, sessions.length - most));
    for (let at = 0; at < beyond.length; at += AT_ONCE)
      await Promise.all(beyond.slice(at, at + AT_ONCE).map((session) => this.#endLogin(session)));
    return beyond.map(({ id }) => id);
  }

  /** Ends a session, also where its key was changed meanwhile; unless that was by a newer login. */
  async #endLogin({ id, record }: StoredSession): Promise<void> {
    const movedTo = await this.#store.delete(id, this.#store.deadline());
    if (movedTo === undefined) {
      tell("ended", () => ({ session: logIdOf(id) }));
      return;
    }
    const found = await this.#locate(movedTo);
    if (found?.record.authenticatedAt === record.authenticatedAt) await this.#end(found.id);
  }

  /**
   * Ends the session that the index names by this id. False where it is spared. The record is not read: an id never changes its
   * user. But the index may name an id that the session has left, and then the session is looked at.
   */
  async #endOf(userId: string, id: StoreId, spared: StoreId | null): Promise<boolean> {
    if (id === spared) return false;
    const movedTo = await this.#store.delete(id, this.#store.deadline());
    if (movedTo === undefined) {
      tell("ended", () => ({ session: logIdOf(id) }));
      return true;
    }
    const session = await this.#locate(movedTo);
    if (session === null || session.id === spared || session.record.userId !== userId) return false;
    await this.#end(session.id);
    return true;
  }

  /** Throws a SettingsError where an id is the key of its session: it would stand as a handle in a page. */
  #refuseClearIds(): void {
    if (ticketOf(this.#store.given).kind !== "clear") return;
    throw new SettingsError(
      "store",
      "a store that knows only hashes of the keys, for this. This one keeps the keys themselves, as Django does, so a session has no " +
        "handle that may be shown, and there is no index of users. A password changed in Django ends all sessions of its user",
    );
  }

  /** The ids that the index names for a user. */
  async #idsOf(userId: string): Promise<StoreId[]> {
    this.#refuseClearIds();
    if (this.#store.given.listUser === undefined) {
      throw new SettingsError("store", "a store with an index of users, for this");
    }
    if (!isUserId(userId)) return [];
    const isList = (answer: unknown) => Array.isArray(answer) && answer.every(isStoreId);
    return await this.#store.ask("listUser", this.#store.deadline(), isList, async (store, call) => {
      return store.listUser?.(userId, call) ?? [];
    });
  }

  async #sessionsOf(userId: string): Promise<StoredSession[]> {
    // The index may name the old and the new id of a session that has moved, hence the map by id.
    const sessions = new Map<StoreId, StoredSession>();
    for await (const batch of inSteps(await this.#idsOf(userId))) {
      for (const session of await Promise.all(batch.map((id) => this.#locate(id)))) {
        if (session?.record.userId === userId) sessions.set(session.id, session);
      }
    }
    return [...sessions.values()];
  }

  #locate(id: StoreId) {
    return this.#store.locate(id, this.#store.deadline());
  }

  async #end(id: StoreId): Promise<void> {
    await this.#store.end(id, this.#store.deadline());
    tell("ended", () => ({ session: logIdOf(id) }));
  }
}

/** Yields a few ids at a time, and lets requests in between: a store in this process may never wait. */
async function* inSteps(ids: readonly StoreId[]): AsyncGenerator<readonly StoreId[]> {
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    if (at > 0) await wait(0);
    yield ids.slice(at, at + AT_ONCE);
  }
}

function dataOf(record: StoredRecord): Record<string, unknown> {
  try {
    return parseData(dictionaryOf(record.data));
  } catch {
    return {}; // A corrupt session can still be seen and revoked.
  }
}

function extrasOfAny(record: StoredRecord): Extras {
  try {
    return extrasOf(record.data);
  } catch {
    return {};
  }
}
