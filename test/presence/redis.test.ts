import { useRedis } from "../support/redis.ts";
import { testPresence } from "./suite.ts";

testPresence("Redis", { use: useRedis, schedules: 3 });
