import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const repository: string = fileURLToPath(new URL("../..", import.meta.url));

/** The demo's folder. */
export const demoFolder: string = join(repository, "apps/demo");

/** The script behind the `vitest` command. */
export function vitestCommand(): string {
  return join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
}

/** The script behind the `next` command, as the demo has it. */
export function nextCommand(): string {
  return createRequire(join(demoFolder, "package.json")).resolve("next/dist/bin/next");
}
