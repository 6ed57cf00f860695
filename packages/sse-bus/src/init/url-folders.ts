import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** `(shop)`, but not `(.)photo` and `(..)photo`, which intercept. */
const ROUTE_GROUP = /^\([^.)][^)]*\)$/;

/** The folders whose pages and routes have this URL, also in route groups: `app/(site)/sse` for `["sse"]`. */
export async function urlFolders(folder: string, segments: readonly string[]): Promise<string[]> {
  const [first, ...rest] = segments;
  const found: string[] = [];
  if (first === undefined) found.push(folder);
  else if (existsSync(join(folder, first))) {
    found.push(...(await urlFolders(join(folder, first), rest)));
  }
  for (const name of await foldersIn(folder)) {
    if (ROUTE_GROUP.test(name)) found.push(...(await urlFolders(join(folder, name), segments)));
  }
  return found;
}

/**
 * Where a new page has a root layout: `app`, or the first folder below it that has one, such as `app/(site)` or
 * `app/[locale]`. `undefined` if there is no layout.
 */
export async function layoutFolder(appFolder: string): Promise<string | undefined> {
  if (await hasLayout(appFolder)) return appFolder;
  const names = (await foldersIn(appFolder)).toSorted(
    // A group leaves the URL as it is.
    (a, b) => Number(ROUTE_GROUP.test(b)) - Number(ROUTE_GROUP.test(a)),
  );
  for (const name of names.filter((one) => ROUTE_GROUP.test(one) || /^\[\w+\]$/.test(one))) {
    const found = await layoutFolder(join(appFolder, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The URL of a folder below `app`: without groups. */
export function urlOf(path: string): string {
  const segments = path.split("/").filter((name) => !ROUTE_GROUP.test(name));
  return `/${segments.join("/")}`;
}

async function hasLayout(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  return names.some((name) => /^layout\.[jt]sx?$/.test(name));
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((one) => one.isDirectory()).map(({ name }) => name);
}
