import cluster from "node:cluster";
import { VERSION } from "../core/version.ts";
import { describeFlags } from "./flag-table.ts";
import { UsageError } from "./flags.ts";
import { type HubConfig, readConfig } from "./hub-config.ts";
import { createAccess } from "./jwt-flags.ts";
import { createLogger } from "./logger.ts";
import { runAlone } from "./run-alone.ts";
import { runPrimary } from "./run-primary.ts";
import { runWorker } from "./run-worker.ts";

/** `sse-bus hub --help`. */
export const HUB_HELP: string = `sse-bus ${VERSION}

Usage: sse-bus hub [flags]

Serves event streams: GET /sse, GET and POST /publish, /health, /metrics.

${describeFlags()}
  --help, --version

Every flag can be set in the environment as SSE_BUS_<FLAG>: SSE_BUS_HEARTBEAT_MS=5000. 1 turns a switch on.
The ready line goes to standard output, logs (JSON) to standard error.
On SIGTERM or SIGINT every stream ends with "bye", clients reconnect, and the hub exits with code 0.
`;

/** `sse-bus hub`. If it cannot run, the process ends with 2 for a wrong command line, otherwise with 1. */
export async function hub(given: readonly string[]): Promise<void> {
  const log = createLogger();
  try {
    const read = readConfig(given, process.env);
    const access = await createAccess(read.jwt, read.hub);
    const config: HubConfig = { ...read, hub: { ...read.hub, ...access } };
    const run = cluster.isWorker ? runWorker : config.workers > 1 ? runPrimary : runAlone;
    await run(config, log);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message} See sse-bus hub --help.\n`);
      process.exit(2);
    }
    log.error("failed", error as Error);
    process.exit(1);
  }
}
