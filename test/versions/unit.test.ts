import { expect, test } from "vitest";
import { runProcess } from "../support/processes.ts";
import { repository, vitestCommand } from "../support/repository.ts";
import { nodeProgram, nodeVersions } from "../support/runtimes.ts";

/** The rest of the unit tests knows nothing of Node; `pnpm test:long` runs it, too. */
const ON_NODE = ["node", "next", "hub", "http", "client", "testing"].map(
  (folder) => `packages/sse-bus/src/${folder}/`,
);

const isLong = process.env["SSE_BUS_LONG_TESTS"] !== undefined;
const own = Number(process.versions.node.split(".")[0]);
const others = nodeVersions.filter((version) => version !== own);

test.each(others)(
  "the unit tests pass on Node.js %s",
  async (version) => {
    const filters = isLong ? [] : ON_NODE;
    const output = await runProcess(
      nodeProgram(version),
      [vitestCommand(), "run", "--project", "unit", "--reporter", "dot", ...filters],
      { cwd: repository, timeoutMs: isLong ? 900_000 : 280_000 },
    );
    expect(output).toMatch(/Tests .*passed/);
  },
  900_000,
);
