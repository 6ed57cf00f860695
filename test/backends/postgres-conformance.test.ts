import { afterAll, beforeAll, describe, test } from "vitest";

import { testBackend } from "../../packages/sse-bus/src/testing/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { everyOther } from "./every-other.ts";
import { createPostgresLog, type PostgresLog } from "./postgres-log.ts";

const isLong = process.env["SSE_BUS_LONG_TESTS"] !== undefined;

/** Each client once and each server once. The other tests of Postgres run `pg` on the installed one. */
const pairs = [
  ["postgres", "installed"],
  ["pg", "newest"],
  ...(isLong ? ([["pg", "installed"]] as const) : []),
] as const;

describe.each(pairs)("postgresBackend on the client %s and the %s server", (client, build) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ build });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  testBackend<PostgresLog>({
    test: client === "postgres" ? everyOther() : test,
    createLog: () => createPostgresLog(server, client),
    connect: async (log) => log.connect(),
    deleteLog: async (log) => log[Symbol.asyncDispose](),
    outage: { stop: async (log) => log.stop(), start: async (log) => log.start() },
    partition: {
      cut: async (log, backend) => log.proxyOf(backend).cut(),
      mend: async (log, backend) => log.proxyOf(backend).mend(),
    },
    deleteMessages: async (log, channel) =>
      void (await log.pool.query(`DELETE FROM ${log.schema}.message WHERE channel = $1`, [
        channel,
      ])),
    async loseData(log) {
      await log.stop();
      await server.wipe();
      await log.start();
    },
  });
});
