import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runProcess } from "./processes.ts";
import { repository } from "./repository.ts";

const folder = join(repository, "test/runtimes");

/**
 * Installs `test/runtimes`: 300 MB for the tests only, so it is not part of the workspace, which
 * `pnpm dev` installs too. Does nothing while it is up to date.
 */
export async function installRuntimes(): Promise<void> {
  const [wanted, installed] = await Promise.all([
    readFile(join(folder, "pnpm-lock.yaml"), "utf8"),
    // pnpm's own record of what it has installed.
    readFile(join(folder, "node_modules/.pnpm/lock.yaml"), "utf8").catch(() => ""),
  ]);
  if (wanted === installed) return;
  console.log("installing test/runtimes …");
  await runProcess("npx", ["-y", "pnpm", "install", "--frozen-lockfile"], {
    cwd: folder,
    timeoutMs: 600_000,
  });
}
