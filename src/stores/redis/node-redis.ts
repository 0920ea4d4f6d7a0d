import type { Command, Connection } from "./connection.ts";

/** What is used of node-redis, from version 5 on. Its three clients differ in how a command is written. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  multi(...args: never[]): unknown;
}

/** Answers as texts and numbers, whatever the client was told for others; and no timer for each command: our caller has one. */
const plain = { typeMapping: {}, timeout: undefined };
type Options = typeof plain & { abortSignal?: AbortSignal };

interface Queue<Added extends unknown[]> {
  addCommand(...args: Added): unknown;
  execAsPipeline(): Promise<unknown[]>;
}
interface Single extends NodeRedisClient {
  readonly isReady?: boolean;
  sendCommand(command: Command, options: Options): Promise<unknown>;
  multi(): Queue<[Command]>;
}
interface Sentinel extends NodeRedisClient {
  getMasterNode(): unknown;
  sendCommand(isReadonly: false, command: Command, options: Options): Promise<unknown>;
  multi(): Queue<[isReadonly: false, Command]>;
}
interface Cluster extends NodeRedisClient {
  readonly masters: readonly unknown[];
  nodeClient(node: unknown): Promise<Single>;
  sendCommand(key: string, isReadonly: false, command: Command, options: Options): Promise<unknown>;
  multi(key: string): Queue<[key: string, isReadonly: false, Command]>;
}

/** `isReadonly` is false for reads too: only the primary knows what was written last. */
export function fromNodeRedis(client: NodeRedisClient): Connection {
  const given = { keyPrefix: "", isCluster: "masters" in client, isClosed: () => !client.isOpen };
  if (given.isCluster) return { ...given, ...cluster(client as unknown as Cluster) };
  if ("getMasterNode" in client) return { ...given, ...sentinel(client as unknown as Sentinel) };
  return { ...given, ...single(client as unknown as Single) };
}

type Ways = Pick<Connection, "run" | "runAndWait" | "primaries">;

function single(client: Single): Ways {
  /** What a client without a connection queues it carries out when all have given up on it: better ask again. */
  const online = () => {
    if (client.isReady === false) throw new Error("The client is offline");
  };
  return {
    run(_key, command) {
      online();
      return client.sendCommand(command, plain);
    },
    async runAndWait(_key, command, { replicas, timeout }) {
      online();
      const queue = client.multi();
      queue.addCommand(command);
      queue.addCommand(["wait", String(replicas), String(timeout)]);
      return answered(await queue.execAsPipeline());
    },
    primaries: async () => [(command) => client.sendCommand(command, plain)],
  };
}

function sentinel(client: Sentinel): Ways {
  return {
    run: (_key, command) => client.sendCommand(false, command, plain),
    async runAndWait(_key, command, { replicas, timeout }) {
      const queue = client.multi();
      queue.addCommand(false, command);
      queue.addCommand(false, ["wait", String(replicas), String(timeout)]);
      return answered(await queue.execAsPipeline());
    },
    primaries: async () => [(command) => client.sendCommand(false, command, plain)],
  };
}

function cluster(client: Cluster): Ways {
  // Takes back what waits for a dead node. Version 5 has not this method, and loses its queue when something is taken out.
  const takesBack = "getNodeClientForKey" in client;
  return {
    run: (key, command, call) =>
      client.sendCommand(key, false, command, takesBack ? { ...plain, abortSignal: call.signal } : plain),
    async runAndWait(key, command, { replicas, timeout }) {
      const queue = client.multi(key);
      queue.addCommand(key, false, command);
      queue.addCommand(key, false, ["wait", String(replicas), String(timeout)]);
      try {
        return answered(await queue.execAsPipeline());
      } catch (error) {
        // A pipeline is not redirected, a command is: it makes the client look for the key's new home.
        if (String((error as Error).message).startsWith("MOVED")) {
          await client.sendCommand(key, false, ["exists", key], plain);
        }
        throw error;
      }
    },
    primaries: async () => {
      const nodes = await Promise.all(client.masters.map((node) => client.nodeClient(node)));
      return nodes.map((node) => (command) => node.sendCommand(command, plain));
    },
  };
}

const answered = ([answer, replicas]: unknown[]) => ({ answer, replicas: Number(replicas) });
