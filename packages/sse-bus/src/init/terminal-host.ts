import { spawn } from "node:child_process";
import * as util from "node:util";
import type { Ask } from "./ask.ts";
import type { CommandLine } from "./package-manager.ts";
import { readTemplates, type Templates } from "./templates.ts";
import { getUserAgent } from "./vendor.ts";

/** What `init` has of its surroundings. */
export interface InitHost {
  readonly cwd: string;
  print(text: string): void;
  printError(text: string): void;
  readonly isColored: boolean;
  /** The package manager that runs this process. */
  readonly packageManager: string | null;
  /** `undefined` where nobody can answer. */
  readonly ask: (() => Promise<Ask>) | undefined;
  /** Runs a command, whose output the user sees; resolves with whether it succeeded. */
  run(line: CommandLine, cwd: string): Promise<boolean>;
  readonly templates: () => Promise<Templates>;
}

export const terminalHost: InitHost = {
  cwd: process.cwd(),
  print: (text) => void process.stdout.write(text),
  printError: (text) => void process.stderr.write(text),
  isColored: process.stdout.isTTY && process.stdout.hasColors(),
  packageManager: getUserAgent(),
  // The prompts need `styleText`, which came with Node.js 20.12.
  ask:
    process.stdin.isTTY && process.stdout.isTTY && "styleText" in util
      ? async () => (await import("./ask.ts")).askInTerminal
      : undefined,
  run: async ({ command, args }, cwd) =>
    new Promise((resolve) => {
      // On Windows, package managers are scripts, which only a shell starts.
      spawn(command, args, { cwd, stdio: "inherit", shell: process.platform === "win32" })
        .once("error", () => resolve(false))
        .once("exit", (code) => resolve(code === 0));
    }),
  templates: readTemplates,
};
