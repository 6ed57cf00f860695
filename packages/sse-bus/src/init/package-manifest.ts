import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InitError } from "./init-error.ts";

/** What `init` reads of a package.json. */
export interface PackageManifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * `undefined` if the folder has none.
 *
 * @throws InitError if it is not a JSON object
 */
export async function readManifest(folder: string): Promise<PackageManifest | undefined> {
  const path = join(folder, "package.json");
  let text;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return undefined;
  }
  let manifest: unknown;
  try {
    manifest = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    // Reported below, like `null`.
  }
  if (typeof manifest === "object" && manifest !== null) return manifest;
  throw new InitError(`${path} is not valid JSON: correct it, then run this again.`);
}

/** The range under which a package is a dependency. */
export function rangeOf(manifest: PackageManifest, name: string): string | undefined {
  return manifest.dependencies?.[name] ?? manifest.devDependencies?.[name];
}
