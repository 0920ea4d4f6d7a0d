import type { Command, Connection } from "./client.ts";

/** The part of ioredis that the store uses, from version 5 on: `Redis` (one server, or Sentinel) and `Cluster`. */
export interface IoredisClient {
  readonly isCluster: boolean;
  readonly status: string;
  call(command: string, ...args: string[]): Promise<unknown>;
  pipeline(): object;
}

interface Pipeline {
  call(command: string, ...args: string[]): unknown;
  exec(): Promise<[error: Error | null, answer: unknown][] | null>;
}

interface Known extends IoredisClient {
  readonly options?: {
    readonly keyPrefix?: string;
    readonly scaleReads?: unknown;
    readonly sentinels?: readonly unknown[] | null;
  };
  pipeline(): Pipeline;
}

interface Cluster extends Known {
  nodes(role: "master"): IoredisClient[];
  refreshSlotsCache(done: () => void): void;
}

/** With `scaleReads`, ioredis sends commands that only read to a replica. A script goes to the primary. */
const ON_PRIMARY = "return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))";

export function fromIoredis(given: IoredisClient): Connection {
  const client = given as Known;
  const { keyPrefix = "", scaleReads = "master", sentinels } = client.options ?? {};

  function run(key: string, command: Command): Promise<unknown> {
    if (!client.isCluster) return client.call(...command);
    if (scaleReads === "master" || command[0].startsWith("eval")) return redirected(client.call(...command));
    const [name, , ...args] = command;
    return redirected(client.call("eval", ON_PRIMARY, "1", key, name, ...args));
  }

  /** ioredis follows MOVED for a single command, but not for a command in a pipeline: then it must be told to look. */
  async function redirected<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (client.isCluster && String((error as Error).message).startsWith("MOVED")) {
        await new Promise<void>((resolve) => (client as Cluster).refreshSlotsCache(resolve));
      }
      throw error;
    }
  }

  async function runAndWait(command: Command, replicas: number, timeout: number) {
    const pipeline = client.pipeline();
    pipeline.call(...command);
    pipeline.call("wait", String(replicas), String(timeout));
    const answers = (await pipeline.exec()) ?? [];
    for (const [error] of answers) if (error) throw error;
    return { answer: answers[0]?.[1], replicas: Number(answers[1]?.[1]) };
  }

  return {
    keyPrefix,
    isCluster: client.isCluster,
    hasFailover: client.isCluster || Boolean(sentinels?.length),
    isClosed: () => client.status === "end",
    run,
    runAndWait: (_key, command, { replicas, timeout }) => redirected(runAndWait(command, replicas, timeout)),
    async primaries() {
      const nodes = client.isCluster ? (client as Cluster).nodes("master") : [client];
      return nodes.map((node) => (command) => node.call(...command));
    },
  };
}
