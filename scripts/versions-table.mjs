// Measures on every version of Node.js, and prints a Markdown table: npx -y pnpm versions
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "versions-"));
const file = join(folder, "rows.jsonl");
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const args = [vitest, "run", "--project", "integration", "--no-file-parallelism"];
const paths = ["test/versions/next-", "test/versions/hub"];
const { status } = spawnSync(process.execPath, [...args, ...paths], {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  env: { ...process.env, VERSIONS_TABLE: file, SSE_BUS_LONG_TESTS: "1" },
  stdio: ["ignore", "inherit", "inherit"],
});
const rows = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
console.log("\n| runtime | host | sink | Next.js released | heap of a stream | message seen |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const { node, host, sink, released, perStream, message } of rows) {
  console.log(`| ${node} | ${host} | ${sink} | ${released} | ${perStream} | ${message} |`);
}
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
