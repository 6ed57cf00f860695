import { expect, test } from "vitest";

import { startProcess } from "./processes.ts";
import { vitestCommand } from "./repository.ts";

const closingLine = async (...files: string[]): Promise<string | undefined> => {
  const config = "test/support/fixtures/vitest.config.ts";
  const command = [process.execPath, vitestCommand(), "run", "--config", config, ...files];
  // As a log has them: two pipes would lose which of the two streams' lines came last.
  const inOneLog = ["-c", 'exec "$@" 2>&1', "sh", ...command];
  await using run = await startProcess("/bin/sh", inOneLog, { ready: async () => true });
  await run.exited;
  return run.output().trimEnd().split("\n").at(-1);
};

test("the last line of a run counts what passed and what failed", async () => {
  expect(await closingLine("mixed-results")).toBe("2 passed, 1 failed");
});

test("a file that does not load counts as failed, so that it is not taken for an empty one", async () => {
  expect(await closingLine("does-not-load", "mixed-results")).toBe("2 passed, 2 failed");
});
