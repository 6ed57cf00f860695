import { afterAll, beforeAll, describe, test } from "vitest";

import { testBackend } from "../../packages/sse-bus/src/testing/index.ts";
import { type NatsServer, startNats } from "../support/nats.ts";
import { createNatsLog, type NatsLog } from "./nats-log.ts";

describe("natsBackend", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNats();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  testBackend<NatsLog>({
    test,
    createLog: () => createNatsLog(server),
    connect: async (log) => log.connect(),
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
