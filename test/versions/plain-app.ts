import { cp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { copyFolder } from "../support/demo-copy.ts";
import { type NextServer, type ServerOptions, startNode } from "../support/next-server.ts";
import { freePort } from "../support/ports.ts";
import { runProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import type { Packages } from "./packages.ts";
import { plainAppFiles } from "./plain-app-files.ts";

/** The ways to serve an app. */
export type Mode = "dev" | "start" | "standalone" | "custom server";

/** An app on a release of Next.js, built once and served by any version of Node.js. */
export interface PlainApp extends AsyncDisposable {
  serve(mode: Mode, options?: ServerOptions): Promise<NextServer>;
}

/** Builds it with the built package in its `node_modules`, as an installed one is. */
export async function buildPlainApp(packages: Packages): Promise<PlainApp> {
  const built = await copyFolder("plain-app");
  const source = await copyFolder("plain-app");
  const { path: folder } = built;
  await writeApp(folder, packages);
  await writeApp(source.path, packages);
  const next = join(packages.folderOf("next"), "dist/bin/next");
  const env = { APP_ROOT: repository, NEXT_TELEMETRY_DISABLED: "1" };
  await runProcess(process.execPath, [next, "build"], { cwd: folder, env, timeoutMs: 180_000 });
  const standalone = join(folder, ".next/standalone", relative(repository, folder));

  return {
    async serve(mode, options = {}) {
      const port = await freePort();
      const address = ["-p", String(port), "-H", "127.0.0.1"];
      const [args, from] = {
        dev: [[next, "dev", ...address], source.path],
        start: [[next, "start", ...address], folder],
        standalone: [["server.js"], standalone],
        "custom server": [["server.mjs"], folder],
      }[mode] as [string[], string];
      const production = { NODE_ENV: "production", HOSTNAME: "127.0.0.1", PORT: String(port) };
      return startNode(args, {
        ...options,
        folder: from,
        port,
        env: {
          ...env,
          SSE_BUS_OPEN_PUBLISH: "1",
          ...(mode !== "dev" && production),
          ...options.env,
        },
      });
    },
    async [Symbol.asyncDispose]() {
      await built[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
      await packages[Symbol.asyncDispose]();
    },
  };
}

async function writeApp(folder: string, packages: Packages): Promise<void> {
  for (const [path, text] of Object.entries(plainAppFiles)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const modules = join(folder, "node_modules");
  await mkdir(modules, { recursive: true });
  const linked = ["next", "react", "react-dom", "prom-client", "rate-limiter-flexible"] as const;
  for (const name of linked) await symlink(packages.folderOf(name), join(modules, name));
  // A copy: a link would resolve to the Next.js of this repository.
  const own = join(modules, "sse-bus");
  for (const path of ["package.json", "dist"]) {
    await cp(join(repository, "packages/sse-bus", path), join(own, path), { recursive: true });
  }
  await rm(join(folder, ".next"), { recursive: true, force: true });
}
