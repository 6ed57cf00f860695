import { appendFile, cp, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

import { demoFolder, repository } from "./repository.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

export interface Rewrite {
  readonly source: string;
  readonly destination: string;
}

export interface CopyOptions {
  /** An empty folder in `.cache` of the repository that the caller removes. Default: one removed on dispose. */
  readonly folder?: string;
  /** Merged over the app's own Next.js configuration. */
  readonly config?: {
    readonly output?: "standalone";
    readonly cacheComponents?: boolean;
  };
  /** Precede the app's own routes. */
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
  // No .gitignore keeps Tailwind from following this link, and it would search all dependencies for class names.
  await appendFile(join(folder, "app/globals.css"), '@source not "../node_modules";\n');
  await overrideConfig(folder, options);
  for (const [path, text] of Object.entries(options.files ?? {})) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return { folder, [Symbol.asyncDispose]: async () => temp?.[Symbol.asyncDispose]() };
}

/**
 * A folder for a copy: within the repository, because Turbopack follows no link out of its root; and as
 * deep as the original, whose configuration uses `../..`.
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
        return {
          ...own,
          ...${JSON.stringify(options.config ?? {})},
          rewrites: async () => (${rewrites}),
          // The demo's own build has checked its types, and has minified code for the tests of pages. A folder that
          // is built once has no cache to read.
          typescript: { ...own.typescript, ignoreBuildErrors: true },
          experimental: { ...own.experimental, turbopackFileSystemCacheForBuild: false, turbopackMinify: false },
        };
      }
    `,
  );
}
