import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("the inspector's page is bundled from its sources as they are", () => {
  const script = fileURLToPath(new URL("../../../scripts/bundle-inspector.mjs", import.meta.url));
  const { stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(stderr).toBe("");
});
