/**
 * Sessions in Cloudflare Durable Objects. A session stands in the SQLite of the object that its id names.
 *
 * A rotation between two objects has three steps, because no transaction spans them:
 *   1. The new object takes the record as pending. It is no session, and goes after two minutes.
 *   2. The old object writes the mark over the old record. This step decides.
 *   3. The new object makes the pending record a session.
 * A call that meets a pending record looks at the old id. If a mark there names the new id, step 2 was done, and the call does
 * step 3; otherwise the record counts as absent. So after a crash between 1 and 2 the old session goes on and the new one
 * never was; after a crash between 2 and 3 the new one lives, if it is asked for while the mark is there.
 */

import { type Call, signalOf } from "../contract/call.ts";
import type { StoredRecord, StoreId } from "../contract/record.ts";
import type { Moved, Store, StoreStats, WriteOutcome } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { untilAborted } from "./calls/until-aborted.ts";
import type { Pending, SessionShard, UserPage } from "./durable-object/shard.ts";
import { countInSteps } from "./sql/count-in-steps.ts";

export { SessionShard } from "./durable-object/shard.ts";

/** The part of a binding of Durable Objects that the store uses. */
export interface SessionNamespace {
  idFromName(name: string): ShardId;
  get(id: ShardId): object;
}

export interface ShardId {
  toString(): string;
}

export interface DurableObjectStoreOptions {
  /** The binding of the class `SessionShard`, as the worker has it in `env`. */
  readonly namespace: SessionNamespace;
  /**
   * The number of objects over which sessions are spread: 1 to 10,000. Default is 1. It must never change: sessions that another
   * number had stored are not found.
   */
  readonly shards?: number;
}

