import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, relative } from "node:path";

import { type NextServer, type ServerOptions, startNode } from "./next-server.ts";
import { packPackage } from "./pack-package.ts";
import { freePort } from "./ports.ts";
import { runProcess } from "./processes.ts";
import { repository } from "./repository.ts";
import { tempFolder } from "./temp-folder.ts";

/** An app outside the workspace with the package as installed from npm. */
export interface PackedApp extends AsyncDisposable {
  readonly folder: string;
  /** Adds or replaces files, by path in the app. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** Installs more packages with npm. */
  install(...packages: readonly string[]): Promise<void>;
  /** Runs a command of an installed package, and returns its output. */
  run(script: string, args?: readonly string[], options?: RunOptions): Promise<string>;
  /** Runs `next build`; returns its output. */
  build(bundler: "turbopack" | "webpack", options?: RunOptions): Promise<string>;
  /** `next start` or `next dev`. */
  serve(mode: "start" | "dev", options?: RunOptions & ServerOptions): Promise<NextServer>;
}

export interface RunOptions {
  /** The Node.js program. @default that of this process */
  readonly node?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Packs the package as it would be published (build it first), copies `examples/minimal` and installs its
 * dependencies with npm.
 *
 * @example
 * await using app = await packedApp();
 * await app.build("turbopack");
 * await using server = await app.serve("start");
 */
export async function packedApp(): Promise<PackedApp> {
  const temp = await tempFolder("packed-app");
  const folder = join(temp.path, "app");
  const tarball = await packPackage(temp.path);
  const example = join(repository, "examples/minimal");
  await cp(example, folder, {
    recursive: true,
    filter: (path) =>
      !/^(node_modules|\.next|next-env|.*tsbuildinfo)/.test(relative(example, path)),
  });
  const manifest = await readFile(join(folder, "package.json"), "utf8");
  await writeFile(join(folder, "package.json"), manifest.replace("workspace:*", `file:${tarball}`));

  const app: PackedApp = {
    folder,
    async write(files) {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
    },
    async install(...packages) {
      const quiet = ["--no-audit", "--no-fund", "--prefer-offline"];
      await runProcess("npm", ["install", ...quiet, ...packages], {
        cwd: folder,
        timeoutMs: 240_000,
      });
    },
    async run(script, args = [], { node = process.execPath, env } = {}) {
      return runProcess(node, [join(folder, "node_modules", script), ...args], {
        cwd: folder,
        env: { NEXT_TELEMETRY_DISABLED: "1", ...withNode(node), ...env },
        timeoutMs: 480_000,
      });
    },
    build: (bundler, options) => app.run(NEXT, ["build", `--${bundler}`], options),
    async serve(mode, { node = process.execPath, env, ...options } = {}) {
      const port = options.port ?? (await freePort());
      return startNode(["node_modules/" + NEXT, mode, "-p", String(port), "-H", "127.0.0.1"], {
        ...options,
        port,
        node,
        folder,
        env: { SSE_BUS_OPEN_PUBLISH: "1", ...withNode(node), ...env },
      });
    },
    [Symbol.asyncDispose]: async () => temp[Symbol.asyncDispose](),
  };
  await app.install();
  return app;
}

const NEXT = "next/dist/bin/next";

/** Next.js starts child processes, which must use the same Node.js. */
const withNode = (node: string): { PATH: string } => ({
  PATH: dirname(node) + delimiter + (process.env.PATH ?? ""),
});
