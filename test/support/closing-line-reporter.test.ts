import { expect, test } from "vitest";

import { startProcess } from "./processes.ts";
import { vitestCommand } from "./repository.ts";

const closingLine = async (...files: string[]): Promise<string | undefined> => {
  const args = ["run", "--config", "test/support/fixtures/vitest.config.ts"];
  await using run = await startProcess(process.execPath, [vitestCommand(), ...args, ...files], {
    ready: async () => true,
  });
  await run.exited;
  return run.output().trimEnd().split("\n").at(-1);
};

test("the last line of a run counts what passed and what failed", async () => {
  expect(await closingLine("mixed-results")).toBe("2 passed, 1 failed");
});

test("a file that does not load counts as failed, so that it is not taken for an empty one", async () => {
  expect(await closingLine("does-not-load", "mixed-results")).toBe("2 passed, 2 failed");
});
