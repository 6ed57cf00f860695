import { SseBusError } from "./errors.ts";

/** The part of `node:cluster` that is needed. */
interface Cluster {
  readonly isWorker: boolean;
  readonly worker?: { readonly id: number };
}

let isReported = false;

/**
 * Reports, once in this process, that a log in memory is not what the workers of a cluster share: each
 * has its own, and a message reaches the readers of one worker only.
 *
 * The module is asked for at run time, as the core imports nothing of Node's. Before Node.js 20.16
 * `getBuiltinModule` does not exist, and nothing is reported.
 */
export function reportClusterWorker(onError: (error: Error) => void): void {
  if (isReported || typeof process === "undefined") return;
  const cluster = process.getBuiltinModule?.("node:cluster") as unknown as Cluster | undefined;
  if (!cluster?.isWorker) return;
  isReported = true;
  onError(
    new SseBusError(
      "MEMORY_NOT_SHARED",
      `This bus is in memory, in worker ${cluster.worker?.id} of a \`node:cluster\`: the other workers do not receive what is published here. Set SSE_BUS_URL to a backend that all workers share, or run one process.`,
    ),
  );
}
