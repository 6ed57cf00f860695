import { startRedis } from "../support/redis.ts";
import { testChaos } from "./suite.ts";

testChaos("Redis", {
  start: () => startRedis({ persist: true }),
  url: (port) => `redis://127.0.0.1:${port}`,
});
