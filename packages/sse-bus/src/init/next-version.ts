import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

interface MajorMinor {
  readonly major: number;
  readonly minor: number;
}

/** The range of Next.js versions that this package works with: the one that its package.json gives to npm. */
export const SUPPORTED_NEXT: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    peerDependencies: { next: string };
  }
).peerDependencies.next;

/**
 * The installed version, else the declared one: `^15.1.0`, `latest`. `require.resolve` would also search NODE_PATH,
 * in which pnpm puts other packages than the app's.
 */
export async function nextVersion(folder: string, declared: string): Promise<string> {
  for (let path = folder; ; path = dirname(path)) {
    const file = join(path, "node_modules/next/package.json");
    const text = await readFile(file, "utf8").catch(() => undefined);
    // Empty after an installation that was interrupted.
    if (text) return (JSON.parse(text) as { version: string }).version;
    if (path === dirname(path)) return declared;
  }
}

/** A version without a number, such as `latest` or `catalog:`, is not too old. */
export function isTooOld(version: string, supported: string): boolean {
  // "15" and "15.x" allow the newest 15.
  const found = majorMinor(version, Infinity);
  const oldest = majorMinor(supported, 0);
  if (found === undefined || oldest === undefined) return false;
  if (found.major !== oldest.major) return found.major < oldest.major;
  return found.minor < oldest.minor;
}

function majorMinor(text: string, otherwise: number): MajorMinor | undefined {
  const [, major, minor] = /^[\^~<>=v ]*(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  if (major === undefined) return undefined;
  return { major: Number(major), minor: minor === undefined ? otherwise : Number(minor) };
}
