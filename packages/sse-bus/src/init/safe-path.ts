import { lstatSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";

/**
 * Why a file must not be written: a symbolic link leads out of the app, where another app may use the file. `folder`
 * is without links itself.
 */
export function outsideOf(folder: string, path: string): string | undefined {
  let existing = join(folder, path);
  while (isMissing(existing)) existing = dirname(existing);
  let real;
  try {
    real = realpathSync(existing);
  } catch {
    return `${existing} is a symbolic link to a file that does not exist`;
  }
  if (real === folder || real.startsWith(folder + sep)) return undefined;
  return `it is in ${real}, outside of the app, through a symbolic link`;
}

function isMissing(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    // Node.js 20 throws this where a folder of the path is a file.
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return true;
    throw error;
  }
}
