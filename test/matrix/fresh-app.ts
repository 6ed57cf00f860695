import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { type NextServer, startNode } from "../support/next-server.ts";
import { freePort } from "../support/ports.ts";
import { runProcess } from "../support/processes.ts";
import { nodeProgram } from "../support/runtimes.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { type Combination, majorOf } from "./combinations.ts";
import { configOf, probeFiles } from "./fresh-app-files.ts";

/** An app that `create-next-app` has made, with the packed package and what `sse-bus init` adds. */
export interface FreshApp extends AsyncDisposable {
  readonly folder: string;
  /** Runs `next build`; returns how many milliseconds it took. */
  build(): Promise<number>;
  serve(): Promise<NextServer>;
}

export interface FreshAppOptions {
  /** The package, as `npm pack` makes it. */
  readonly tarball: string;
  /** An app whose `node_modules` are moved to this one, which saves most of an installation. */
  readonly previous?: FreshApp | undefined;
}

/** Makes an app outside of the repository, from nothing. */
export async function freshApp(
  combination: Combination,
  { tarball, previous }: FreshAppOptions,
): Promise<FreshApp> {
  const temp = await tempFolder("fresh-app");
  const folder = join(temp.path, "shop");
  const node = nodeProgram(combination.node);
  const env = {
    NEXT_TELEMETRY_DISABLED: "1",
    // Next.js starts child processes, which must use the same Node.js.
    PATH: dirname(node) + delimiter + (process.env.PATH ?? ""),
  };
  const next = (...args: string[]): string[] => ["node_modules/next/dist/bin/next", ...args];

  await createNextApp(combination, temp.path);
  await editManifest(combination, { folder, tarball });
  if (previous) await rename(join(previous.folder, "node_modules"), join(folder, "node_modules"));
  await npm(folder, "install", "--no-audit", "--no-fund", "--prefer-offline");
  await configure(combination, folder);
  await runProcess("npx", ["sse-bus", "init", "--yes"], { cwd: folder });
  await write(folder, probeFiles(combination));

  return {
    folder,
    async build() {
      const start = performance.now();
      await runProcess(node, next("build", ...bundlerFlag(combination)), {
        cwd: folder,
        env,
        timeoutMs: 480_000,
      });
      const duration = performance.now() - start;
      if (combination.server === "standalone") await copyStandalone(folder, standalone());
      return duration;
    },
    async serve() {
      const port = await freePort();
      const address = ["-p", String(port), "-H", "127.0.0.1"];
      const [args, cwd] = {
        start: [next("start", ...address), folder],
        dev: [next("dev", ...bundlerFlag(combination), ...address), folder],
        standalone: [["server.js"], standalone()],
        "custom server": [["server.mjs"], folder],
      }[combination.server] as [string[], string];
      const production = { NODE_ENV: "production", HOSTNAME: "127.0.0.1", PORT: String(port) };
      const isProduction = combination.server !== "dev";
      return startNode(args, {
        port,
        node,
        folder: cwd,
        env: { ...env, ...(isProduction && { ...production, SSE_BUS_OPEN_PUBLISH: "1" }) },
      });
    },
    [Symbol.asyncDispose]: async () => temp[Symbol.asyncDispose](),
  };

  /** Without access to the app's `node_modules`. */
  function standalone(): string {
    return join(temp.path, "standalone");
  }
}

async function createNextApp(
  { next, typescript, srcDir }: Combination,
  folder: string,
): Promise<void> {
  const constant =
    "--app --empty --no-tailwind --no-eslint --import-alias @/* --use-npm --skip-install --disable-git --yes";
  const answers = [
    typescript === "none" ? "--js" : "--ts",
    srcDir ? "--src-dir" : "--no-src-dir",
    ...constant.split(" "),
  ];
  // The newest patch of the same minor: not each release of Next.js has one of create-next-app.
  const creator = `create-next-app@${next.split(".").slice(0, 2).join(".")}`;
  await runProcess("npx", ["-y", "--prefer-offline", creator, "shop", ...answers], {
    cwd: folder,
    timeoutMs: 240_000,
  });
}

async function editManifest(
  { next, react, typescript }: Combination,
  { folder, tarball }: { readonly folder: string; readonly tarball: string },
): Promise<void> {
  const path = join(folder, "package.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as object;
  const types = majorOf(react) === "18" ? "^18.3.0" : "^19.0.0";
  await writeFile(
    path,
    JSON.stringify({
      ...manifest,
      dependencies: { next, react, "react-dom": react, "sse-bus": `file:${tarball}` },
      devDependencies: {
        ...(typescript !== "none" && {
          "@types/node": "^20.0.0",
          "@types/react": types,
          "@types/react-dom": types,
          typescript,
        }),
      },
    }),
  );
}

/** Replaces the configuration that create-next-app has made. `init` reads it. */
async function configure(combination: Combination, folder: string): Promise<void> {
  await rm(join(folder, "next.config.ts"), { force: true });
  await write(folder, {
    "next.config.mjs": `export default ${JSON.stringify(configOf(combination))};\n`,
  });
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text.trimStart());
  }
}

/** The option that chooses the bundler, which is webpack by default in Next.js 15, and Turbopack in 16. */
function bundlerFlag({ next, bundler }: Combination): string[] {
  if (bundler === "webpack") return majorOf(next) === "15" ? [] : ["--webpack"];
  return [next.startsWith("15.0.") ? "--turbo" : "--turbopack"];
}

/** As a Dockerfile does. */
async function copyStandalone(folder: string, to: string): Promise<void> {
  await cp(join(folder, ".next/standalone"), to, { recursive: true });
  await cp(join(folder, ".next/static"), join(to, ".next/static"), { recursive: true });
}

async function npm(folder: string, ...args: string[]): Promise<void> {
  await runProcess("npm", args, { cwd: folder, timeoutMs: 480_000 });
}
