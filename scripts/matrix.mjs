// Makes, builds, serves and opens an app for each combination of test/matrix, and prints Markdown tables:
//   npx -y pnpm matrix                 all of it
//   npx -y pnpm matrix -t "Next.js 15.5"   some combinations
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "matrix-"));
const file = join(folder, "rows.jsonl");
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const args = [vitest, "run", "--project", "integration", "--no-file-parallelism"];
const paths = ["test/matrix", "test/package/jest", "test/package/vitest"];
const { status } = spawnSync(process.execPath, [...args, ...paths, ...process.argv.slice(2)], {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  env: { ...process.env, MATRIX_TABLE: file, SSE_BUS_LONG_TESTS: "1" },
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
