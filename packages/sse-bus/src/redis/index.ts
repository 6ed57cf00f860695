/**
 * The log in Redis or Valkey, on one server or in a cluster.
 *
 * @module
 */

export type { IoRedisClient, NodeRedisClient, RedisClient } from "./client-types.ts";
export type { RedisBackendOptions } from "./options.ts";
export { redisBackend } from "./redis-backend.ts";
