import { lstatSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";

/**
 * Why a file must not be written: a symbolic link leads out of the app, where another app may use the file. `folder`
 * is without links itself.
 */
export function outsideOf(folder: string, path: string): string | undefined {
  let existing = join(folder, path);
  while (!isThere(existing)) existing = dirname(existing);
  let real;
  try {
    real = realpathSync(existing);
  } catch {
    return `${existing} is a symbolic link to a file that does not exist`;
  }
  if (real === folder || real.startsWith(folder + sep)) return undefined;
  return `it is in ${real}, outside of the app, through a symbolic link`;
}

/** Also a symbolic link to nothing is there; a path through a file is not. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
