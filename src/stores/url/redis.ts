import type { RedisStoreOptions } from "../redis.ts";
import { CONNECT_TIMEOUT_MS, loadDriver } from "./driver.ts";
import { onlyOptions, type Parts, partsOf, wrongUrl } from "./parts.ts";

/** The methods that the three clients of node-redis have in common. */
interface Client {
  on(event: "error", listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
}

type NodeRedis = typeof import("redis");

export function openRedis(url: string) {
  const { rest, options } = onlyOptions(url, ["prefix", "wait"]);
  const [, tls, kind] = /^redis(s?)(?:\+(\w+))?:/.exec(rest) ?? [];
  const parts = partsOf(rest, kind === "sentinel" ? 26_379 : 6379);
  const database = databaseOf(parts, kind);
  if (kind === "sentinel" && masterOf(parts) === "")
    throw wrongUrl("has not the master's name behind its hosts");
  if (kind === undefined && parts.hosts.length > 1)
    throw wrongUrl("has several hosts: say redis+cluster:// or redis+sentinel://");

  return async () => {
    const [{ redisStore }, redis] = await Promise.all([
      import("../redis.ts"),
      loadDriver<NodeRedis>("redis"),
    ]);
    const client = makeClient(redis, kind, parts, tls === "s", database);
    await connected(client);
    return {
      ...redisStore({ client: client as never, ...(options as Omit<RedisStoreOptions, "client">) }),
      serverTime: () => timeOf(client, kind),
      close: async () => void client.destroy(),
    };
  };
}

const masterOf = ({ path }: Parts) => path.split("/")[0] ?? "";

function databaseOf({ path }: Parts, kind: string | undefined): number {
  const text = kind === "sentinel" ? (path.split("/")[1] ?? "") : path;
  if (!/^\d{0,4}$/.test(text) || (kind === "cluster" && text !== ""))
    throw wrongUrl(
      kind === "cluster" ? "has a path, and a cluster has one database" : "has a database that is no number",
    );
  return Number(text);
}

function makeClient(
  redis: NodeRedis,
  kind: string | undefined,
  { user, password, hosts, ...parts }: Parts,
  tls: boolean,
  database: number,
): Client {
  const login = { ...(user && { username: user }), ...(password && { password }) };
  const socket = { connectTimeout: CONNECT_TIMEOUT_MS, ...(tls && { tls: true as const }) };
  if (kind === "cluster") {
    const rootNodes = hosts.map((host) => ({ socket: { ...host, ...socket } }));
    return redis.createCluster({
      rootNodes,
      defaults: { ...login, socket },
      // The client then looks for the new primary soon after one has died.
      topologyRefreshOnReconnectionAttemptStrategy: 500,
    });
  }
  if (kind === "sentinel") {
    const name = masterOf({ user, password, hosts, ...parts });
    const nodeClientOptions = { ...login, database, socket };
    return redis.createSentinel({ name, sentinelRootNodes: [...hosts], nodeClientOptions });
  }
  return redis.createClient({ ...login, database, socket: { ...hosts[0], ...socket } });
}

/** Connects the client, and rejects with its first failure. Once connected, the client mends its connections itself. */
async function connected(client: Client): Promise<void> {
  const failed = new Promise<never>((_resolve, reject) => client.on("error", reject));
  try {
    await Promise.race([client.connect(), failed]);
  } catch (error) {
    try {
      client.destroy();
    } catch {
      // The client was not open.
    }
    throw error;
  }
}

/** The clock of the primary; in a Cluster that of the primary whose clock is furthest from ours. */
async function timeOf(client: unknown, kind: string | undefined): Promise<number> {
  const times = await Promise.all(
    (await primariesOf(client, kind)).map(async (ask) => {
      const [seconds, micros] = (await ask(["TIME"])) as [string, string];
      return Number(seconds) * 1000 + Number(micros) / 1000;
    }),
  );
  const now = Date.now();
  return times.reduce((one, other) => (Math.abs(one - now) > Math.abs(other - now) ? one : other));
}

type Ask = (command: string[]) => Promise<unknown>;

async function primariesOf(client: unknown, kind: string | undefined): Promise<Ask[]> {
  if (kind === "cluster") {
    const cluster = client as ReturnType<NodeRedis["createCluster"]>;
    const nodes = await Promise.all(cluster.masters.map((node) => cluster.nodeClient(node)));
    return nodes.map((node) => (command) => node.sendCommand(command));
  }
  if (kind === "sentinel") {
    const sentinel = client as ReturnType<NodeRedis["createSentinel"]>;
    return [(command) => sentinel.sendCommand(false, command)];
  }
  return [(command) => (client as ReturnType<NodeRedis["createClient"]>).sendCommand(command)];
}
