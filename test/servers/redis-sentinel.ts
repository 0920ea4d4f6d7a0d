import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { redis } from "./redis.ts";
import { cli, startNode, until } from "./redis-nodes.ts";
import type { Server, ServerKind } from "./server.ts";
import { start } from "./start.ts";

export const PATIENCE_MS = 60_000;

export interface RedisSentinel {
  readonly sentinel: Server;
  /** The first is the primary in the beginning. */
  readonly nodes: readonly [Server, Server];
  /** The node that Sentinel now calls the primary. */
  primary(): Server;
  /** The time for which a primary may be silent before it is replaced, milliseconds. */
  downAfter(milliseconds: number): void;
  /** Waits until the other node follows the primary. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A primary, a replica and one sentinel (enough to decide alone). It is patient, so that a primary which a busy machine stops for a
 * while is not replaced, until `downAfter` is called.
 */
export async function startRedisSentinel(name = "coats"): Promise<RedisSentinel> {
  const started: Server[] = [];
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    const first = await startNode("redis-primary");
    started.push(first);
    const second = await startNode("redis-replica", () => ({ replicaof: `127.0.0.1 ${first.port}` }));
    started.push(second);
    const nodes = [first, second] as const;
    const follows = (node: Server) => {
      try {
        return cli(node, "info", "replication").includes("master_link_status:up");
      } catch {
        return false; // a sentinel cuts the connections of a node whose role it changes
      }
    };
    await until("the replica is in sync", () => follows(second));

    const sentinel = await start(sentinelOf(name, first));
    started.push(sentinel);
    // A sentinel that was stopped for two seconds replaces no primary for half a minute, unless it is told to trust its clock.
    cli(sentinel, "sentinel", "debug", "tilt-trigger", `${PATIENCE_MS}`);
    await until("the sentinel knows the replica", () =>
      cli(sentinel, "sentinel", "replicas", name).includes(`${second.port}`),
    );
    const primary = () => {
      const [, port] = cli(sentinel, "sentinel", "get-master-addr-by-name", name).trim().split("\n");
      return nodes.find((node) => node.port === Number(port)) as Server;
    };
    const downAfter = (milliseconds: number) =>
      void cli(sentinel, "sentinel", "set", name, "down-after-milliseconds", `${milliseconds}`);
    const whole = () =>
      until("the other node follows the primary", () =>
        follows(nodes.find((node) => node !== primary()) as Server),
      );
    return { sentinel, nodes, primary, downAfter, whole, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function sentinelOf(name: string, primary: Server): ServerKind {
  return {
    ...redis,
    name: "redis-sentinel",
    variable: "",
    args(folder, port) {
      const file = join(folder, "sentinel.conf"); // a sentinel keeps what it learns in its settings
      const settings = [
        `sentinel monitor ${name} 127.0.0.1 ${primary.port} 1`,
        `sentinel down-after-milliseconds ${name} ${PATIENCE_MS}`,
        `sentinel failover-timeout ${name} 3000`,
      ];
      writeFileSync(file, `${settings.join("\n")}\n`);
      return [file, "--sentinel", "--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder];
    },
  };
}
