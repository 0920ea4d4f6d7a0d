import type { Command, Connection } from "./client.ts";

/** The part of node-redis that the store uses, from version 5 on. Its three clients differ in how a command is written. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  multi(...args: never[]): unknown;
}

/** Answers come as texts and numbers, whatever mapping the client has. No timer for each command: our caller has one. */
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
  const isCluster = "masters" in client;
  const isSentinel = "getMasterNode" in client;
  const given = {
    keyPrefix: "",
    isCluster,
    hasFailover: isCluster || isSentinel,
    isClosed: () => !client.isOpen,
  };
  if (isCluster) return { ...given, ...cluster(client as unknown as Cluster) };
  if (isSentinel) return { ...given, ...sentinel(client as unknown as Sentinel) };
  return { ...given, ...single(client as unknown as Single) };
}

type Sending = Pick<Connection, "run" | "runAndWait" | "primaries">;

function single(client: Single): Sending {
  /** A client without a connection queues commands, and sends them when their callers have given up. We ask again instead. */
  const throwIfOffline = () => {
    if (client.isReady === false) throw new Error("The client is offline");
  };
  return {
    run(_key, command) {
      throwIfOffline();
      return client.sendCommand(command, plain);
    },
    async runAndWait(_key, command, { replicas, timeout }) {
      throwIfOffline();
      const queue = client.multi();
      queue.addCommand(command);
      queue.addCommand(["wait", String(replicas), String(timeout)]);
      return answered(await queue.execAsPipeline());
    },
    primaries: async () => [(command) => client.sendCommand(command, plain)],
  };
}

function sentinel(client: Sentinel): Sending {
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

function cluster(client: Cluster): Sending {
  // Version 6 can take back a command that waits for a dead node. Version 5 loses its queue when a command is taken out; it
  // has not this method.
  const canTakeBack = "getNodeClientForKey" in client;
  return {
    run: (key, command, call) =>
      client.sendCommand(key, false, command, canTakeBack ? { ...plain, abortSignal: call.signal } : plain),
    async runAndWait(key, command, { replicas, timeout }) {
      const queue = client.multi(key);
      queue.addCommand(key, false, command);
      queue.addCommand(key, false, ["wait", String(replicas), String(timeout)]);
      try {
        return answered(await queue.execAsPipeline());
      } catch (error) {
        // The client follows MOVED for a command, but not for a pipeline. So a command makes it look for the key's new server.
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
