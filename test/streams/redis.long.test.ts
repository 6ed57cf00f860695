import { useRedis } from "../support/redis.ts";
import { testStreams } from "./suite.ts";

testStreams("Redis", { use: useRedis, seeds: Number(process.env.SSE_BUS_STREAMS_SEEDS ?? 200) });
