import type { RedisClient } from "coatcheck/redis";
import { Cluster, type ClusterOptions, Redis } from "ioredis";
import { createClient, createCluster, createSentinel } from "redis";
import type { RedisCluster } from "./redis-cluster.ts";
import type { RedisSentinel } from "./redis-sentinel.ts";
import type { Server } from "./server.ts";

/** A client that is connected, and how to run a command by it and to let go of it. */
export interface Connected {
  readonly client: RedisClient;
  get(key: string): Promise<string>;
  close(): unknown;
}

/** Both libraries, by name. Errors of their connections are what the tests make, so they are not printed. */
export const singles: Record<string, (server: Pick<Server, "port">) => Promise<Connected>> = {
  async "node-redis"({ port }) {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: 50 } });
    client.on("error", () => {});
    await client.connect();
    return { client, get: async (key) => (await client.get(key)) ?? "", close: () => client.destroy() };
  },
  async ioredis({ port }) {
    const client = new Redis({ port, retryStrategy: () => 50 });
    client.on("error", () => {});
    return { client, get: async (key) => (await client.get(key)) ?? "", close: () => client.disconnect() };
  },
  async "ioredis with automatic pipelines"({ port }) {
    const client = new Redis({ port, retryStrategy: () => 50, enableAutoPipelining: true });
    client.on("error", () => {});
    return { client, get: async (key) => (await client.get(key)) ?? "", close: () => client.disconnect() };
  },
};

export const sentinels: Record<string, (site: RedisSentinel, name: string) => Promise<Connected>> = {
  async "node-redis"({ sentinel }, name) {
    const client = createSentinel({
      name,
      sentinelRootNodes: [{ host: "127.0.0.1", port: sentinel.port }],
    });
    client.on("error", () => {});
    await client.connect();
    return { client, get: async (key) => (await client.get(key)) ?? "", close: () => client.destroy() };
  },
  async ioredis({ sentinel }, name) {
    const client = new Redis({
      name,
      sentinels: [{ host: "127.0.0.1", port: sentinel.port }],
      retryStrategy: () => 50,
    });
    client.on("error", () => {});
    return { client, get: async (key) => (await client.get(key)) ?? "", close: () => client.disconnect() };
  },
};

export const clusters: Record<string, (cluster: RedisCluster) => Promise<Connected>> = {
  "node-redis": (cluster) => nodeRedisCluster(cluster),
  ioredis: (cluster) => ioredisCluster(cluster),
  "ioredis with automatic pipelines": (cluster) => ioredisCluster(cluster, { enableAutoPipelining: true }),
};

/** Clients that are allowed to read from replicas. */
export const clustersThatReadReplicas: typeof clusters = {
  "node-redis": (cluster) => nodeRedisCluster(cluster, { useReplicas: true }),
  ioredis: (cluster) => ioredisCluster(cluster, { scaleReads: "slave" }),
  "ioredis with automatic pipelines": (cluster) =>
    ioredisCluster(cluster, { scaleReads: "slave", enableAutoPipelining: true }),
};

async function nodeRedisCluster({ nodes }: RedisCluster, options: { useReplicas?: boolean } = {}) {
  const client = createCluster({
    rootNodes: nodes.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })),
    defaults: { socket: { reconnectStrategy: 100 } },
    topologyRefreshOnReconnectionAttemptStrategy: 300,
    ...options,
  });
  client.on("error", () => {});
  await client.connect();
  return {
    client,
    get: async (key: string) => (await client.get(key)) ?? "",
    close: () => client.destroy(),
  };
}

async function ioredisCluster(
  { nodes }: RedisCluster,
  options: Pick<ClusterOptions, "scaleReads" | "enableAutoPipelining"> = {},
) {
  const client = new Cluster(
    nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
    options,
  );
  client.on("error", () => {});
  return {
    client,
    get: async (key: string) => (await client.get(key)) ?? "",
    close: () => client.disconnect(),
  };
}
