/**
 * Sessions in Redis (or Valkey): one server, Sentinel or Cluster.
 *
 * A session is one key, in a slot of its own. The columns are 16 digits wide, so that a script compares and overwrites them
 * as texts:
 *
 *   SET coatcheck:s:{<id>} "r <expiresAt> <indexed until> <version> <version before> <JSON>\n<data>" PX <expiresAt - now>
 *   SET coatcheck:s:{<old id>} "m <until> <new id>" PX 60000                    the mark of a session that was rotated
 *   ZADD coatcheck:u:{<user id, percent-encoded>} <indexed until> <id>          a user's sessions, in another slot
 *
 * where <JSON> is [format, createdAt, authenticatedAt, expiry, userId]. A read is GET. Every write is one script, on one key
 * but where it writes the index or changes the id.
 *
 * Whether a session has expired is decided by `now` alone. What the server is told is how long the record has to live, not
 * until when: its clock need not agree with ours, and only removes what has expired anyway.
 *
 * An index entry lasts twice as long as the session had to live. A write that moves the end of the session beyond that is
 * refused by its script, the entry prolonged, and the write repeated: so most writes are one command, and no session
 * outlives its entry.
 *
 * On one server, Sentinel's too, a rotation is one script on old id, new id and index. In a Cluster these lie in different slots,
 * often on different servers, and it has three steps:
 *   1. "p …", a pending record, under the new id. It names the old id and is no session; it goes after two minutes.
 *   2. If the old record still has the expected version, it becomes the mark. This decides.
 *   3. The pending record becomes "r …", with its full life.
 * Whoever meets a pending record looks at the old id: where a mark names the new one, step 2 was done, and step 3 is done
 * for the one that did not come to it; else the record is absent. So after a crash between 1 and 2 the old session goes on
 * and the new one never was; between 2 and 3 the new one lives. At no time are both sessions.
 */

import { signalOf } from "../contract/call.ts";
import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import {
  MOVED_MARK_MS,
  type Store,
  type StoreCall,
  type StoreStats,
  type WriteOutcome,
} from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { asking } from "./redis/asking.ts";
import { connectionOf, type RedisClient, type Replicas } from "./redis/connection.ts";
import { examine } from "./redis/examine.ts";
import { column, decode, encode, fieldsOf, type Stored, UNINDEXED } from "./redis/layout.ts";
import { FinalError, heed, tidy } from "./redis/retries.ts";
import * as scripts from "./redis/scripts.ts";
import { count } from "./redis/stats.ts";

export type { RedisClient } from "./redis/connection.ts";

export interface RedisStoreOptions {
  /**
   * Yours: `createClient`, `createSentinel` or `createCluster` of node-redis, connected (`await client.connect()`), or a
   * `Redis` or `Cluster` of ioredis, which connects by itself. The store never closes it.
   */
  readonly client: RedisClient;
  /** Before every key. Two sites on one server need two. Default is `coatcheck:`. */
  readonly prefix?: string;
  /**
   * Redis copies writes to its replicas after it has answered, so a failover can undo the last ones: a logout too. With
   * `"security"` logins, logouts and key changes wait until a replica has them, with `"all"` every write; too few replicas
   * in time reject the call. Default is not to wait. The short form means 1 replica within 1000 ms.
   */
  readonly wait?: "security" | "all" | RedisWait;
}

export interface RedisWait {
  readonly for: "security" | "all";
  /** How many replicas must have the write. Default is 1. */
  readonly replicas?: number;
  /** How long they have, milliseconds. Nothing else runs on the connection meanwhile. Default is 1000. */
  readonly timeout?: number;
}

