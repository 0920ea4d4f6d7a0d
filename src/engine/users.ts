/** The sessions of one user: lists them and ends them, where the store keeps an index of users. */

import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { logIdOf } from "../cookie/key.ts";
import { parseData } from "../data/json.ts";
import { SettingsError } from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings.ts";
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
  /** A copy: changing it does not change the session. */
  readonly data: Record<string, unknown>;
}

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
        data: dataOf(record),
      }))
      .sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  }

  /** Ends one session. False, and nothing ended, when there is none by that handle or it belongs to another user. */
  async revoke(handle: string, userId: string): Promise<boolean> {
    if (!isStoreId(handle)) return false;
    const found = await this.#locate(handle);
    if (found?.record.userId !== userId) return false;
    await this.#end(found.id);
    return true;
  }

  /** Ends all sessions of a user but the one with the handle `except`. Resolves to their number. */
  async revokeAll(userId: string, except: string | null | undefined): Promise<number> {
    let ended = 0;
    // Sessions may be created meanwhile, so it looks again until none is left; at most ten times, in case the user signs
    // in faster than that.
    for (let pass = 0; pass < 10; pass++) {
      const found = await this.#sessionsOf(userId);
      const spared = isStoreId(except) ? await this.#locate(except) : null;
      const others = found.filter(({ id }) => id !== spared?.id);
      if (others.length === 0) break;
      await Promise.all(others.map(({ id }) => this.#end(id)));
      ended += others.length;
    }
    return ended;
  }

  async #sessionsOf(userId: string): Promise<StoredSession[]> {
    if (this.#store.given.listUser === undefined) {
      throw new SettingsError("store", "a store with an index of users, for this");
    }
    const isList = (answer: unknown) => Array.isArray(answer) && answer.every(isStoreId);
    const ids = await this.#store.ask(
      "list a user's sessions",
      this.#store.deadline(),
      isList,
      async (store, call) => {
        return store.listUser?.(userId, call) ?? [];
      },
    );
    // The index may name the old and the new id of a session that has moved, hence the map by id.
    const sessions = new Map<StoreId, StoredSession>();
    for (const session of await Promise.all(ids.map((id) => this.#locate(id)))) {
      if (session?.record.userId === userId) sessions.set(session.id, session);
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

function dataOf(record: StoredRecord): Record<string, unknown> {
  try {
    return parseData(record.data);
  } catch {
    return {}; // A corrupt session can still be seen and revoked.
  }
}
