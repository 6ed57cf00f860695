import { type Instances, startInstances } from "../support/instances.ts";
import type { Restartable } from "../support/restartable.ts";

export const LEASE_MS = 5000;
export const GRACE_MS = 2000;

/** Three instances of an application on one backend, each in a process of its own. */
export interface Cluster extends Instances {
  /** Those that are alive. */
  readonly alive: Set<Restartable>;
}

export async function startCluster(backendUrl: string): Promise<Cluster> {
  const started = await startInstances("test/presence/instance.mjs", {
    BACKEND_URL: backendUrl,
    LEASE_MS: String(LEASE_MS),
    GRACE_MS: String(GRACE_MS),
  });
  return { ...started, alive: new Set(started.instances) };
}
