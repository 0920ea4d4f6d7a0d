import { cli, startNode, until } from "./redis-nodes.ts";
import type { Server } from "./server.ts";

export interface RedisCluster {
  readonly nodes: readonly Server[];
  /** The node that now serves this key as its primary. */
  primaryOf(key: string): Server;
  replicasOf(primary: Server): Server[];
  /** From now on a dead primary is replaced within about two seconds. */
  replaceSoon(): void;
  /** Waits until this replica has become a primary and every slot has one. */
  replacedBy(heir: Server): Promise<void>;
  /** Waits until all nodes live and every primary has a replica in sync. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A Redis Cluster of three primaries with a replica each. It is patient, so that a primary which a busy machine stops for a while is not
 * replaced.
 */
export async function startRedisCluster(): Promise<RedisCluster> {
  const settings = (port: number) => ({
    "cluster-enabled": "yes",
    "cluster-node-timeout": "60000",
    // The usual place, 10000 above, is where the system gives out ports.
    "cluster-port": `${port - 10_000}`,
    "cluster-replica-validity-factor": "0",
  });
  const nodes: Server[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };

  const byPort = (port: unknown) => nodes.find((node) => node.port === Number(port));

  /** CLUSTER NODES, asked of a node that lives: one line for each node. */
  function view() {
    const asked = nodes.find(answers);
    if (!asked) throw new Error("No node of the cluster answers.");
    return cli(asked, "cluster", "nodes")
      .trim()
      .split("\n")
      .map((line) => {
        const [id, address = "", flags = "", primary, , , , link, ...slots] = line.split(" ");
        const node = byPort(/:(\d+)/.exec(address)?.[1]);
        return { id, node, flags: flags.split(","), primary, link, slots };
      });
  }

  function primaryOf(key: string): Server {
    const slot = Number(cli(nodes.find(answers) as Server, "cluster", "keyslot", key));
    const holds = (range: string) => {
      const [from, to = from] = range.split("-").map(Number);
      return slot >= (from as number) && slot <= (to as number);
    };
    const owner = view().find(({ flags, slots }) => flags.includes("master") && slots.some(holds));
    if (!owner?.node) throw new Error(`No primary for slot ${slot}`);
    return owner.node;
  }

  function replicasOf(primary: Server): Server[] {
    const all = view();
    const id = all.find(({ node }) => node === primary)?.id;
    return all.filter((other) => other.primary === id).map(({ node }) => node as Server);
  }

  const replaceSoon = () => {
    for (const node of nodes) cli(node, "config", "set", "cluster-node-timeout", "1000");
  };

  const isUp = (node: Server) => cli(node, "cluster", "info").includes("cluster_state:ok");
  const isInSync = (node: Server) =>
    /role:master[\s\S]*state=online|master_link_status:up/.test(cli(node, "info", "replication"));

  const replacedBy = (heir: Server) => {
    const isPrimary = () => cli(heir, "info", "replication").includes("role:master");
    return until("every slot has a primary", () => isPrimary() && nodes.filter(answers).every(isUp));
  };
  const whole = () =>
    until("all are up and in sync", () =>
      nodes.every((node) => answers(node) && isUp(node) && isInSync(node)),
    );

  try {
    for (let n = 0; n < 6; n++) nodes.push(await startNode("redis-cluster", settings));
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    cli(nodes[0] as Server, "--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes");
    await whole();
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, primaryOf, replicasOf, replaceSoon, replacedBy, whole, stop };
}

function answers(node: Server): boolean {
  try {
    return cli(node, "ping").startsWith("PONG");
  } catch {
    return false;
  }
}
