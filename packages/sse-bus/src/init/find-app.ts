import { existsSync, statSync } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { InitError } from "./init-error.ts";
import { type NextConfig, readNextConfig } from "./next-config.ts";
import { isTooOld, nextVersion, SUPPORTED_NEXT } from "./next-version.ts";
import { type PackageManifest, rangeOf, readManifest } from "./package-manifest.ts";

/** The app that `init` changes. */
export interface NextApp {
  /** The folder of its package.json, without symbolic links. */
  readonly folder: string;
  readonly manifest: PackageManifest;
  /** What has `app` and `lib`, relative to `folder`: "" or "src". */
  readonly base: string;
  /** `app` or `src/app`. */
  readonly appFolder: string;
  readonly isTypeScript: boolean;
  readonly nextVersion: string;
  readonly config: NextConfig;
}

/** @throws InitError if there is no app that can be changed, saying why */
export async function findApp(cwd: string, supported: string = SUPPORTED_NEXT): Promise<NextApp> {
  if (!isFolder(cwd)) throw new InitError(`There is no folder ${cwd}.`);
  const folder = await realpath(cwd);
  const manifest = await readManifest(folder);
  const declared = manifest && rangeOf(manifest, "next");
  if (manifest === undefined || declared === undefined) {
    const problem = manifest
      ? `${join(folder, "package.json")} does not list next as a dependency.`
      : `There is no package.json in ${folder}.`;
    throw new InitError(`${problem} ${await whereAppsAre(folder)}`);
  }
  const version = await nextVersion(folder, declared);
  if (isTooOld(version, supported)) {
    throw new InitError(
      `Next.js ${version} is too old: sse-bus needs ${supported}. Upgrade it first: https://nextjs.org/docs/app/guides/upgrading`,
    );
  }
  // Next.js takes the first, too.
  const appFolder = ["app", "src/app"].find((name) => isFolder(join(folder, name)));
  if (appFolder === undefined) throw new InitError(noAppFolder(folder));
  const config = await readNextConfig(folder);
  if (config.isExport) {
    throw new InitError(
      `${config.file} sets output: "export": the app is a set of files, without a server that could send events. Remove that setting, or run the hub beside the app: npx sse-bus hub --help`,
    );
  }
  return {
    folder,
    manifest,
    base: appFolder === "app" ? "" : "src",
    appFolder,
    isTypeScript: existsSync(join(folder, "tsconfig.json")),
    nextVersion: version,
    config,
  };
}

function noAppFolder(folder: string): string {
  const pages = ["pages", "src/pages"].find((name) => isFolder(join(folder, name)));
  if (pages === undefined) {
    return `There is no app folder in ${folder}, nor in its src. sse-bus init needs the App Router: https://nextjs.org/docs/app`;
  }
  const app = pages.replace("pages", "app");
  return `This app has only the Pages Router (${pages}). sse-bus init needs the App Router. Create the folder ${app} beside ${pages}, where both routers work together, and run this again. See https://nextjs.org/docs/app/guides/migrating/app-router-migration`;
}

/** Finds the app from the root of a monorepo, and from a folder of the app. */
async function whereAppsAre(folder: string): Promise<string> {
  const apps = [...(await appsBelow(folder)), ...(await appAbove(folder))];
  if (apps.length === 0) {
    return "Run this in the folder of a Next.js app, or pass it with --cwd. To create an app: npx create-next-app@latest";
  }
  const commands = apps.map((app) => `\n  npx sse-bus init --cwd ${relative(folder, app)}`);
  return `The folder of the app is another one. Run:${commands.join("")}`;
}

async function appsBelow(folder: string): Promise<string[]> {
  const apps: string[] = [];
  for (const parent of ["", "apps", "packages", "examples"]) {
    const entries = await readdir(join(folder, parent), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = join(folder, parent, entry.name);
      if (entry.isDirectory() && entry.name !== "node_modules" && (await isApp(path))) {
        apps.push(path);
      }
    }
  }
  return apps.slice(0, 10);
}

async function appAbove(folder: string): Promise<string[]> {
  for (let path = folder; path !== dirname(path);) {
    path = dirname(path);
    if (await isApp(path)) return [path];
  }
  return [];
}

/** For hints only: a package.json that cannot be read is none. */
async function isApp(folder: string): Promise<boolean> {
  const manifest = await readManifest(folder).catch(() => undefined);
  return manifest !== undefined && rangeOf(manifest, "next") !== undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
