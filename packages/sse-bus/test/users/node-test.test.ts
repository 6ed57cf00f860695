import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("sse-bus/testing works under node:test, and the process exits", async () => {
  const file = fileURLToPath(new URL("node-test.mjs", import.meta.url));
  const args = ["--test", "--test-reporter=tap", file];
  const env = { ...process.env, NODE_OPTIONS: "" };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 20_000 });
  expect(stdout).toMatch(/^# pass 5$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
});
