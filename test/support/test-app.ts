import { appendFile, cp, mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";

import { copyDemo } from "./demo-copy.ts";
import { type NextServer, type ServerOptions, startNode } from "./next-server.ts";
import { freePort } from "./ports.ts";
import { runProcess } from "./processes.ts";
import { nextCommand, repository } from "./repository.ts";
import { testAppFiles } from "./test-app-files.ts";
import { waitFor } from "./wait-for.ts";

/** The folder of the test app. The test run removes it. */
export const TEST_APP_FOLDER = "SSE_BUS_TEST_APP";

/** The demo with more routes, Cache Components, standalone output and a proxy.ts. */
export interface TestApp {
  readonly folder: string;
  /** The output of `next build`. */
  readonly buildOutput: string;
  /** The port of the rewrite `/through/…`, which is part of the build. */
  readonly throughPort: number;
  /** Starts its standalone server. */
  start(options?: ServerOptions): Promise<NextServer>;
}

/**
 * The test app. The first file that needs it builds it, once per run (about 30 s).
 *
 * @example
 * const testApp = await builtTestApp();
 * await using app = await testApp.start();
 */
export async function builtTestApp(): Promise<TestApp> {
  const folder = process.env[TEST_APP_FOLDER];
  if (folder === undefined) throw new Error("The test app is built by integration tests only");
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
  const text = await waitFor("the test app's build", async () => readFile(result, "utf8"), {
    timeoutMs: 480_000,
    everyMs: 100,
  });
  const built = JSON.parse(text) as Built | { readonly error: string };
  if ("error" in built) throw new Error(built.error);
  return { ...built, start: (options = {}) => startStandalone(built.folder, options) };
}

type Built = Omit<TestApp, "start">;

async function build(folder: string): Promise<Built> {
  const throughPort = await freePort();
  const destination = `http://127.0.0.1:${throughPort}/:path*`;
  await copyDemo({
    folder,
    config: { cacheComponents: true, output: "standalone" },
    rewrites: [{ source: "/through/:path*", destination }],
    files: testAppFiles,
  });
  await addRefreshPages(folder);
  // Cache Components require this of a page that may be a 404. Without them, Next rejects it.
  await appendFile(join(folder, "app/guarantees/page.tsx"), "export const instant = false;\n");
  const buildOutput = await runProcess(process.execPath, [nextCommand(), "build"], {
    cwd: folder,
    env: { NEXT_TELEMETRY_DISABLED: "1" },
    timeoutMs: 420_000,
  });
  // Standalone output omits these; the documentation of Next.js says to copy them.
  const root = standaloneRoot(folder);
  await cp(join(folder, ".next/static"), join(root, ".next/static"), { recursive: true });
  await cp(join(folder, "public"), join(root, "public"), { recursive: true }).catch(ignoreMissing);
  return { folder, buildOutput, throughPort };
}

/** Adds the pages of `test/refresh-app`, and the two packages that only they use. */
async function addRefreshPages(folder: string): Promise<void> {
  const source = join(repository, "test/refresh-app");
  for (const part of ["app/refresh", "lib"]) {
    await cp(join(source, part), join(folder, part), { recursive: true });
  }
  const packages = join(folder, "app/refresh/node_modules");
  await mkdir(join(packages, "@tanstack"), { recursive: true });
  for (const name of ["@tanstack/react-query", "swr"]) {
    await symlink(join(source, "node_modules", name), join(packages, name));
  }
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
