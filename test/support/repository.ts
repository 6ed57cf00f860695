import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const repository: string = fileURLToPath(new URL("../..", import.meta.url));

/** The example app's folder. */
export const exampleFolder: string = join(repository, "apps/example");

/** The script behind the `vitest` command. */
export function vitestCommand(): string {
  return join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
}

/** The script behind the `next` command, as the example app has it. */
export function nextCommand(): string {
  return createRequire(join(exampleFolder, "package.json")).resolve("next/dist/bin/next");
}
