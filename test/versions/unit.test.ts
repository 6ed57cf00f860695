import { expect, test } from "vitest";
import { runProcess } from "../support/processes.ts";
import { repository, vitestCommand } from "../support/repository.ts";
import { nodeProgram, nodeVersions } from "../support/runtimes.ts";

/** What touches Node.js. `pnpm test:long` runs all unit tests on each version, which takes minutes. */
const ON_NODE = ["node", "next", "hub", "http"].map((folder) => `packages/sse-bus/src/${folder}/`);

const isLong = process.env["SSE_BUS_LONG_TESTS"] !== undefined;
const own = Number(process.versions.node.split(".")[0]);
const others = nodeVersions.filter((version) => version !== own);

// Side by side: one after the other they would be the last to end.
test.concurrent.each(others)(
  "the unit tests pass on Node.js %s",
  async (version) => {
    const filters = isLong ? [] : ON_NODE;
    const output = await runProcess(
      nodeProgram(version),
      [vitestCommand(), "run", "--project", "unit", "--reporter", "dot", ...filters],
      { cwd: repository, timeoutMs: 880_000 },
    );
    expect(output).toMatch(/Tests .*passed/);
  },
  900_000,
);
