import { inTime } from "./in-time.ts";
import type { Connector, Link } from "./link.ts";

/** A cluster's map of nodes, for a moment. */
export interface ClusterMap {
  /** How to connect to the node that holds the bus; nothing when no node does. */
  find(): Promise<Connector | undefined>;
  close(): void;
}

/**
 * Connects to the node that holds the bus. It is looked for anew each time, so that a slot that has
 * moved, or a replica that has taken over, is found by connecting again.
 */
export function createClusterConnector(open: () => ClusterMap): Connector {
  return {
    database: 0,
    isCluster: true,
    async connect(events, timeoutMs) {
      const map = open();
      let link: Link | undefined;
      let isLate = false;
      try {
        await inTime("the cluster", timeoutMs, async (resolve) => {
          const node = await map.find();
          if (!node) throw new Error("CLUSTERDOWN No node holds the slot of this bus");
          link = await node.connect(events, timeoutMs);
          if (isLate) link.destroy();
          resolve();
        });
        return link as unknown as Link;
      } catch (error) {
        isLate = true;
        link?.destroy();
        throw error;
      } finally {
        map.close();
      }
    },
  };
}
