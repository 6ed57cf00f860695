import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus as cores, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { benchFolder } from "./paths.ts";

/** The server under test and the generator never share a core. */
export const cpus: { readonly server: number; readonly generator: number } = {
  server: Number(process.env.BENCH_SERVER_CPU ?? 0),
  generator: Number(process.env.BENCH_GENERATOR_CPU ?? 1),
};

/** The machine of the measurements. */
export function describeMachine(): Record<string, string | number> {
  const all = cores();
  if (all.length < 2) throw new Error("The bench needs two cores: one for the server under test.");
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    linux: release(),
    node: process.version,
    next: packageVersion("next"),
    betterSse: packageVersion("better-sse"),
    sseBus: packageVersion("sse-bus"),
    commit: versionOf("git", ["-C", benchFolder, "rev-parse", "--short", "HEAD"]),
    nginx: versionOf("nginx", ["-v"]),
    compiler: versionOf(process.env.CC ?? "cc", ["--version"]),
    loadAtStart: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

function packageVersion(name: string): string {
  const text = readFileSync(join(benchFolder, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function versionOf(command: string, args: readonly string[]): string {
  try {
    // Some programs print it to standard error.
    const shell = `"$0" "$@" 2>&1 | head -1`;
    return execFileSync("sh", ["-c", shell, command, ...args])
      .toString()
      .trim();
  } catch {
    return "none";
  }
}
