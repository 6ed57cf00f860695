import { fileURLToPath } from "node:url";
import type { NextConfig } from "next";
import { PHASE_DEVELOPMENT_SERVER } from "next/constants";
import { securityHeaders } from "./security-headers";

// Turns Next's telemetry off: a clone should not send usage data unasked.
process.env.NEXT_TELEMETRY_DISABLED ??= "1";

const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url));

/**
 * In development `sse-bus` is resolved to its sources, so that no build is needed and package edits
 * hot-reload the app. In production it is the built package. Only the `paths` of the two tsconfigs
 * differ.
 */
export default function config(phase: string): NextConfig {
  const development = phase === PHASE_DEVELOPMENT_SERVER;
  return {
    typescript: { tsconfigPath: development ? "tsconfig.json" : "tsconfig.build.json" },
    turbopack: {
      root: repositoryRoot,
      // `import text from "./file.ts?raw"`, for the excerpts of "How it works".
      rules: { "*": { condition: { query: "?raw" }, type: "text" } },
    },
    outputFileTracingRoot: repositoryRoot,
    poweredByHeader: false,
    headers: async () => [
      // The inspector has a stricter policy of its own.
      { source: "/((?!inspector$).*)", headers: securityHeaders({ development }) },
    ],
    // Backend clients load native or optional parts at run time. Next already excludes `pg`.
    serverExternalPackages: ["redis", "@nats-io/transport-node"],
    // `next dev` logs a request when it ends: a stream would appear minutes late, as a slow request. The inspector
    // reads its data once a second.
    logging: { incomingRequests: { ignore: [/^\/(?:api\/sse|inspector)(?:\?|$)/] } },
    agentRules: false,
    experimental: { agentUpgrade: false },
  };
}
