import { SseBusError } from "../core/errors.ts";
import { createIoRedisConnector } from "./io-redis-link.ts";
import type { Connector } from "./link.ts";
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

/** A client of either library. It is only duplicated: it need not be connected, and stays yours. */
export type RedisClient = NodeRedisClient | IoRedisClient;

/** @throws SseBusError `INVALID_OPTION` for what is not such a client. */
export function createConnector(client: RedisClient): Connector {
  if (typeof client?.duplicate === "function") {
    if ("isOpen" in client && "options" in client) return createNodeRedisConnector(client);
    if ("status" in client && !("isCluster" in client && client.isCluster)) {
      return createIoRedisConnector(client);
    }
  }
  throw new SseBusError(
    "INVALID_OPTION",
    "`client` must come from createClient() of `redis` (5 or later) or from new Redis() of `ioredis` (5 or later); for a cluster, make it for one node.",
  );
}
