import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Instances, startInstances } from "../support/instances.ts";
import { tempFolder } from "../support/temp-folder.ts";

export const LEASE_MS = 5000;

/** Three instances of an application on one backend, each in a process of its own. */
export interface Cluster extends Instances {
  /** What sources of this stream did: they began to run, or were aborted. */
  notes(id: string): Promise<readonly Note[]>;
}

export interface Note {
  readonly what: "run" | "abort";
  readonly port: number;
  /** In ms since 1970. */
  readonly at: number;
}

export async function startCluster(backendUrl: string): Promise<Cluster> {
  const folder = await tempFolder("streams");
  const file = join(folder.path, "notes");
  const started = await startInstances("test/streams/instance.mjs", {
    BACKEND_URL: backendUrl,
    LEASE_MS: String(LEASE_MS),
    NOTES: file,
  });
  return {
    instances: started.instances,
    async notes(id) {
      const lines = (await readFile(file, "utf8").catch(() => "")).split("\n");
      return lines
        .map((line) => line.split(" "))
        .filter(([, of]) => of === id)
        .map(([what, , port, at]) => ({
          what: what as Note["what"],
          port: Number(port),
          at: Number(at),
        }));
    },
    async [Symbol.asyncDispose]() {
      await started[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
