import { appendFile, cp, readFile, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";

import { copyDemo } from "./demo-copy.ts";
import { type NextServer, type ServerOptions, startNode } from "./next-server.ts";
import { freePort } from "./ports.ts";
import { runProcess } from "./processes.ts";
import { nextCommand, repository } from "./repository.ts";
import { variantFiles } from "./variant-files.ts";
import { waitFor } from "./wait-for.ts";

/** Where the run keeps its variant; the run removes it. */
export const VARIANT_FOLDER = "SSE_BUS_TEST_VARIANT";

/** The demo as others configure theirs: Cache Components, standalone output, a proxy.ts. */
export interface Variant {
  readonly folder: string;
  /** What `next build` printed. */
  readonly buildOutput: string;
  /** A rewrite is part of the build: `/through/…` leads to this port. */
  readonly throughPort: number;
  /** Starts its standalone server. */
  start(options?: ServerOptions): Promise<NextServer>;
}

/**
 * The variant, built once in a run by whichever file asks first (half a minute).
 *
 * @example
 * const variant = await builtVariant();
 * await using app = await variant.start();
 */
export async function builtVariant(): Promise<Variant> {
  const folder = process.env[VARIANT_FOLDER];
  if (folder === undefined) throw new Error("The variant is built by integration tests only");
  const result = join(folder, "built.json");
  const isFirst = await writeFile(join(folder, "building"), "", { flag: "wx" }).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const text = await build(folder).then(
      (built) => JSON.stringify(built),
      (error: unknown) => JSON.stringify({ error: String(error) }),
    );
    await writeFile(`${result}.new`, text);
    await rename(`${result}.new`, result);
  }
  const text = await waitFor("the variant's build", async () => readFile(result, "utf8"), {
    timeoutMs: 240_000,
    everyMs: 100,
  });
  const built = JSON.parse(text) as Built | { readonly error: string };
  if ("error" in built) throw new Error(built.error);
  return { ...built, start: (options = {}) => startStandalone(built.folder, options) };
}

type Built = Omit<Variant, "start">;

async function build(folder: string): Promise<Built> {
  const throughPort = await freePort();
  const destination = `http://127.0.0.1:${throughPort}/:path*`;
  await copyDemo({
    folder,
    config: { cacheComponents: true, output: "standalone" },
    rewrites: [{ source: "/through/:path*", destination }],
    files: variantFiles,
  });
  // Cache Components want a page that may be a 404 to say so; without them Next refuses the word.
  await appendFile(join(folder, "app/inspector/page.tsx"), "export const instant = false;\n");
  const buildOutput = await runProcess(process.execPath, [nextCommand(), "build"], {
    cwd: folder,
    env: { NEXT_TELEMETRY_DISABLED: "1" },
    timeoutMs: 180_000,
  });
  // Next leaves these out, for a CDN to serve; its documentation says to copy them.
  const root = standaloneRoot(folder);
  await cp(join(folder, ".next/static"), join(root, ".next/static"), { recursive: true });
  await cp(join(folder, "public"), join(root, "public"), { recursive: true }).catch(ignoreMissing);
  return { folder, buildOutput, throughPort };
}

async function startStandalone(folder: string, options: ServerOptions): Promise<NextServer> {
  const port = options.port ?? (await freePort());
  const env = { PORT: String(port), HOSTNAME: "127.0.0.1", ...options.env };
  return startNode(["server.js"], { ...options, env, folder: standaloneRoot(folder), port });
}

const standaloneRoot = (folder: string): string =>
  join(folder, ".next/standalone", relative(repository, folder));

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