export interface DurableObjectStore extends Store {
  listUser: NonNullable<Store["listUser"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
}

/** An object as its stub shows it. */
type Shard = {
  [Method in Exclude<keyof SessionShard, "alarm">]: (
    ...given: Parameters<SessionShard[Method]>
  ) => Promise<Awaited<ReturnType<SessionShard[Method]>>>;
};

/** The rows that one step of `listUser` or `stats` reads. */
const AT_ONCE = 5000;

/** A store in Cloudflare Durable Objects. Throws a SettingsError for options that cannot work. */
export function durableObjectStore({ namespace, shards = 1 }: DurableObjectStoreOptions): DurableObjectStore {
  if (typeof namespace?.idFromName !== "function" || typeof namespace.get !== "function") {
    throw new SettingsError(
      "namespace",
      "a binding of Durable Objects of the class SessionShard, such as env.SESSIONS",
    );
  }
  if (!(Number.isInteger(shards) && shards >= 1 && shards <= 10_000)) {
    throw new SettingsError("shards", "a whole number from 1 to 10,000", shards);
  }

  const placeOf = (id: StoreId) => Number.parseInt(id.slice(0, 8), 16) % shards;
  const shardAt = (place: number) => namespace.get(namespace.idFromName(`sessions ${place}`)) as Shard;
  const shardOf = (id: StoreId) => shardAt(placeOf(id));
  const everyPlace = Array.from({ length: shards }, (_, place) => place);

  const ask = <T>(call: Call, work: () => Promise<T>): Promise<T> => {
    const signal = signalOf(call);
    return signal.aborted ? Promise.reject(signal.reason) : untilAborted(signal, work());
  };

  /** Asks about an id. Finishes a rotation to it that was decided and cut short. Null where the record is pending and nothing is decided. */
  async function settled<T>(
    id: StoreId,
    now: number,
    work: (shard: Shard) => Promise<T | Pending>,
  ): Promise<T | null> {
    for (;;) {
      const answer = await work(shardOf(id));
      if (!isPending(answer)) return answer;
      const { pendingFrom } = answer;
      const old = await shardOf(pendingFrom).find(pendingFrom, now);
      if (!isMoved(old) || old.movedTo !== id) return null;
      await shardOf(id).arrive(id, now);
    }
  }

  async function rotateBetween(
    oldId: StoreId,
    newId: StoreId,
    record: StoredRecord,
    expected: number,
    call: Call,
  ): Promise<WriteOutcome> {
    const { now } = call;
    const isPrepared = await shardOf(newId).prepare(newId, record, oldId, now);
    if (!isPrepared) {
      // This very rotation has taken it where its answer was lost and it is asked for again: then the old id has moved.
      const old = await settled(oldId, now, (shard) => shard.find(oldId, now));
      if (old === null) return "gone";
      if (isMoved(old)) return old;
      if (old.version !== expected) return "conflict";
      throw new Error("The session cannot move to an id that is taken. Make a new one.");
    }
    const outcome =
      (await settled(oldId, now, (shard) => shard.mark(oldId, newId, record.userId, expected, now))) ??
      "gone";
    if (outcome === "saved") return (await shardOf(newId).arrive(newId, now)) ? "saved" : "gone";
    // Without a mark the pending record is no session. If this fails, its shard removes it in time.
    await shardOf(newId)
      .withdraw(newId, oldId)
      .catch(() => {});
    return outcome;
  }

  async function pagesOf(place: number, userId: string, now: number): Promise<UserPage[]> {
    const pages: UserPage[] = [];
    for (let from: number | null = 0; from !== null; from = pages.at(-1)?.last ?? null) {
      pages.push(await shardAt(place).listUser(userId, now, from, AT_ONCE));
    }
    return pages;
  }

  /** The id under which a session is now; null where it is none of the user's. */
  async function ofUser(id: StoreId, userId: string, now: number): Promise<StoreId | null> {
    const found = await settled(id, now, (shard) => shard.find(id, now));
    if (isMoved(found)) return await ofUser(found.movedTo, userId, now);
    return found?.userId === userId ? id : null;
  }

  return {
    name: "durable-object",
    capabilities: { expiresNatively: true },

    async read(id, call) {
      const found = await ask(call, () => settled(id, call.now, (shard) => shard.find(id, call.now)));
      return isMoved(found) ? "moved" : found && recordOf(found);
    },

    create: (id, record, call) => ask(call, () => shardOf(id).create(id, record, call.now)),

    update: async (id, record, expected, call) =>
      (await ask(call, () =>
        settled(id, call.now, (shard) => shard.update(id, record, expected, call.now)),
      )) ?? "gone",

    rotate: async (oldId, newId, record, expected, call) =>
      ask(call, async () => {
        if (placeOf(oldId) !== placeOf(newId))
          return await rotateBetween(oldId, newId, record, expected, call);
        const within = (shard: Shard) => shard.rotate(oldId, newId, record, expected, call.now);
        return (await settled(oldId, call.now, within)) ?? "gone";
      }),

    touch: async (id, expiresAt, version, call) =>
      (await ask(call, () =>
        settled(id, call.now, (shard) => shard.touch(id, expiresAt, version, call.now)),
      )) ?? false,

    delete: async (id, call) =>
      (await ask(call, () => settled(id, call.now, (shard) => shard.delete(id, call.now)))) ?? undefined,

    listUser: (userId, call) =>
      ask(call, async () => {
        const pages = await Promise.all(everyPlace.map((place) => pagesOf(place, userId, call.now)));
        const ids = new Set(pages.flat().flatMap((page) => page.ids));
        // They may have arrived where we had asked already.
        for (const left of pages.flat().flatMap((page) => page.left)) {
          const id = await ofUser(left, userId, call.now);
          if (id !== null) ids.add(id);
        }
        return [...ids];
      }),

    async stats(call) {
      const sum = { live: 0, expired: 0, authenticated: 0, oldest: null as number | null, bytes: 0 };
      for (const place of everyPlace) {
        const counted = (await countInSteps(call, AT_ONCE, 0, (from) =>
          ask(call, () => shardAt(place).countAfter(call.now, from, AT_ONCE)),
        )) as Counts;
        sum.live += counted.live;
        sum.expired += counted.expired;
        sum.authenticated += counted.authenticated;
        sum.bytes += counted.bytes;
        if (counted.oldest !== null) sum.oldest = Math.min(sum.oldest ?? counted.oldest, counted.oldest);
        call.onStep?.();
      }
      return sum;
    },

    async check(call) {
      await ask(call, () =>
        Promise.all(everyPlace.map((place) => shardAt(place).find("" as StoreId, call.now))),
      ).catch((error) => {
        signalOf(call).throwIfAborted();
        throw new Error(
          "The Durable Objects cannot keep sessions: bind the class SessionShard of coatcheck/durable-object, as one with SQLite " +
            "(new_sqlite_classes). The cause says more.",
          { cause: error },
        );
      });
    },
  };
}

type Counts = { readonly [Name in Exclude<keyof StoreStats, "oldest">]: number } & {
  readonly oldest: number | null;
};

const isPending = (answer: unknown): answer is Pending =>
  typeof answer === "object" && answer !== null && "pendingFrom" in answer;

const isMoved = (answer: unknown): answer is Moved =>
  typeof answer === "object" && answer !== null && "movedTo" in answer;

/** The record alone: an answer of an object has members of its own. */
function recordOf(answer: StoredRecord): StoredRecord {
  const { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format } = answer;
  return { data, version, userId, createdAt, authenticatedAt, expiresAt, expiry, format };
}
