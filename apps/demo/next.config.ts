import { fileURLToPath } from "node:url";
import type { NextConfig } from "next";
import { PHASE_DEVELOPMENT_SERVER } from "next/constants";
import { securityHeaders } from "./security-headers";

// Next reports usage to its makers unless this is set; a clone should not phone home unasked.
process.env.NEXT_TELEMETRY_DISABLED ??= "1";

const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url));

/**
 * In development `sse-bus` is resolved from its sources, so that there is nothing to build first
 * and an edit of the package hot-reloads the app. In production it is the built package, as an
 * installed one would be. The `paths` of the two tsconfigs are the only difference.
 */
export default function config(phase: string): NextConfig {
  const development = phase === PHASE_DEVELOPMENT_SERVER;
  return {
    typescript: { tsconfigPath: development ? "tsconfig.json" : "tsconfig.build.json" },
    turbopack: {
      root: repositoryRoot,
      // `import text from "./file.ts?raw"`: what "how it works" shows is the source itself.
      rules: { "*": { condition: { query: "?raw" }, type: "text" } },
    },
    outputFileTracingRoot: repositoryRoot,
    poweredByHeader: false,
    headers: async () => [{ source: "/:path*", headers: securityHeaders({ development }) }],
    // Clients of backends find native or optional parts of their own at run time; `pg` Next knows.
    serverExternalPackages: ["redis", "@nats-io/transport-node"],
    // Dev logs a request when it ends: a stream would be logged minutes late, as a slow request.
    logging: { incomingRequests: { ignore: [/^\/api\/sse(?:\?|$)/] } },
    agentRules: false,
    experimental: { agentUpgrade: false },
  };
}
