import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { reaper } from "./reaper.ts";

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

/** Creates an empty folder that is removed on dispose, or else when this process ends. */
export async function tempFolder(prefix: string, parent: string = tmpdir()): Promise<TempFolder> {
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, `${prefix}-`));
  reaper.watchFolder(path);
  // Servers that drop root (PostgreSQL, nginx, Varnish) must be able to enter it.
  await chmod(path, 0o711);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      reaper.folderRemoved(path);
    },
  };
}
