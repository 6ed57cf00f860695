import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyFolder } from "../support/demo-copy.ts";
import { runProcess } from "../support/processes.ts";
import { type NextRelease, runtimePackage } from "../support/runtimes.ts";

/** Where the packages of an app are. */
export interface Packages extends AsyncDisposable {
  /** The folder of a package. */
  folderOf(name: "next" | "react" | "react-dom" | "prom-client" | "rate-limiter-flexible"): string;
}

/** Those of `test/runtimes`. */
export function runtimePackages(release: NextRelease): Packages {
  return {
    folderOf: (name) => runtimePackage(name === "next" ? release : name),
    async [Symbol.asyncDispose]() {},
  };
}

/** Installs a release of Next.js with npm, for the tests of one file: only a long run needs it. */
export async function installedPackages(next: string): Promise<Packages> {
  const temp = await copyFolder("packages");
  // Every release of Next.js since 15.0 accepts React 18.
  const wanted = [`next@${next}`, "react@18.3.1", "react-dom@18.3.1", "prom-client@15"];
  await writeFile(join(temp.path, "package.json"), JSON.stringify({ private: true }));
  await runProcess(
    "npm",
    [
      "install",
      "--no-audit",
      "--no-fund",
      "--prefer-offline",
      ...wanted,
      "rate-limiter-flexible@11",
    ],
    { cwd: temp.path, timeoutMs: 240_000 },
  );
  return {
    folderOf: (name) => join(temp.path, "node_modules", name),
    [Symbol.asyncDispose]: async () => temp[Symbol.asyncDispose](),
  };
}
