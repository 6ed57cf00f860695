import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { benchFolder } from "./paths.ts";

export type Program = "loadgen" | "publish" | "sendloop";

/**
 * The path of a program of `native/`, compiled if its source is newer.
 *
 * @throws Error when there is no C compiler
 */
export function native(program: Program): string {
  const source = join(benchFolder, "native", `${program}.c`);
  const folder = join(benchFolder, ".cache");
  const binary = join(folder, program);
  if (modified(binary) > modified(source)) return binary;
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync(process.env.CC ?? "cc", ["-O2", "-o", binary, source], { stdio: "inherit" });
  } catch (cause) {
    throw new Error(
      "The bench needs a C compiler for its load generator: install one (`apt-get install -y gcc libc6-dev`), or name it in CC.",
      { cause },
    );
  }
  return binary;
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
