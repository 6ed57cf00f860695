import { SseBusError } from "../core/errors.ts";
import type { RedisClient } from "./client-types.ts";
import type { RedisConnector } from "./connection.ts";
import { createIoRedisClusterConnector } from "./io-redis-cluster.ts";
import { createIoRedisConnector } from "./io-redis-connection.ts";
import { createNodeRedisClusterConnector } from "./node-redis-cluster.ts";
import { createNodeRedisConnector } from "./node-redis-connection.ts";

/** @throws SseBusError `INVALID_OPTION` when `client` is not a client of a supported library */
export function createConnector(client: RedisClient, prefix: string): RedisConnector {
  if (typeof client?.duplicate === "function") {
    if ("nodeClient" in client) return createNodeRedisClusterConnector(client, prefix);
    if ("isCluster" in client && client.isCluster) {
      return createIoRedisClusterConnector(client, prefix);
    }
    if ("isOpen" in client && "options" in client) return createNodeRedisConnector(client);
    if ("status" in client) return createIoRedisConnector(client);
  }
  throw new SseBusError(
    "INVALID_OPTION",
    "`client` must come from createClient() or createCluster() of `redis` (5 or later), or from new Redis() or new Cluster() of `ioredis` (5 or later).",
  );
}
