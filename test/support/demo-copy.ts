import { cp, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

import { demoFolder, repository } from "./repository.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

export interface Rewrite {
  readonly source: string;
  readonly destination: string;
}

export interface CopyOptions {
  /** Empty, in `.cache` of the repository, and its owner's to remove. Default: one that goes on dispose. */
  readonly folder?: string;
  /** Put over the app's own Next configuration. */
  readonly config?: {
    readonly output?: "standalone";
    readonly cacheComponents?: boolean;
  };
  /** Come before the app's own routes. */
  readonly rewrites?: readonly Rewrite[];
  /** Files added or replaced, by path in the app. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface DemoCopy extends AsyncDisposable {
  readonly folder: string;
}

/**
 * Copies the demo's sources, with its dependencies linked.
 */
export async function copyDemo(options: CopyOptions = {}): Promise<DemoCopy> {
  const temp = options.folder === undefined ? await copyFolder("example") : undefined;
  const folder = temp ? temp.path : (options.folder as string);
  await cp(demoFolder, folder, {
    recursive: true,
    filter: (path) => !["node_modules", ".next"].includes(topLevel(path)),
  });
  await symlink(join(demoFolder, "node_modules"), join(folder, "node_modules"));
  await overrideConfig(folder, options);
  for (const [path, text] of Object.entries(options.files ?? {})) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return { folder, [Symbol.asyncDispose]: async () => temp?.[Symbol.asyncDispose]() };
}

/**
 * A place for a copy: within the repository, since Turbopack follows no link out of its root; and as
 * deep as the original, whose configuration goes up by `../..`.
 */
export async function copyFolder(name: string): Promise<TempFolder> {
  return tempFolder(name, join(repository, ".cache"));
}

const topLevel = (path: string): string => relative(demoFolder, path).split(sep)[0] ?? "";

async function overrideConfig(folder: string, options: CopyOptions): Promise<void> {
  if (options.config === undefined && options.rewrites === undefined) return;
  await rename(join(folder, "next.config.ts"), join(folder, "next.config.base.ts"));
  const rewrites = JSON.stringify({ beforeFiles: options.rewrites ?? [] });
  await writeFile(
    join(folder, "next.config.ts"),
    `
      import base from "./next.config.base.ts";

      export default async function config(phase: string) {
        const own = typeof base === "function" ? await base(phase) : base;
        return { ...own, ...${JSON.stringify(options.config ?? {})}, rewrites: async () => (${rewrites}) };
      }
    `,
  );
}
