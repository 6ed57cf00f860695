import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { publish } from "@/lib/sse-bus";
import { checks, reporter } from "./checks";
import { buildChannel, type BuildLine, maxLineLength } from "./job";
import { startJob } from "./server";

const maxRunMs = 60_000;

/** Runs real checks in a separate process, and publishes each line of its output. */
export async function startBuild({ failing }: { failing: boolean }): Promise<void> {
  const title = failing ? "Checks, one of which fails" : "Checks";
  await startJob({ kind: "build", title, total: 0 }, async ({ id, signal, report }) => {
    // #region how build
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
      createInterface(stream).on("line", (text) => {
        report(++count);
        const line: BuildLine = { job: id, text: text.slice(0, maxLineLength) };
        publish(line, { channel: buildChannel, event: "line" }).catch(() => {});
      });
    }
    const [code] = await closed;
    // #endregion
    if (code !== 0) throw new Error(`Exit code ${code}, ${count} lines.`);
    return `Exit code 0, ${count} lines.`;
  });
}
