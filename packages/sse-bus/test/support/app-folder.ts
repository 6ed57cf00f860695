import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { onTestFinished } from "vitest";
import { readMinimalExample } from "../../scripts/minimal-example.mjs";
import type { Ask, Decision } from "../../src/init/ask.ts";
import { init } from "../../src/init/index.ts";

/** A folder with these files, removed after the test. Content that is not text is written as JSON. */
export async function appFolder(files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "init-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

/** All files of a folder, by path. */
export async function filesOf(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[relative(folder, path)] = await readFile(path, "utf8");
  }
  return files;
}

/** A run of `sse-bus init` in this process. */
export interface InitRun {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
  /** The commands that were run. */
  readonly commands: readonly string[];
  /** The files that the user was asked about. */
  readonly asked: readonly string[];
}

export interface InitAnswers {
  /** Without these, nobody can answer. */
  readonly decisions?: readonly Decision[];
  /** What is answered about each file that is there. @default false */
  readonly replace?: boolean | "cancel";
  /** What happens to the app while the user decides. */
  readonly meanwhile?: () => Promise<unknown>;
  /** Whether commands succeed. @default true */
  readonly succeeds?: boolean;
}

export async function runInit(
  cwd: string,
  args: readonly string[] = ["--yes"],
  { decisions, replace = false, meanwhile, succeeds = true }: InitAnswers = {},
): Promise<InitRun> {
  let output = "";
  let errors = "";
  const commands: string[] = [];
  const asked: string[] = [];
  const rest = [...(decisions ?? [])];
  const ask: Ask = {
    decision: async () => {
      const next = rest.shift();
      if (next === undefined) throw new Error("One question more than expected");
      await meanwhile?.();
      return next;
    },
    replace: async (path) => {
      asked.push(path);
      return replace;
    },
  };
  const code = await init(args, {
    cwd,
    print: (text) => void (output += text),
    printError: (text) => void (errors += text),
    isColored: false,
    packageManager: null,
    ask: decisions && (async () => ask),
    run: async ({ command, args }) => {
      commands.push([command, ...args].join(" "));
      return succeeds;
    },
    templates: readMinimalExample,
  });
  return { code, output, errors, commands, asked };
}
