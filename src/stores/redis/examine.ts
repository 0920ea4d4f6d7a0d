import type { Connection } from "./client.ts";

/** Rejects, saying what to mend, when a primary cannot serve; warns of one that may forget sessions before their time. */
export async function examine(connection: Connection, replicas: number): Promise<void> {
  for (const ask of await connection.primaries()) {
    const info = parse(`${await ask(["info", "replication"])}\r\n${await ask(["info", "memory"])}`);
    if (info.role !== undefined && info.role !== "master") {
      throw new Error(
        "The Redis server is a replica, which takes no writes. Connect to the primary, by Sentinel or Cluster where it changes.",
      );
    }
    if (Number(info.connected_slaves ?? replicas) < replicas) {
      throw new Error(
        `\`wait\` asks for ${replicas} replicas, and a primary has ${info.connected_slaves}: its writes would all be ` +
          "refused. Add replicas, or lower `wait`.",
      );
    }
    if (!isKeeping(info)) warn(info.maxmemory_policy as string);
    if (String(await ask(["info", "cluster"])).includes("cluster_enabled:1")) {
      const { cluster_state } = parse(String(await ask(["cluster", "info"])));
      if (cluster_state !== "ok") {
        throw new Error(
          "The Redis Cluster is down: not every slot has a primary. Look at CLUSTER INFO and CLUSTER NODES.",
        );
      }
    }
  }
}

/** A server that is never full evicts nothing; volatile-ttl evicts what would have expired soonest. */
const isKeeping = ({ maxmemory, maxmemory_policy = "noeviction" }: Record<string, string>) =>
  maxmemory === "0" || maxmemory_policy === "noeviction" || maxmemory_policy === "volatile-ttl";

function warn(policy: string): void {
  globalThis.process?.emitWarning?.(
    `Redis is set to maxmemory-policy ${policy}: when its memory is full it removes sessions, and users are signed out. ` +
      "Give sessions a server of their own with noeviction, or volatile-ttl and an alert on evicted_keys.",
    { type: "CoatcheckWarning", code: "COATCHECK_REDIS_EVICTION" },
  );
}

/** Reads the lines of INFO: `name:value`. */
function parse(text: string): Record<string, string> {
  const lines = text.split("\r\n").map((line) => line.split(":"));
  return Object.fromEntries(lines.map(([name = "", ...value]) => [name, value.join(":")]));
}
