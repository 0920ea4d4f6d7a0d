import { SettingsError } from "../../errors.ts";
import type { Connection } from "./client.ts";
import { fromIoredis, type IoredisClient } from "./ioredis.ts";
import { fromNodeRedis, type NodeRedisClient } from "./node-redis.ts";

/** A client of node-redis (`createClient`, `createSentinel`, `createCluster`) or of ioredis (`Redis`, `Cluster`). */
export type RedisClient = NodeRedisClient | IoredisClient;

/** Recognises the library of a client by its shape. Throws a SettingsError for anything else. */
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
