import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("cluster-worker/main.mjs", import.meta.url));

test("a bus in memory reports, once in each worker of a cluster, that it is not shared", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    env: { ...process.env, NODE_OPTIONS: "" },
    timeout: 20_000,
  });
  const lines = stdout.trim().split("\n").toSorted();
  expect(lines).toEqual([
    "primary: ",
    "worker 1: MEMORY_NOT_SHARED",
    "worker 2: MEMORY_NOT_SHARED",
  ]);
});
