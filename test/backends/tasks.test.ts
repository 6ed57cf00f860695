import { useNats } from "../support/nats.ts";
import { usePostgres } from "../support/postgres.ts";
import { useRedis } from "../support/redis.ts";
import { testTasks } from "./tasks-suite.ts";

const leaseMs = 1500;

testTasks({ name: "Redis", use: useRedis, leaseMs });
testTasks({ name: "NATS", use: useNats, leaseMs });
testTasks({ name: "Postgres", use: usePostgres, leaseMs });