export interface RedisStore extends Store {
  listUser: NonNullable<Store["listUser"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
}

const TAKEN = "The new id of a rotation is taken: ids must be random.";

/** How long a rotation that was cut short can still be finished: the life of the mark that proves it, and some. */
const PENDING_MS = 2 * MOVED_MARK_MS;

/**
 * A store in Redis: one server, Sentinel or Cluster, with your own client of node-redis or ioredis. Reads go to the
 * primary. Throws a SettingsError for options that cannot work.
 */
export function redisStore({ client, prefix = "coatcheck:", wait }: RedisStoreOptions): RedisStore {
  const connection = connectionOf(client);
  if (typeof prefix !== "string" || /[{}]/.test(prefix)) {
    throw new SettingsError(
      "prefix",
      "a text without { and }: braces would put every session into one slot",
      prefix,
    );
  }
  const waiting = waitOf(wait);
  const { ready, ask, run } = asking(connection, waiting);
  /** Known of a Cluster from the start; of a proxy before many servers by its refusal. */
  let isSpread = connection.isCluster;
  const sessionKey = (id: StoreId) => `${prefix}s:{${id}}`;
  const userKey = (userId: string) => `${prefix}u:{${encodeURIComponent(userId)}}`;

  function begin<T>(call: StoreCall, work: () => Promise<T>): Promise<T> {
    const signal = signalOf(call);
    return signal.aborted ? Promise.reject(signal.reason) : heed(signal, work());
  }

  const isSecurity = waiting !== undefined;
  const isAll = waiting?.for === "all";

  /** Writes the user's entry for a session. */
  async function enter(userId: string | null, id: StoreId, score: string, call: StoreCall, waits: boolean) {
    if (userId !== null) await run(scripts.index, userKey(userId), [score, id], call, { waits });
  }

  /** Takes out the entry of a session that ended. One that stays is harmless, and goes when it has expired. */
  async function unlist(userId: string | null, id: StoreId, call: StoreCall): Promise<void> {
    if (userId !== null) await tidy(ask(userKey(userId), ["zrem", userKey(userId), id], call));
  }

  /** What lies under an id, for `decode`. */
  function get(id: StoreId, call: StoreCall): Promise<unknown> {
    const key = sessionKey(id);
    return ask(key, ["get", key], call);
  }

  /** Finishes the rotation that a pending record waits for. False when it was not decided, so there is no session. */
  async function settle(id: StoreId, call: StoreCall): Promise<boolean> {
    const stored = decode(await get(id, call));
    if (stored?.kind !== "pending") return stored !== null;
    const old = decode(await get(stored.from, call));
    return old?.kind === "moved" && old.to === id && (await arrive(id, stored.record, call));
  }

  async function arrive(id: StoreId, { expiresAt }: StoredRecord, call: StoreCall): Promise<boolean> {
    const ttl = life(expiresAt, call);
    return (await run(scripts.arrive, sessionKey(id), [ttl], call, { waits: isSecurity })) === "saved";
  }

  async function read(id: StoreId, call: StoreCall): Promise<StoredRecord | "moved" | null> {
    const stored = decode(await get(id, call));
    if (stored === null) return null;
    if (stored.kind === "moved") return stored.until > call.now ? "moved" : null;
    if (stored.record.expiresAt <= call.now) return null;
    if (stored.kind === "record") return stored.record;
    return (await settle(id, call)) ? await read(id, call) : null;
  }

  /** What one script does on one server, and several do one after the other where keys are spread over servers. */
  async function together<T>(atOnce: () => Promise<T>, inSteps: () => Promise<T>): Promise<T> {
    if (!isSpread) {
      try {
        return await atOnce();
      } catch (error) {
        if (!isSpreadRefusal(error)) throw error;
        isSpread = true;
      }
    }
    return await inSteps();
  }

  async function create(id: StoreId, record: StoredRecord, call: StoreCall): Promise<boolean> {
    const { userId, expiresAt } = record;
    const key = sessionKey(id);
    const waits = userId === null ? isAll : isSecurity;
    const score = scoreOf(userId, expiresAt, call);
    const args = [encode(record, score, nonce()), life(expiresAt, call)];
    const write = () => run(scripts.create, key, args, call, { waits });
    if (userId === null) return (await write()) === "saved";

    const said = await together(
      () => run(scripts.create, [userKey(userId), key], [...args, score, id], call, { waits }),
      async () => {
        await enter(userId, id, score, call, waits);
        return await write();
      },
    );
    return said === "saved";
  }

  async function update(id: StoreId, record: StoredRecord, expected: number, call: StoreCall) {
    const { expiresAt, userId } = record;
    const wanted = userId === null ? UNINDEXED : column(expiresAt);
    const write = (indexed: string) => {
      const args = [encode(record, indexed, column(expected)), life(expiresAt, call), wanted];
      return run(scripts.update, sessionKey(id), args, call, { harmless: false, waits: isAll });
    };
    let said = await write(UNINDEXED);
    if (said === "pending") said = (await settle(id, call)) ? await write(UNINDEXED) : "gone";
    if (said === "index") {
      const score = scoreOf(userId, expiresAt, call);
      await enter(userId, id, score, call, isAll);
      said = await write(score);
    }
    return outcome(said);
  }

  async function rotate(from: StoreId, to: StoreId, record: StoredRecord, expected: number, call: StoreCall) {
    const { userId, expiresAt } = record;
    const score = scoreOf(userId, expiresAt, call);
    const mark = [`m ${column(call.now + MOVED_MARK_MS)} ${to}`, String(MOVED_MARK_MS)];
    const decision = [column(expected), to, ...mark];

    /** Runs the script that decides, once more where the old record was pending itself. */
    async function decide(leave: () => Promise<string>): Promise<string> {
      const said = await leave();
      if (said !== "pending") return said;
      return (await settle(from, call)) ? await leave() : "gone";
    }

    async function atOnce(): Promise<WriteOutcome> {
      const ids = [sessionKey(to), sessionKey(from)] as const;
      const keys = userId === null ? ids : ([userKey(userId), ...ids] as const);
      const args = [...decision, encode(record, score, nonce()), life(expiresAt, call), score, from];
      const said = await decide(() => run(scripts.rotate, keys, args, call, { waits: isSecurity }));
      // A proxy that spreads keys and asks only the first one's server has not seen the old record.
      if (said === "gone" && isLive(decode(await get(from, call)), call)) {
        isSpread = true;
        return await inSteps();
      }
      if (said === "taken") throw new FinalError(TAKEN);
      if (!isLine(said)) return outcome(said);
      const left = fieldsOf(said)[4];
      if (left !== userId) await unlist(left, from, call);
      return "saved";
    }

    async function inSteps(): Promise<WriteOutcome> {
      const pending = [encode(record, score, nonce(), { from }), String(PENDING_MS)];
      const [written] = await Promise.all([
        run(scripts.create, sessionKey(to), pending, call),
        enter(userId, to, score, call, isSecurity),
      ]);
      if (written !== "saved") throw new FinalError(TAKEN);

      const leave = () => run(scripts.leave, sessionKey(from), decision, call, { waits: isSecurity });
      const said = await decide(leave);
      if (said !== "saved" && !isLine(said)) {
        const key = sessionKey(to);
        await Promise.all([tidy(ask(key, ["del", key], call)), unlist(userId, to, call)]);
        return outcome(said);
      }
      const [arrived] = await Promise.all([
        arrive(to, record, call),
        isLine(said) && unlist(fieldsOf(said)[4], from, call),
      ]);
      return arrived ? "saved" : "gone";
    }

    return await together(atOnce, inSteps);
  }

  async function touch(id: StoreId, expiresAt: number, version: number, call: StoreCall): Promise<boolean> {
    const write = (indexed: string) => {
      const args = [column(version), column(expiresAt), life(expiresAt, call), indexed];
      return run(scripts.touch, sessionKey(id), args, call, { waits: isAll });
    };
    let said = await write(UNINDEXED);
    if (said === "pending") said = (await settle(id, call)) ? await write(UNINDEXED) : "gone";
    if (isLine(said)) {
      const userId = fieldsOf(said)[4];
      const score = scoreOf(userId, expiresAt, call);
      await enter(userId, id, score, call, isAll);
      said = await write(score);
    }
    return said === "saved";
  }

  async function remove(id: StoreId, call: StoreCall) {
    const said = await run(scripts.remove, sessionKey(id), [], call, { waits: isSecurity });
    if (isStoreId(said)) return { movedTo: said };
    if (isLine(said)) await unlist(fieldsOf(said)[4], id, call);
    return undefined;
  }

  async function listUser(userId: string, call: StoreCall): Promise<StoreId[]> {
    const key = userKey(userId);
    const ids = await ask(key, ["zrangebyscore", key, `(${call.now}`, "+inf"], call);
    return (ids as StoreId[]).map(String) as StoreId[];
  }

  return {
    capabilities: { expiresNatively: true },
    read: (id, call) => begin(call, () => read(id, call)),
    create: (id, record, call) => begin(call, () => create(id, record, call)),
    update: (id, record, expected, call) => begin(call, () => update(id, record, expected, call)),
    rotate: (oldId, newId, record, expected, call) =>
      begin(call, () => rotate(oldId, newId, record, expected, call)),
    touch: (id, expiresAt, version, call) => begin(call, () => touch(id, expiresAt, version, call)),
    delete: (id, call) => begin(call, () => remove(id, call)),
    listUser: (userId, call) => begin(call, () => listUser(userId, call)),
    stats: (call) =>
      begin(call, async (): Promise<StoreStats> => {
        ready(call);
        const weigh = (key: string) => run(scripts.weigh, key, [], call);
        return await count(connection, `${prefix}s:`, weigh, call);
      }),
    check: (call) =>
      begin(call, async () => {
        ready(call);
        const key = `${prefix}check`;
        await connection.run(key, ["exists", key], call);
        await examine(connection, waiting?.replicas ?? 0);
      }),
  };
}

/** What a script said of a write that was refused, or "saved". */
const outcome = (said: string): WriteOutcome =>
  isStoreId(said) ? { movedTo: said } : (said as Exclude<WriteOutcome, object>);

/** Said before anything is done, in the words of Redis, of its proxies and of those who rent it out. */
const isSpreadRefusal = (error: unknown) => /cross-?slot|same slot/i.test(String((error as Error).message));

const isLive = (stored: Stored | null, { now }: StoreCall) =>
  stored?.kind === "record" && stored.record.expiresAt > now;

/** A script answers with the first line of the record where the user in it matters. */
const isLine = (said: string) => /^[rp] /.test(said);

/** How long the user's entry stays: twice as long as the session has to live. */
const scoreOf = (userId: string | null, expiresAt: number, { now }: StoreCall) =>
  userId === null
    ? UNINDEXED
    : column(Math.min(expiresAt + Math.max(0, expiresAt - now), Number.MAX_SAFE_INTEGER));

const life = (expiresAt: number, { now }: StoreCall) => String(Math.max(1, Math.ceil(expiresAt - now)));

const nonce = () => column(Math.random() * Number.MAX_SAFE_INTEGER);

function waitOf(wait: RedisStoreOptions["wait"]): (Replicas & Pick<RedisWait, "for">) | undefined {
  if (wait === undefined) return undefined;
  const { for: what, replicas = 1, timeout = 1000 } = typeof wait === "string" ? { for: wait } : wait;
  if (what !== "security" && what !== "all") throw new SettingsError("wait", '"security" or "all"');
  if (!Number.isSafeInteger(replicas) || replicas < 1) {
    throw new SettingsError("wait.replicas", "a whole number from 1 up", replicas);
  }
  // WAIT takes 0 for "for ever".
  if (!Number.isSafeInteger(timeout) || timeout < 1) {
    throw new SettingsError("wait.timeout", "milliseconds, a whole number from 1 up", timeout);
  }
  return { for: what, replicas, timeout };
}
