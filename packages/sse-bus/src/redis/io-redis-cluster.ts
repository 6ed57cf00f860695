import type { IoRedisClient, IoRedisCluster } from "./client-types.ts";
import { createClusterConnector } from "./cluster-connector.ts";
import { createIoRedisConnector } from "./io-redis-connection.ts";
import type { RedisConnector } from "./connection.ts";
import { slotOf } from "./cluster-slot.ts";

/** What is used of an ioredis cluster to find a node. */
interface Cluster {
  /** The addresses of each slot's nodes, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
  nodes(role: "master"): readonly MasterNode[];
  disconnect(): void;
}

interface MasterNode extends IoRedisClient {
  readonly options: { readonly host: string; readonly port: number };
}

export function createIoRedisClusterConnector(
  client: IoRedisCluster,
  prefix: string,
): RedisConnector {
  return createClusterConnector(() => {
    const cluster = client.duplicate([], {
      lazyConnect: true,
      clusterRetryStrategy: () => null,
      slotsRefreshInterval: 0,
      keyPrefix: "",
    }) as Cluster;
    // The promises report failures; an "error" event without a listener would end the process.
    cluster.on("error", () => {});
    return {
      async find() {
        await cluster.connect();
        const [address] = cluster.slots[slotOf(prefix)] ?? [];
        const node = cluster
          .nodes("master")
          .find(({ options: { host, port } }) => `${host}:${port}` === address);
        return node && createIoRedisConnector(node);
      },
      close: () => cluster.disconnect(),
    };
  });
}
