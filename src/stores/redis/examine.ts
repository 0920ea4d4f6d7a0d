import { warn } from "../../warn.ts";
import type { Ask, Connection } from "./client.ts";

/** Rejects, saying what to mend, when a primary cannot keep the promises; warns where a failover would cost sessions. */
export async function examine(connection: Connection, replicas: number): Promise<void> {
  const found = await Promise.all((await connection.primaries()).map(infoOf));
  for (const info of found) {
    throwIfNoPrimary(info);
    throwIfTooFewReplicas(info, replicas);
    throwIfEvicting(info);
    throwIfClusterDown(info);
  }
  if (connection.hasFailover && found.some(({ connected_slaves }) => connected_slaves === "0")) {
    warn(
      "COATCHECK_REDIS_NO_REPLICA",
      "A Redis primary has no replica: when it dies, its sessions are gone. Give every primary a replica.",
    );
  }
  // Redis tells the number of good replicas only where it has been told to insist on some.
  const isUnguarded = ({ connected_slaves = "0", min_slaves_good_slaves }: Info) =>
    connected_slaves !== "0" && min_slaves_good_slaves === undefined;
  if (found.some(isUnguarded)) {
    warn(
      "COATCHECK_REDIS_MIN_REPLICAS",
      "A Redis primary has min-replicas-to-write 0: cut off from its replicas, it goes on taking writes, and a failover " +
        "undoes them, logouts too. Set min-replicas-to-write 1 and min-replicas-max-lag 10.",
    );
  }
}

/** The lines of INFO, `name:value`. */
type Info = Readonly<Record<string, string>>;

/** Asks one primary for what is examined. */
async function infoOf(ask: Ask): Promise<Info> {
  const sections = ["replication", "memory", "cluster"].map((section) => ask(["info", section]));
  const info = linesOf((await Promise.all(sections)).join("\r\n"));
  return info.cluster_enabled === "1"
    ? { ...info, ...linesOf(String(await ask(["cluster", "info"]))) }
    : info;
}

function linesOf(text: string): Info {
  const lines = text.split("\r\n").map((line) => line.split(":"));
  return Object.fromEntries(lines.map(([name = "", ...value]) => [name, value.join(":")]));
}

function throwIfNoPrimary({ role = "master" }: Info): void {
  if (role === "master") return;
  throw new Error(
    "The Redis server is a replica, which takes no writes. Connect to the primary, by Sentinel or Cluster where it changes.",
  );
}

function throwIfTooFewReplicas({ connected_slaves }: Info, replicas: number): void {
  if (Number(connected_slaves ?? replicas) >= replicas) return;
  throw new Error(
    `\`wait\` asks for ${replicas} replicas, and a primary has ${connected_slaves}: its writes would all be ` +
      "refused. Add replicas, or lower `wait`.",
  );
}

/**
 * A user's index is written at login and not read by traffic, so a policy that evicts what was not used lately, or at random,
 * can remove it before the sessions in it: then `revokeUser` misses them. With noeviction Redis evicts nothing. With
 * volatile-ttl it evicts what ends soonest, and the index ends after its sessions.
 */
function throwIfEvicting({ maxmemory, maxmemory_policy = "noeviction" }: Info): void {
  if (maxmemory === "0" || ["noeviction", "volatile-ttl"].includes(maxmemory_policy)) return;
  throw new Error(
    `Redis is set to maxmemory-policy ${maxmemory_policy}: when its memory is full it removes sessions, which signs users ` +
      "out, and lists of a user's sessions, so that revokeUser leaves some alive. Give sessions a server of their own with " +
      "noeviction, or with volatile-ttl and an alert on evicted_keys.",
  );
}

function throwIfClusterDown({ cluster_state = "ok" }: Info): void {
  if (cluster_state === "ok") return;
  throw new Error(
    "The Redis Cluster is down: not every slot has a primary. Look at CLUSTER INFO and CLUSTER NODES.",
  );
}
