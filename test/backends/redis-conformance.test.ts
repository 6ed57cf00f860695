import { afterAll, beforeAll, describe, test } from "vitest";

import { testBackend } from "../../packages/sse-bus/src/testing/index.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { everyOther } from "./every-other.ts";
import { createRedisLog, makeClient, type RedisLog } from "./redis-log.ts";

describe.each(Object.entries(makeClient))("redisBackend over %s", (name, make) => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis({ persist: true });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  testBackend<RedisLog>({
    test: name === "ioredis" ? everyOther() : test,
    createLog: () => createRedisLog(server, make),
    connect: async (log) => log.connect({ waitMs: 200, timeoutMs: 3000 }),
    deleteLog: async (log) => log[Symbol.asyncDispose](),
    outage: { stop: async () => server.stop(), start: async () => server.start() },
    partition: {
      cut: async (log, backend) => log.proxyOf(backend).cut(),
      mend: async (log, backend) => log.proxyOf(backend).mend(),
    },
    deleteMessages: async (log, channel) => log.deleteMessages(channel),
    async loseData() {
      await server.stop();
      await server.wipe();
      await server.start();
    },
  });
});
