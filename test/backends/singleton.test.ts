import { join } from "node:path";
import { expect, test } from "vitest";
import { useNats } from "../support/nats.ts";
import { usePostgres } from "../support/postgres.ts";
import { runProcess } from "../support/processes.ts";
import { useRedis } from "../support/redis.ts";
import { repository } from "../support/repository.ts";
import { testSingleton } from "./singleton-suite.ts";

const run = { events: 3, leaseMs: 2000 };

testSingleton({ ...run, name: "Redis", use: useRedis });
testSingleton({ ...run, name: "NATS", use: useNats });
testSingleton({ ...run, name: "Postgres", use: usePostgres });

test("waiting for demand does not keep a process alive", async () => {
  const script = join(repository, "test/backends/fixtures/quiet-script.mjs");
  const output = await runProcess(process.execPath, [script], { timeoutMs: 20_000 });
  expect(output).toBe("done\n");
});
