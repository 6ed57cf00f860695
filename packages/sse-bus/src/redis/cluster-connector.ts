import { withTimeout } from "../core/timers.ts";
import type { RedisConnection, RedisConnector } from "./connection.ts";
import { timeoutError } from "./errors.ts";

/** A cluster's current map of slots to nodes. */
export interface ClusterMap {
  /** Connects to the node that holds the bus; `undefined` when no node does. */
  find(): Promise<RedisConnector | undefined>;
  close(): void;
}

/**
 * Connects to the node that holds the bus. The map is loaded for each connection. So reconnecting
 * finds a slot that has moved, or a replica that has become the primary.
 */
export function createClusterConnector(openMap: () => ClusterMap): RedisConnector {
  return {
    database: 0,
    isCluster: true,
    async connect(events, timeoutMs) {
      const map = openMap();
      let connection: RedisConnection | undefined;
      let hasTimedOut = false;

      async function connectToNode(): Promise<RedisConnection> {
        const node = await map.find();
        if (!node) throw new Error("CLUSTERDOWN No node holds the slot of this bus");
        connection = await node.connect(events, timeoutMs);
        if (hasTimedOut) connection.destroy();
        return connection;
      }

      try {
        return await withTimeout(connectToNode(), timeoutMs, () =>
          timeoutError("the cluster", timeoutMs),
        );
      } catch (error) {
        hasTimedOut = true;
        connection?.destroy();
        throw error;
      } finally {
        map.close();
      }
    },
  };
}
