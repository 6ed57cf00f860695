import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Agent } from "package-manager-detector";
import type { NextApp } from "./find-app.ts";
import { rangeOf } from "./package-manifest.ts";
import { detect, resolveCommand } from "./vendor.ts";

/** A command line, not yet run. */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

/** How this app is installed and started. */
export interface PackageManager {
  readonly name: string;
  /** What adds the package; `undefined` if package.json lists it. */
  readonly add: CommandLine | undefined;
  /** What starts the app for development. */
  readonly dev: CommandLine;
}

/** Found by lock file or package.json, here or in the folders above; else the one that runs this command. */
export async function packageManagerOf(
  { folder, manifest }: NextApp,
  running: string | null,
): Promise<PackageManager> {
  const agent = (await detect({ cwd: folder }))?.agent ?? (running as Agent | null) ?? "npm";
  const commandOf = (task: "add" | "run" | "execute-local", args: string[]): CommandLine => {
    // pnpm otherwise refuses to add a package to the root of a workspace.
    const ignoreWorkspaceRootCheck =
      task === "add" && existsSync(join(folder, "pnpm-workspace.yaml"));
    const found = resolveCommand(agent, task, args, { ignoreWorkspaceRootCheck });
    if (found === null) throw new Error(`${agent} has no command to ${task}`);
    // The same, written as in the documentation of npm.
    return found.args[0] === "i" ? { ...found, args: ["install", ...found.args.slice(1)] } : found;
  };
  return {
    name: agent.replace(/@.*/, ""),
    add: rangeOf(manifest, "sse-bus") === undefined ? commandOf("add", ["sse-bus"]) : undefined,
    dev: manifest.scripts?.["dev"]
      ? commandOf("run", ["dev"])
      : commandOf("execute-local", ["next", "dev"]),
  };
}

export function commandText({ command, args }: CommandLine): string {
  return [command, ...args].join(" ");
}
