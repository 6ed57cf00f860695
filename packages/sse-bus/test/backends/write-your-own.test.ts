import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the example in the guide is the log that passes the suite, in at most forty lines", () => {
  const guide = readFileSync(
    new URL("../../../../docs/backends/write-your-own.md", import.meta.url),
    "utf8",
  );
  const source = readFileSync(new URL("folder-log.ts", import.meta.url), "utf8");
  expect(guide).toContain(`\`\`\`ts\n${source.replace("../../src/index.ts", "sse-bus")}\`\`\``);
  expect(source.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
});
