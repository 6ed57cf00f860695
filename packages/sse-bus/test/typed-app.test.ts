import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
const folder = fileURLToPath(new URL("typed-app", import.meta.url));

// A page written against the built package. It is a separate program, because what it registers applies
// to every file of a program.
test.each(["tsconfig.json", "tsconfig.react-18.json"])(
  "the client and the hooks know a declared bus's channels, events and data: %s",
  async (config) => {
    const run = promisify(execFile)(process.execPath, [tsc, "-p", join(folder, config)]);
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
  },
  60_000,
);
