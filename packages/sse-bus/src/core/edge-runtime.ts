import { SseBusError } from "./errors.ts";

/** What is thrown in Next.js's edge runtime, where streams, timers and backends have no process to live in. */
export function nodeRuntimeRequired(name: string): SseBusError {
  return new SseBusError(
    "NODE_RUNTIME_REQUIRED",
    `\`${name}\` runs in the Node.js runtime only, and this file is built for the edge runtime: remove \`export const runtime = "edge"\` from it, or, in middleware.ts, do not import the bus.`,
  );
}
