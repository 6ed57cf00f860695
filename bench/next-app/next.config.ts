import { fileURLToPath } from "node:url";
import type { NextConfig } from "next";

process.env.NEXT_TELEMETRY_DISABLED ??= "1";
const root = fileURLToPath(new URL("../..", import.meta.url));

const config: NextConfig = {
  turbopack: { root },
  outputFileTracingRoot: root,
  poweredByHeader: false,
  agentRules: false,
};

export default config;
