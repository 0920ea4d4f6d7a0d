/**
 * Sessions in Redis (or Valkey): one server, Sentinel or Cluster.
 *
 * A session is one key, in a slot of its own. Its columns are 16 digits wide, so that scripts compare and overwrite them
 * as texts:
 *
 *   SET coatcheck:s:{<id>} "r <expiresAt> <indexed until> <version> <version before> <JSON>\n<data>" PX <expiresAt - now>
 *   SET coatcheck:s:{<old id>} "m <until> <new id>" PX 60000                    the mark of a session that was rotated
 *   ZADD coatcheck:u:{<user id, percent-encoded>} <indexed until> <id>          the sessions of a user, in another slot
 *
 * <JSON> is [format, createdAt, authenticatedAt, expiry, userId]. A read is GET. A write is one script, on one key unless it
 * writes the index or changes the id.
 *
 * `now` alone decides whether a session has expired. Redis is told how long the record has to live, not until when: so its
 * clock need not agree with ours, and it only removes what has expired anyway.
 *
 * An index entry lasts twice as long as the session had to live. When a write would move the end of the session beyond that,
 * its script refuses; the entry is prolonged and the write repeated. So most writes are one command, and no session outlives
 * its entry.
 *
 * On one server, also behind Sentinel, a rotation is one script on old id, new id and index. In a Cluster these lie in
 * different slots, often on different servers, and the rotation has three steps:
 *   1. "p …", a pending record, is written under the new id. It names the old id, is no session, and goes after two minutes.
 *   2. If the old record still has the expected version, it becomes the mark. This step decides.
 *   3. The pending record becomes "r …", with its full life.
 * A call that meets a pending record looks at the old id. If a mark there names the new id, step 2 was done, and the call does
 * step 3; otherwise the record counts as absent. So after a crash between 1 and 2 the old session goes on and the new one
 * never was; after a crash between 2 and 3 the new one lives. At no time are both sessions.
 */

import { isStoreId, type StoredRecord, type StoreId } from "../contract/record.ts";
import {
  MOVED_MARK_MS,
  type Moved,
  type Store,
  type StoreCall,
  type WriteOutcome,
} from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { untilAborted } from "./calls/until-aborted.ts";
import { within } from "./calls/within.ts";
import type { Command, Replicas } from "./redis/client.ts";
import { commandsOf, type Next } from "./redis/commands.ts";
import { connectionOf, type RedisClient } from "./redis/connection.ts";
import { examine } from "./redis/examine.ts";
import { column, decode, encode, fieldsOf, type Stored, UNINDEXED } from "./redis/layout.ts";
import { FinalError } from "./redis/retries.ts";
import * as scripts from "./redis/scripts.ts";
import { add, countAll, NOTHING, type Sum } from "./redis/stats.ts";

export type { RedisClient } from "./redis/connection.ts";

export interface RedisStoreOptions {
  /**
   * Your own client: `createClient`, `createSentinel` or `createCluster` of node-redis, connected (`await client.connect()`), or a
   * `Redis` or `Cluster` of ioredis, which connects by itself. The store never closes it.
   */
  readonly client: RedisClient;
  /** The text before every key. Two sites on one server need two. Default is `coatcheck:`. */
  readonly prefix?: string;
  /**
   * Redis copies writes to its replicas after it has answered, so a failover can undo the last ones, a logout too. With
   * `"security"` logins, logouts and key changes wait until a replica has them, with `"all"` every write. The call rejects
   * when too few replicas have it in time. Default is not to wait. The short form means 1 replica within 1000 ms.
   */
  readonly wait?: "security" | "all" | RedisWait;
}

export interface RedisWait {
  readonly for: "security" | "all";
  /** How many replicas must have the write. Default is 1. */
  readonly replicas?: number;
  /** How long the replicas may take, milliseconds. Nothing else runs on the connection meanwhile. Default is 1000. */
  readonly timeout?: number;
}

export interface RedisStore extends Store {
  listUser: NonNullable<Store["listUser"]>;
  stats: NonNullable<Store["stats"]>;
  check: NonNullable<Store["check"]>;
}

