import { expect, test } from "vitest";

import { startProcess } from "./processes.ts";
import { vitestCommand } from "./repository.ts";

const closingLine = async (...files: string[]): Promise<string | undefined> => {
  const config = "test/support/fixtures/vitest.config.ts";
  const command = [process.execPath, vitestCommand(), "run", "--config", config, ...files];
  // One file for both, as in a log: two pipes would lose the order of their lines.
  const inOneLog = ["-c", 'exec "$@" 2>&1', "sh", ...command];
  await using run = await startProcess("/bin/sh", inOneLog, { ready: async () => true });
  await run.exited;
  return run.output().trimEnd().split("\n").at(-1);
};

test("the last line of a run counts what passed and what failed", async () => {
  expect(await closingLine("mixed-results")).toBe("2 passed, 1 failed");
});

test("a file that does not load counts as failed, not as empty", async () => {
  expect(await closingLine("does-not-load", "mixed-results")).toBe("2 passed, 2 failed");
});
