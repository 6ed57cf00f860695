import type { NodeRedisClient, NodeRedisCluster } from "./client-types.ts";
import { createClusterConnector } from "./cluster-connector.ts";
import type { RedisConnector } from "./connection.ts";
import { createNodeRedisConnector } from "./node-redis-connection.ts";
import { slotOf } from "./cluster-slot.ts";

/** What is used of a node-redis cluster to find a node. */
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
): RedisConnector {
  return createClusterConnector(() => {
    const cluster = client.duplicate({ minimizeConnections: true }) as Cluster;
    // The promises report failures; an "error" event without a listener would end the process.
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
