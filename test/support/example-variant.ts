import { cp } from "node:fs/promises";
import { join, relative } from "node:path";

import { type CopyOptions, copyExample } from "./example-copy.ts";
import { type NextServer, type ServerOptions, startNext, startNode } from "./next-server.ts";
import { freePort } from "./ports.ts";
import { runProcess } from "./processes.ts";
import { nextCommand, repository } from "./repository.ts";

export interface VariantOptions extends CopyOptions {
  /** Environment of the build. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ExampleVariant extends AsyncDisposable {
  readonly folder: string;
  /** What `next build` printed. */
  readonly buildOutput: string;
  /** Starts it as in production: `next start`, or the standalone server when built as such. */
  start(options?: ServerOptions): Promise<NextServer>;
}

/**
 * Builds the example app in another configuration, in a copy (half a minute).
 *
 * @example
 * await using variant = await buildVariant({ config: { cacheComponents: true } });
 * await using app = await variant.start();
 */
export async function buildVariant(options: VariantOptions = {}): Promise<ExampleVariant> {
  const copy = await copyExample(options);
  const { folder } = copy;
  try {
    const buildOutput = await runProcess(process.execPath, [nextCommand(), "build"], {
      cwd: folder,
      env: { NEXT_TELEMETRY_DISABLED: "1", ...options.env },
      timeoutMs: 180_000,
    });
    return {
      folder,
      buildOutput,
      start: async (server = {}) =>
        options.config?.output === "standalone"
          ? startStandalone(folder, server)
          : startNext("start", { ...server, folder }),
      [Symbol.asyncDispose]: async () => copy[Symbol.asyncDispose](),
    };
  } catch (error) {
    await copy[Symbol.asyncDispose]();
    throw error;
  }
}

async function startStandalone(folder: string, options: ServerOptions): Promise<NextServer> {
  const root = join(folder, ".next/standalone", relative(repository, folder));
  // Next leaves these out, for a CDN to serve; its documentation says to copy them.
  await cp(join(folder, ".next/static"), join(root, ".next/static"), { recursive: true });
  await cp(join(folder, "public"), join(root, "public"), { recursive: true }).catch(ignoreMissing);
  const port = options.port ?? (await freePort());
  const env = { PORT: String(port), HOSTNAME: "127.0.0.1", ...options.env };
  return startNode(["server.js"], { ...options, env, folder: root, port });
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