const TAKEN = "The new id of a rotation is taken: ids must be random.";

/** How long a rotation that was cut short can still be finished: longer than the mark lives that proves it. */
const PENDING_MS = 2 * MOVED_MARK_MS;

/** How many entries of a user's index one command reads: Redis does nothing else meanwhile. */
const PAGE = 1000;

/** How long a call waits for a clean-up, milliseconds. What it leaves behind is harmless, and Redis removes it in time. */
const CLEAN_UP_MS = 250;

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
  const { ready, ask, run } = commandsOf(connection, waiting);
  /** True where keys lie on many servers. Of a Cluster that is known at once, of a proxy when it refuses a script. */
  let isSpread = connection.isCluster;
  const sessionKey = (id: StoreId) => `${prefix}s:{${id}}`;
  const userKey = (userId: string) => `${prefix}u:{${encodeURIComponent(userId)}}`;

  /** Does what asks the client itself. */
  async function begin<T>({ signal }: StoreCall, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    ready();
    return await untilAborted(signal, work());
  }

  const isSecurity = waiting !== undefined;
  const isAll = waiting?.for === "all";

  /** Writes the entry of a session into its user's index. */
  async function addToIndex(
    userId: string | null,
    id: StoreId,
    score: string,
    call: StoreCall,
    waits: boolean,
  ) {
    if (userId !== null) await run(scripts.index, userKey(userId), [score, id], call, same, { waits });
  }

  /** Sends a command whose failure does no harm, and waits for it only a moment. */
  async function cleanUp(key: string, command: Command, call: StoreCall): Promise<void> {
    await within(CLEAN_UP_MS, call, (call) => ask(key, command, call, same)).catch(() => {});
  }

  /** Removes the entry of a session that ended. An entry that stays is harmless, and goes when it has expired. */
  async function removeFromIndex(userId: string | null, id: StoreId, call: StoreCall): Promise<undefined> {
    if (userId !== null) await cleanUp(userKey(userId), ["zrem", userKey(userId), id], call);
    return undefined;
  }

  function get<T>(id: StoreId, call: StoreCall, next: Next<Stored | null, T>): Promise<T> {
    const key = sessionKey(id);
    return ask(key, ["get", key], call, (value) => next(decode(value)));
  }

  const look = (id: StoreId, call: StoreCall) => get<Stored | null>(id, call, same);

  /** Finishes the rotation of a pending record. False when the rotation was not decided, so that there is no session. */
  async function finishRotation(id: StoreId, call: StoreCall): Promise<boolean> {
    const stored = await look(id, call);
    if (stored?.kind !== "pending") return stored !== null;
    const old = await look(stored.from, call);
    return old?.kind === "moved" && old.to === id && (await arrive(id, stored.record, call));
  }

  /** Makes a pending record a session. False when it is gone. */
  function arrive(id: StoreId, { expiresAt }: StoredRecord, call: StoreCall): Promise<boolean> {
    const ttl = life(expiresAt, call);
    return run(scripts.arrive, sessionKey(id), [ttl], call, isSaved, { waits: isSecurity });
  }

  function read(id: StoreId, call: StoreCall): Promise<StoredRecord | "moved" | null> {
    return get<StoredRecord | "moved" | null>(id, call, (stored) => {
      if (stored === null) return null;
      if (stored.kind === "moved") return stored.until > call.now ? "moved" : null;
      if (stored.record.expiresAt <= call.now) return null;
      if (stored.kind === "record") return stored.record;
      return finishRotation(id, call).then((isThere) => (isThere ? read(id, call) : null));
    });
  }

  /** Takes the way of one script on one server, or that of several scripts where keys lie on many. */
  async function byScriptOrSteps<T>(atOnce: () => Promise<T>, inSteps: () => Promise<T>): Promise<T> {
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

  function create(id: StoreId, record: StoredRecord, call: StoreCall): Promise<boolean> {
    const { userId, expiresAt } = record;
    const key = sessionKey(id);
    const waits = userId === null ? isAll : isSecurity;
    const score = scoreOf(userId, expiresAt, call);
    const args = [encode(record, score, nonce()), life(expiresAt, call)];
    const write = () => run(scripts.create, key, args, call, isSaved, { waits });
    if (userId === null) return write();

    return byScriptOrSteps(
      () => run(scripts.create, [userKey(userId), key], [...args, score, id], call, isSaved, { waits }),
      async () => {
        await addToIndex(userId, id, score, call, waits);
        return await write();
      },
    );
  }

  function update(
    id: StoreId,
    record: StoredRecord,
    expected: number,
    call: StoreCall,
  ): Promise<WriteOutcome> {
    const { expiresAt, userId } = record;
    const wanted = userId === null ? UNINDEXED : column(expiresAt);
    // The script knows a repetition by the record that it has written, or by the next one. Later ones do not show whether the
    // lost answer was "saved".
    const harmless = async () => {
      const stored = await look(id, call);
      if (stored === null) return true;
      return stored.kind === "record" && [expected, record.version].includes(stored.record.version);
    };
    const write = (indexed: string): Promise<WriteOutcome> => {
      const args = [encode(record, indexed, column(expected)), life(expiresAt, call), wanted];
      return run(scripts.update, sessionKey(id), args, call, goOn, { harmless, waits: isAll });
    };
    const goOn = (said: string): WriteOutcome | Promise<WriteOutcome> => {
      if (said === "pending") {
        return finishRotation(id, call).then((isThere) => (isThere ? write(UNINDEXED) : "gone"));
      }
      if (said !== "index") return outcome(said);
      const score = scoreOf(userId, expiresAt, call);
      return addToIndex(userId, id, score, call, isAll).then(() => write(score));
    };
    return write(UNINDEXED);
  }

  async function rotate(from: StoreId, to: StoreId, record: StoredRecord, expected: number, call: StoreCall) {
    const { userId, expiresAt } = record;
    const score = scoreOf(userId, expiresAt, call);
    const mark = [`m ${column(call.now + MOVED_MARK_MS)} ${to}`, String(MOVED_MARK_MS)];
    const decision = [column(expected), to, ...mark];

    /** Runs the script that decides, and once more where the old record was itself pending. */
    async function decide(leave: () => Promise<string>): Promise<string> {
      const said = await leave();
      if (said !== "pending") return said;
      return (await finishRotation(from, call)) ? await leave() : "gone";
    }

    async function atOnce(): Promise<WriteOutcome> {
      const ids = [sessionKey(to), sessionKey(from)] as const;
      const keys = userId === null ? ids : ([userKey(userId), ...ids] as const);
      const args = [...decision, encode(record, score, nonce()), life(expiresAt, call), score, from];
      const said = await decide(() => run(scripts.rotate, keys, args, call, same, { waits: isSecurity }));
      // A proxy that spreads keys, and asks only the server of the first one, has not seen the old record.
      if (said === "gone" && isLive(await look(from, call), call)) {
        isSpread = true;
        return await inSteps();
      }
      if (said === "taken") throw new FinalError(TAKEN);
      if (!isLine(said)) return outcome(said);
      const left = fieldsOf(said)[4];
      if (left !== userId) await removeFromIndex(left, from, call);
      return "saved";
    }

    async function inSteps(): Promise<WriteOutcome> {
      const pending = [encode(record, score, nonce(), { from }), String(PENDING_MS)];
      const [written] = await Promise.all([
        run(scripts.create, sessionKey(to), pending, call, isSaved),
        addToIndex(userId, to, score, call, isSecurity),
      ]);
      if (!written) throw new FinalError(TAKEN);

      const leave = () => run(scripts.leave, sessionKey(from), decision, call, same, { waits: isSecurity });
      const said = await decide(leave);
      if (said !== "saved" && !isLine(said)) {
        const key = sessionKey(to);
        await Promise.all([cleanUp(key, ["del", key], call), removeFromIndex(userId, to, call)]);
        return outcome(said);
      }
      const [arrived] = await Promise.all([
        arrive(to, record, call),
        isLine(said) && removeFromIndex(fieldsOf(said)[4], from, call),
      ]);
      return arrived ? "saved" : "gone";
    }

    return await byScriptOrSteps(atOnce, inSteps);
  }

  function touch(id: StoreId, expiresAt: number, version: number, call: StoreCall): Promise<boolean> {
    const write = (indexed: string): Promise<boolean> => {
      const args = [column(version), column(expiresAt), life(expiresAt, call), indexed];
      return run(scripts.touch, sessionKey(id), args, call, goOn, { waits: isAll });
    };
    const goOn = (said: string): boolean | Promise<boolean> => {
      if (said === "pending") {
        return finishRotation(id, call).then((isThere) => isThere && write(UNINDEXED));
      }
      if (!isLine(said)) return isSaved(said);
      const userId = fieldsOf(said)[4];
      const score = scoreOf(userId, expiresAt, call);
      return addToIndex(userId, id, score, call, isAll).then(() => write(score));
    };
    return write(UNINDEXED);
  }

  function remove(id: StoreId, call: StoreCall): Promise<Moved | undefined> {
    const goOn = (said: string): Moved | undefined | Promise<undefined> => {
      if (isStoreId(said)) return { movedTo: said };
      return isLine(said) ? removeFromIndex(fieldsOf(said)[4], id, call) : undefined;
    };
    return run(scripts.remove, sessionKey(id), [], call, goOn, { waits: isSecurity });
  }

  /**
   * Reads the user's index a page at a time, by rising score. No entry is missed: a score is never lowered, so an entry that
   * changes meanwhile comes later. A page begins at the last score of the one before, as many entries may have one score.
   */
  async function listUser(userId: string, call: StoreCall): Promise<StoreId[]> {
    const key = userKey(userId);
    const ids = new Set<StoreId>();
    let from = `(${call.now}`;
    for (let size = PAGE; ; ) {
      const command: Command = ["zrangebyscore", key, from, "+inf", "withscores", "limit", "0", String(size)];
      // Ids and scores in turn, which some protocol versions give as pairs.
      const page = ((await ask(key, command, call, same)) as unknown[]).flat().map(String);
      for (let at = 0; at < page.length; at += 2) ids.add(page[at] as StoreId);
      if (page.length < 2 * size) return [...ids];
      const last = page.at(-1) as string;
      // Where a whole page has one score, only a larger page goes beyond it.
      size = last === from ? 2 * size : PAGE;
      from = last;
    }
  }

  /** Counts the sessions under some keys, by one script where all are on one server. */
  async function count([key, ...more]: readonly [string, ...string[]], call: StoreCall): Promise<Sum> {
    const runScript = async (keys: readonly [string, ...string[]]) =>
      (await run(scripts.count, keys, [], call, same)).split(" ").map(Number) as unknown as Sum;
    return await byScriptOrSteps(
      () => runScript([key, ...more]),
      async () => (await Promise.all([key, ...more].map((one) => runScript([one])))).reduce(add, NOTHING),
    );
  }

  return {
    name: "redis",
    capabilities: { expiresNatively: true },
    read,
    create,
    update,
    rotate,
    touch,
    delete: remove,
    listUser,
    stats: (call) =>
      begin(call, () => countAll(connection, `${prefix}s:`, (keys) => count(keys, call), call)),
    check: (call) =>
      begin(call, async () => {
        const key = `${prefix}check`;
        await connection.run(key, ["exists", key], call);
        await examine(connection, waiting?.replicas ?? 0);
      }),
  };
}

const same = <T>(answer: T): T => answer;

const isSaved = (said: string) => said === "saved";

/** The outcome of a write from the answer of its script. */
const outcome = (said: string): WriteOutcome =>
  isStoreId(said) ? { movedTo: said } : (said as Exclude<WriteOutcome, object>);

/** Redis, its proxies and its hosting services refuse a script on keys of several servers before they do anything. */
const isSpreadRefusal = (error: unknown) => /cross-?slot|same slot/i.test(String((error as Error).message));

const isLive = (stored: Stored | null, { now }: StoreCall) =>
  stored?.kind === "record" && stored.record.expiresAt > now;

/** Whether the answer of a script is the first line of a record. */
const isLine = (said: string) => /^[rp] /.test(said);

/** Until when the index entry lasts: for twice as long as the session has to live. */
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
