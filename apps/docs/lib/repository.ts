import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** The repository's root. Found from the working folder, because the bundler moves this file. */
export const repository: string = findRoot(process.cwd());

/** Where the API reference is generated; see scripts/api-reference.mjs. */
export const generatedApi: string = join(repository, "apps/docs/.generated/api");

/** The address of a file or folder in the repository's main branch, for links that leave the site. */
export function sourceAddress(file: string): string {
  const kind = statSync(join(repository, file)).isDirectory() ? "tree" : "blob";
  return `${repositoryAddress()}/${kind}/main/${file}`;
}

/** The `repository` of the published package's manifest. */
export function repositoryAddress(): string {
  const manifest = JSON.parse(
    readFileSync(join(repository, "packages/sse-bus/package.json"), "utf8"),
  ) as { repository: { url: string } };
  return manifest.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, "pnpm-workspace.yaml"))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`No pnpm-workspace.yaml above ${process.cwd()}.`);
  return findRoot(parent);
}
