import { useRedis } from "../support/redis.ts";
import { testPresence } from "./suite.ts";

testPresence("Redis", {
  use: useRedis,
  schedules: Number(process.env.SSE_BUS_PRESENCE_SCHEDULES ?? 200),
});
