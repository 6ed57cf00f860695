export type { IoRedisClient, NodeRedisClient, RedisClient } from "./clients.ts";
export type { RedisBackendOptions } from "./options.ts";
export { redisBackend } from "./redis-backend.ts";
