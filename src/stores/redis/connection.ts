/** What the store needs of a client: the same few words for both libraries, whether one server, Sentinel or Cluster. */

import type { StoreCall } from "../../contract/store.ts";
import { SettingsError } from "../../errors.ts";
import { fromIoredis, type IoredisClient } from "./ioredis.ts";
import { fromNodeRedis, type NodeRedisClient } from "./node-redis.ts";

/** A command as it goes over the wire, its name first, in lower case. */
export type Command = readonly [name: string, ...args: string[]];

export interface Replicas {
  readonly replicas: number;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface Connection {
  /** What the client itself puts before every key. */
  readonly keyPrefix: string;
  /** Whether keys lie on several servers, so that no script may have more than one. */
  readonly isCluster: boolean;
  /** True when the client was closed, or never opened. */
  isClosed(): boolean;
  /** Runs the command on the primary that owns the key. */
  run(key: string, command: Command, call: StoreCall): Promise<unknown>;
  /**
   * The same with WAIT right behind it on the same connection, and with it to the same server, as WAIT counts the replicas
   * that have this connection's last write. Answers how many do.
   */
  runAndWait(key: string, command: Command, wait: Replicas): Promise<{ answer: unknown; replicas: number }>;
  /** A way to each primary. */
  primaries(): Promise<((command: Command) => Promise<unknown>)[]>;
}

/** A client of node-redis (`createClient`, `createSentinel`, `createCluster`) or of ioredis (`Redis`, `Cluster`). */
export type RedisClient = NodeRedisClient | IoredisClient;

export function connectionOf(client: RedisClient): Connection {
  const shape = client as Partial<NodeRedisClient & IoredisClient> | null | undefined;
  if (typeof shape?.isCluster === "boolean" && typeof shape.call === "function") {
    return fromIoredis(client as IoredisClient);
  }
  if (typeof shape?.isOpen === "boolean" && typeof shape.sendCommand === "function") {
    return fromNodeRedis(client as NodeRedisClient);
  }
  throw new SettingsError(
    "client",
    "a client of node-redis (`redis`) or ioredis, single, Sentinel or Cluster",
  );
}
