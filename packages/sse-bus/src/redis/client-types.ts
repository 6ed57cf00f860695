/** What the backend uses of a client made by `createClient()` of `redis` (node-redis 5 or 6). */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly options?: object | undefined;
  duplicate(overrides?: object): unknown;
}

/** What the backend uses of a client made by `new Redis()` of `ioredis` (5 or 6), also with Sentinel. */
export interface IoRedisClient {
  readonly status: string;
  readonly options: object;
  duplicate(override?: object): unknown;
}

/** What the backend uses of a cluster made by `createCluster()` of `redis` (node-redis 5 or 6). */
export interface NodeRedisCluster {
  readonly slots: readonly unknown[];
  nodeClient(node: never): unknown;
  duplicate(overrides?: object): unknown;
}

/** What the backend uses of a cluster made by `new Cluster()` of `ioredis` (5 or 6). */
export interface IoRedisCluster {
  readonly isCluster: boolean;
  nodes(role?: "master"): unknown;
  duplicate(startupNodes?: never[], override?: object): unknown;
}

/**
 * A client of either library. The backend only duplicates it: the client need not be connected, and
 * closing it stays your task.
 */
export type RedisClient = NodeRedisClient | IoRedisClient | NodeRedisCluster | IoRedisCluster;
