import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { runProcess } from "./processes.ts";
import { repository } from "./repository.ts";

/** Packs the built package as it would be published, into an empty folder. Returns the tarball's path. */
export async function packPackage(destination: string): Promise<string> {
  await runProcess("npm", ["pack", "--pack-destination", destination], {
    cwd: join(repository, "packages/sse-bus"),
  });
  const tarball = (await readdir(destination)).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack created no tarball");
  return join(destination, tarball);
}
