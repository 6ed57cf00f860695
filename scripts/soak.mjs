// pnpm soak --minutes N: mixed load on the production example app, and a verdict. Exits 1 if an
// invariant is violated. Through vitest, since Node 20 does not run TypeScript.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "3" } } });
const minutes = Number(values.minutes);
if (!(minutes >= 0.5 && minutes <= 10_000)) {
  console.error("--minutes must be a number from 0.5 on");
  process.exit(2);
}
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--config", "test/soak/vitest.config.ts"],
  {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { ...process.env, SSE_BUS_SOAK_MINUTES: String(minutes) },
    stdio: "inherit",
  },
);
process.exit(status ?? 1);
