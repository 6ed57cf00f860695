// node scripts/test-tables.mjs PATH… [-t NAME]: runs these tests as in a long run, one after another, and prints the
// tables to which they have added rows (test/support/test-tables.ts) as Markdown.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "test-tables-"));
const file = join(folder, "rows.jsonl");
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const args = [vitest, "run", "--project", "integration", "--no-file-parallelism"];
const { status } = spawnSync(process.execPath, [...args, ...process.argv.slice(2)], {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  env: { ...process.env, TEST_TABLES: file, SSE_BUS_LONG_TESTS: "1" },
  stdio: ["ignore", "inherit", "inherit"],
});
const rows = existsSync(file)
  ? readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
  : [];
for (const name of new Set(rows.map(({ table }) => table))) {
  const own = rows.filter(({ table }) => table === name).map(({ row }) => row);
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  console.log(`\n${name}\n`);
  line(Object.keys(own[0]));
  line(Object.keys(own[0]).map(() => "---"));
  for (const row of own) line(Object.values(row));
}
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
