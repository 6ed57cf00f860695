#!/usr/bin/env node
import cluster from "node:cluster";
import { VERSION } from "../core/version.ts";
import { describeFlags } from "./flag-table.ts";
import { quoted, UsageError } from "./flags.ts";
import { type HubConfig, readConfig } from "./hub-config.ts";
import { createAccess } from "./jwt-flags.ts";
import { createLogger } from "./logger.ts";
import { runAlone } from "./run-alone.ts";
import { runPrimary } from "./run-primary.ts";
import { runWorker } from "./run-worker.ts";

const HELP = `sse-bus ${VERSION}: real-time updates from the server to browsers, over Server-Sent Events

Usage: npx sse-bus COMMAND [flags]

  init    Set up sse-bus in a Next.js app.
  hub     Serve event streams in a process of its own, for serverless platforms and other frameworks.

npx sse-bus COMMAND --help describes the flags of a command. npx sse-bus --version prints the version.
`;

const HUB_HELP = `sse-bus ${VERSION}

Usage: sse-bus hub [flags]

Serves event streams: GET /sse, GET and POST /publish, /health, /metrics.

${describeFlags()}
  --help, --version

Every flag can be set in the environment as SSE_BUS_<FLAG>: SSE_BUS_HEARTBEAT_MS=5000. 1 turns a switch on.
The ready line goes to standard output, logs (JSON) to standard error.
On SIGTERM or SIGINT every stream ends with "bye", clients reconnect, and the hub exits with code 0.
`;

const [first, ...rest] = process.argv.slice(2);
// `sse-bus help init` is `sse-bus init --help`.
const [command, ...args] = first === "help" ? [...rest, "--help"] : [first, ...rest];
const wanted = [command, ...args];
if (wanted.includes("--version") || wanted.includes("-v")) {
  process.stdout.write(`${VERSION}\n`);
} else if (wanted.includes("--help") || wanted.includes("-h")) {
  process.stdout.write(await helpOf(command));
} else if (command === "hub") {
  await hub(args);
} else if (command === "init") {
  const { init, terminalHost } = await import("../init/index.ts");
  process.exitCode = await init(args, terminalHost);
} else {
  // The value of a flag may be a secret.
  const [name] = command?.split("=", 1) ?? [];
  const problem = name === undefined ? "No command given" : `There is no command ${quoted(name)}`;
  process.stderr.write(
    `${problem}. Run: npx sse-bus init, or npx sse-bus hub. See sse-bus --help.\n`,
  );
  process.exitCode = 2;
}

async function helpOf(command: string | undefined): Promise<string> {
  if (command === "hub") return HUB_HELP;
  if (command === "init") return (await import("../init/init-help.ts")).INIT_HELP;
  return HELP;
}

async function hub(given: readonly string[]): Promise<void> {
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
