import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runProcess } from "../support/processes.ts";
import { repository, vitestCommand } from "../support/repository.ts";
import { nodeProgram, nodeVersions } from "../support/runtimes.ts";

const own = Number(process.versions.node.split(".")[0]);
const others = nodeVersions.filter((version) => version !== own);
const isLong = process.env["SSE_BUS_LONG_TESTS"] !== undefined;
/** The product. The tests in `packages/sse-bus/test` check the repository and the conformance suite. */
const PRODUCT = "packages/sse-bus/src";
/** What uses Node.js itself. Versions between the oldest and the newest run only these, except in a long run. */
const ON_NODE = ["node", "next", "hub"];
/** All but what runs in browsers only, whose files have a DOM each. */
const ON_SERVERS = readdirSync(join(repository, PRODUCT)).filter((name) => !/react|\\./.test(name));

// In parallel: sequentially they would be the last to end.
test.concurrent.each(others)(
  "the unit tests pass on Node.js %s",
  async (version) => {
    const args = ["run", "--project", "unit*", "--reporter", "dot", "--maxWorkers", "1"];
    const folders = version === nodeVersions.at(-1) ? ON_SERVERS : ON_NODE;
    if (!isLong) args.push(...folders.map((folder) => `${PRODUCT}/${folder}/`));
    const output = await runProcess(nodeProgram(version), [vitestCommand(), ...args], {
      cwd: repository,
      // Fewer random schedules: the run of this version has more of them.
      env: isLong ? {} : { SSE_BUS_MODEL_RUNS: "20" },
      timeoutMs: 1_700_000,
    });
    expect(output).toMatch(/Tests .*passed/);
  },
  1_750_000,
);
