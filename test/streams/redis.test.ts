import { useRedis } from "../support/redis.ts";
import { testStops } from "./stops-suite.ts";
import { testStreams } from "./suite.ts";

testStreams("Redis", { use: useRedis, seeds: 6 });
testStops("Redis", useRedis);
