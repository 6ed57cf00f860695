import type { NodeRedisClient, NodeRedisCluster } from "./clients.ts";
import { createClusterConnector } from "./cluster-connector.ts";
import type { Connector } from "./link.ts";
import { createNodeRedisConnector } from "./node-redis-link.ts";
import { slotOf } from "./slot.ts";

/** The part of a node-redis cluster that finds a node. */
interface Cluster {
  readonly slots: readonly ({ readonly master: object } | undefined)[];
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
  nodeClient(node: object): Promise<unknown>;
  destroy(): void;
}

export function createNodeRedisClusterConnector(
  client: NodeRedisCluster,
  prefix: string,
): Connector {
  return createClusterConnector(() => {
    const cluster = client.duplicate({ minimizeConnections: true }) as Cluster;
    // What fails is told by the promises.
    cluster.on("error", () => {});
    return {
      async find() {
        await cluster.connect();
        const shard = cluster.slots[slotOf(prefix)];
        if (!shard) return undefined;
        const node = await cluster.nodeClient(shard.master);
        return createNodeRedisConnector(node as NodeRedisClient);
      },
      close: () => cluster.destroy(),
    };
  });
}
