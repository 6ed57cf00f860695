import { useNats } from "../support/nats.ts";
import { usePostgres } from "../support/postgres.ts";
import { useRedis } from "../support/redis.ts";
import { testSingleton } from "./singleton-suite.ts";

const run = { events: Number(process.env.SSE_BUS_SINGLETON_EVENTS ?? 200), leaseMs: 2000 };

testSingleton({ ...run, name: "Redis", use: useRedis });
testSingleton({ ...run, name: "NATS", use: useNats });
testSingleton({ ...run, name: "Postgres", use: usePostgres });
