import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { checks, reporter } from "./checks";
import { buildId } from "./job";
import { tasks } from "./server";

const maxRunMs = 60_000;

/** Runs real checks in a separate process. With one id, they run once at a time, on all instances. */
export async function startBuild({ failing }: { failing: boolean }): Promise<void> {
  const title = failing ? "Checks, one of which fails" : "Checks";
  await tasks.run({ id: buildId, title, info: "build" }, async ({ signal, report, log }) => {
    const child = spawn(
      process.execPath,
      ["--input-type=module", `--test-reporter=${reporter}`, "--eval", checks],
      {
        // Not the server's environment, which has secrets and paths.
        env: { NODE_ENV: "test", ...(failing && { FAIL: "1" }) },
        cwd: tmpdir(),
        stdio: ["ignore", "pipe", "pipe"],
        signal: AbortSignal.any([signal, AbortSignal.timeout(maxRunMs)]),
      },
    );
    const closed = once(child, "close") as Promise<[code: number | null]>;
    let count = 0;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => {
        log(line);
        report(++count);
      });
    }
    const [code] = await closed;
    if (code !== 0) throw new Error(`Exit code ${code}, ${count} lines.`);
    return `Exit code 0, ${count} lines.`;
  });
}
