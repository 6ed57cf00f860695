import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the example in the guide is the backend that passes the suite", () => {
  const guide = readFileSync(
    new URL("../../../../docs/backends/write-your-own.md", import.meta.url),
    "utf8",
  );
  const source = readFileSync(new URL("polling-backend.ts", import.meta.url), "utf8");
  expect(guide).toContain(`\`\`\`ts\n${source.replace("../../src/index.ts", "sse-bus")}\`\`\``);
});
