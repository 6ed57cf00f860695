import { SseBusError } from "../core/errors.ts";
import { createIoRedisClusterConnector } from "./io-redis-cluster.ts";
import { createIoRedisConnector } from "./io-redis-link.ts";
import type { Connector } from "./link.ts";
import { createNodeRedisClusterConnector } from "./node-redis-cluster.ts";
import { createNodeRedisConnector } from "./node-redis-link.ts";

/** What is needed of a client made by `createClient()` of `redis` (node-redis 5 or 6). */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly options?: object | undefined;
  duplicate(overrides?: object): unknown;
}

/** What is needed of a client made by `new Redis()` of `ioredis` (5 or 6), with Sentinel or without. */
export interface IoRedisClient {
  readonly status: string;
  readonly options: object;
  duplicate(override?: object): unknown;
}

/** What is needed of a cluster made by `createCluster()` of `redis` (node-redis 5 or 6). */
export interface NodeRedisCluster {
  readonly slots: readonly unknown[];
  nodeClient(node: never): unknown;
  duplicate(overrides?: object): unknown;
}

/** What is needed of a cluster made by `new Cluster()` of `ioredis` (5 or 6). */
export interface IoRedisCluster {
  readonly isCluster: boolean;
  nodes(role?: "master"): unknown;
  duplicate(startupNodes?: never[], override?: object): unknown;
}

/** A client of either library. It is only duplicated: it need not be connected, and stays yours. */
export type RedisClient = NodeRedisClient | IoRedisClient | NodeRedisCluster | IoRedisCluster;

/** @throws SseBusError `INVALID_OPTION` for what is not such a client. */
export function createConnector(client: RedisClient, prefix: string): Connector {
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
