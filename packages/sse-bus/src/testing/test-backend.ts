import { batchTests } from "./backend/batch-tests.ts";
import type { BackendTest, Fault } from "./backend/backend-test.ts";
import { busTests } from "./backend/bus-tests.ts";
import { liveValueTests } from "./backend/live-value-tests.ts";
import { closingTests } from "./backend/closing-tests.ts";
import { dataLossTests } from "./backend/data-loss-tests.ts";
import { historyTests } from "./backend/history-tests.ts";
import { idempotencyTests } from "./backend/idempotency-tests.ts";
import { runInLab } from "./backend/lab.ts";
import { liveTests } from "./backend/live-tests.ts";
import type { BackendTestOptions } from "./backend/options.ts";
import { outageTests } from "./backend/outage-tests.ts";
import { partitionTests } from "./backend/partition-tests.ts";
import { positionTests } from "./backend/position-tests.ts";
import { publishTests } from "./backend/publish-tests.ts";
import { reservedTests } from "./backend/reserved-tests.ts";
import { headTests } from "./backend/head-tests.ts";

const TESTS: readonly BackendTest[] = [
  ...publishTests,
  ...positionTests,
  ...idempotencyTests,
  ...batchTests,
  ...liveTests,
  ...historyTests,
  ...reservedTests,
  ...headTests,
  ...closingTests,
  ...outageTests,
  ...partitionTests,
  ...dataLossTests,
  ...busTests,
  ...liveValueTests,
];

/**
 * The conformance suite of backends: registers one test for each thing that a backend MUST do, on
 * its own and behind a bus. It needs no particular test runner, and no server but yours.
 *
 * A failed test prints the seed of its schedule; pass it as `seed` to see the same one again.
 *
 * @example
 * ```ts
 * import { test } from "vitest";
 * import { memoryBackend } from "sse-bus";
 * import { testBackend } from "sse-bus/testing";
 *
 * // A memory backend is its own log: several buses on one object share it.
 * testBackend({ test, createLog: () => memoryBackend(), connect: (log) => log });
 * ```
 */
export function testBackend<Log>(options: BackendTestOptions<Log>): void {
  const given: Record<Fault, unknown> = {
    outage: options.outage,
    partition: options.partition,
    loseData: options.loseData,
    deleteMessages: options.deleteMessages,
  };
  for (const { name, needs, run } of TESTS) {
    if (needs && ![needs].flat().every((fault) => given[fault])) continue;
    options.test(name, async () => runInLab(options, run));
  }
}
